"""The codec and the naive reading must agree on every line, clean or damaged: both ends share the codec's mistakes."""

from __future__ import annotations

import random

from hypothesis import given

from protocols.companion.codec import decode, encode
from protocols.companion.framing import FrameDecoder
from protocols.errors import RemoteProtocolError
from tests.protocols.companion import naive
from tests.protocols.companion.speech import build, fields_of, told, told_by

STREAMS = 1500


def read_by_codec(pieces: list[bytes]) -> list[naive.Told]:
    """What the codec believes of a line that comes in pieces, in the naive reading's form."""
    decoder = FrameDecoder()
    contents = [content for piece in pieces for content in decoder.receive(piece) if isinstance(content, bytes)]
    return [believed for content in contents if (believed := believed_of(content)) is not None]


def believed_of(content: bytes) -> naive.Told | None:
    try:
        envelope = decode(content)
    except RemoteProtocolError:
        return None
    message = envelope.message
    return message.TYPE, envelope.session, envelope.sequence, fields_of(message)


def cut(source: random.Random, line: bytes) -> list[bytes]:
    places = sorted(source.randint(0, len(line)) for _ in range(source.randint(0, 6)))
    return [line[start:end] for start, end in zip([0, *places], [*places, len(line)], strict=True)]


def damaged(source: random.Random, line: bytes) -> bytes:
    """One to three flips, losses, insertions or repeats."""
    hurt = bytearray(line)
    for _ in range(source.randint(1, 3)):
        place = source.randrange(len(hurt))
        match source.randrange(4):
            case 0:
                hurt[place] ^= 1 << source.randrange(8)
            case 1 if len(hurt) > 1:
                del hurt[place]
            case 2:
                hurt.insert(place, source.choice((0, 1, 255, source.randrange(256))))
            case _:
                hurt[place:place] = hurt[place : place + source.randint(1, 300)]
    return bytes(hurt)


def resealed(source: random.Random, frame: bytes) -> bytes:
    """Damage below a right CRC: what a faulty pump would send."""
    payload = naive.unstuff(frame[:-1])
    assert payload is not None
    content = damaged(source, payload[:-4])
    return naive.stuff(content + naive.crc32(content).to_bytes(4, "little")) + b"\0"


@given(told())
def test_both_write_the_same_bytes(said: naive.Told) -> None:
    kind, session, sequence, fields = said
    assert encode(build(kind, fields), session, sequence) == naive.write(said)


def test_both_read_the_same_from_a_clean_line_cut_anywhere(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(STREAMS // 5):
        said = [told_by(source) for _ in range(4)]
        line = b"".join(naive.write(one) for one in said)
        assert naive.read(line) == said
        assert read_by_codec(cut(source, line)) == said


def test_both_read_the_same_from_a_damaged_line(seed: int) -> None:
    source = random.Random(seed)
    believed = 0
    for _ in range(STREAMS):
        line = damaged(source, b"".join(naive.write(told_by(source)) for _ in range(3)))
        expected = naive.read(line)
        believed += len(expected)
        assert read_by_codec(cut(source, line)) == expected, line.hex()
    assert 0 < believed < 3 * STREAMS


def test_both_judge_the_same_under_a_right_crc(seed: int) -> None:
    source = random.Random(seed)
    believed = 0
    for _ in range(STREAMS):
        line = resealed(source, naive.write(told_by(source)))
        expected = naive.read(line)
        believed += len(expected)
        assert read_by_codec([line]) == expected, line.hex()
    assert 0 < believed < STREAMS
