"""Lines as a bad cable, a wrong pump or a hostile peer would send them. Refuses to know any protocol."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.fuzz_frames.subject import Subject

LONGEST_NOISE = 300  # longer than any decoder may hold


def line(source: Random, subject: Subject, frames: int) -> bytes:
    """So many damaged or forged frames; every second line is ended, so that the next begins afresh."""
    made = b"".join(_one(source, subject) for _ in range(frames))
    return made + subject.end if source.random() < 0.5 else made


def _one(source: Random, subject: Subject) -> bytes:
    return source.choice(_MUTATIONS)(source, subject)


def _whole(source: Random, subject: Subject) -> bytes:
    return source.choice(subject.corpus)


def _nonsense(source: Random, subject: Subject) -> bytes:
    return subject.nonsense(source)


def _noise(source: Random, subject: Subject) -> bytes:
    return source.randbytes(source.randint(0, LONGEST_NOISE))


def _flipped(source: Random, subject: Subject) -> bytes:
    frame = bytearray(_whole(source, subject))
    for _ in range(source.randint(1, 8)):
        frame[source.randrange(len(frame))] ^= 1 << source.randrange(8)
    return bytes(frame)


def _cut(source: Random, subject: Subject) -> bytes:
    frame = _whole(source, subject)
    begin = source.randint(0, len(frame) // 2) if source.random() < 0.5 else 0
    return frame[begin : source.randint(begin, len(frame))]


def _spliced(source: Random, subject: Subject) -> bytes:
    one, other = _whole(source, subject), _whole(source, subject)
    return one[: source.randint(0, len(one))] + other[source.randint(0, len(other)) :]


def _with_bytes(source: Random, subject: Subject) -> bytes:
    frame = _whole(source, subject)
    place = source.randint(0, len(frame))
    return frame[:place] + source.randbytes(source.randint(1, 6)) + frame[place:]


def _without_bytes(source: Random, subject: Subject) -> bytes:
    frame = _whole(source, subject)
    place = source.randint(0, len(frame))
    return frame[:place] + frame[place + source.randint(1, 6) :]


def _swapped(source: Random, subject: Subject) -> bytes:
    """Two bytes of a frame in each other's place, as a broken driver of a port would."""
    frame = bytearray(_whole(source, subject))
    one, other = source.randrange(len(frame)), source.randrange(len(frame))
    frame[one], frame[other] = frame[other], frame[one]
    return bytes(frame)


_MUTATIONS: tuple[Callable[[Random, Subject], bytes], ...] = (
    _whole,
    _nonsense,
    _nonsense,
    _noise,
    _flipped,
    _flipped,
    _cut,
    _spliced,
    _with_bytes,
    _without_bytes,
    _swapped,
)
