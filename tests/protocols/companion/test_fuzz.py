"""A slice of fuzzing: whatever comes, a message or a RemoteProtocolError, and never a frame out of noise."""

from __future__ import annotations

import random

from protocols.companion.codec import decode
from protocols.companion.framing import MAX_CONTENT_BYTES, VERSION, FrameDecoder
from protocols.companion.messages import GetStatus
from protocols.companion.pump_session import PumpSession
from protocols.companion.session import CompanionSession
from protocols.errors import RemoteProtocolError
from tests.protocols.companion import naive

CONTENTS = 40_000
LINES = 4_000


def any_content(source: random.Random) -> bytes:
    """Often a known type, often of the right length: or only the first check would ever be tried."""
    kind = source.choice(sorted(naive.MESSAGES)) if source.random() < 0.9 else source.randrange(256)
    right = sum(8 if wire.code == "Q" else 4 for wire in naive.MESSAGES.get(kind, ()))
    length = source.choice(
        (right, source.choice((0, 3, 4, 8, 9, 16, 18, 21, 24, 25, 54, 72, 98)), source.randint(0, 186))
    )
    body = source.choice((bytes(length), source.randbytes(length), bytes(source.choices((0, 1, 255), k=length))))
    return bytes([VERSION if source.random() < 0.95 else source.randrange(256), kind]) + source.randbytes(8) + body


def test_decode_gives_a_message_or_blames_the_peer(seed: int) -> None:
    source = random.Random(seed)
    decoded = blamed = 0
    for _ in range(CONTENTS):
        content = any_content(source)[: source.choice((None, source.randint(0, MAX_CONTENT_BYTES)))]
        try:
            decode(content)
        except RemoteProtocolError:
            blamed += 1
        else:
            decoded += 1
    assert decoded + blamed == CONTENTS
    assert decoded > 0
    assert blamed > 0


def test_noise_is_never_a_frame(seed: int) -> None:
    source = random.Random(seed)
    decoder = FrameDecoder()
    for _ in range(LINES):
        decoder.receive(source.randbytes(source.randint(1, 600)))
        assert decoder.pending_bytes < 254
    assert decoder.good_frames == 0
    assert decoder.dropped_frames > LINES / 4


def test_both_ends_outlive_whole_frames_of_nonsense(seed: int) -> None:
    source = random.Random(seed)
    companion = CompanionSession(7)
    pump = PumpSession()
    companion.request(GetStatus())
    for _ in range(LINES):
        content = any_content(source)[:MAX_CONTENT_BYTES]
        line = naive.stuff(content + naive.crc32(content).to_bytes(4, "little")) + b"\0"
        place = source.randint(0, len(line))
        for part in (line[:place], line[place:]):
            companion.receive(part)
            pump.receive(part)
    assert companion.outstanding == GetStatus()
    assert pump.refused_count > 0
