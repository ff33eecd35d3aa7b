"""New Era pumps under fire: replies of both modes, and the simulated pump in safe mode.

Refuses to judge. The second reading is the naive one of tests/protocols/new_era. A pump in basic mode is not fired at:
that mode has no checksum, and a damaged line can be a command to it (docs/dialects/new_era.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from random import Random

from protocols.errors import RemoteProtocolError
from protocols.new_era.framing import Mode, Packet, ReplyDecoder, RequestDecoder
from protocols.new_era.messages import parse_reply, parse_request
from pumpctl.drivers import pump
from pumpctl.drivers.new_era import NewEraDriver
from pumpctl.drivers.pump import Driver
from simulator.firmware.new_era import new_era
from simulator.instant import NS_PER_MS
from simulator.pump import SimPump
from tests.drivers.new_era_bench import EXACT, HOME, SAFE
from tests.fuzz_frames.subject import SERIAL, Claims, Fired, Subject
from tests.fuzz_frames.talk import Said, every_state, recorded, replayed
from tests.protocols.new_era import naive
from tests.simulator.new_era_desk import NewEraDesk

VECTORS = Path(__file__).parents[1] / "protocols/new_era/vectors.json"
FRAMES = ("basic_request", "basic_reply", "safe_request", "safe_reply")
COMMANDS = (b"", b"VER", b"DIA", b"RAT", b"VOL", b"DIS", b"DIR", b"PHN", b"FUN", b"STP", b"RUN", b"PUR", b"SAF", b"AL1")
BODIES = (
    b"S",
    b"I",
    b"P",
    b"A?R",
    b"A?T",
    b"A?S",
    b"S?",
    b"S?OOR",
    b"S?NA",
    b"S25.00MH",
    b"I60.00MH",
    b"SI1.000W0.000ML",
)
# What makes a pump run, run otherwise, or lets it be spoken to without a checksum.
FOR_FLOW = (b"RUN", b"PUR", b"RAT", b"SAF", b"FUN", b"PHN", b"DIA", b"VOL", b"DIR", b"*")
LONGEST_SILENCE_NS = 600 * NS_PER_MS  # what is half said by then is forgotten


def _corpus() -> tuple[bytes, ...]:
    vectors = json.loads(VECTORS.read_text())["vectors"]
    return tuple(bytes.fromhex(vector[form]) for vector in vectors for form in FRAMES if vector.get(form))


def _nonsense(source: Random) -> bytes:
    address = b"%d" % source.choice((0, 0, 0, 7, 99))
    figure = source.choice((b"", b"1", b"60MH", b"1.000", b"9999", b"?", b"INF", b"STP"))
    if source.random() < 0.5:
        return naive.safe(address + source.choice(COMMANDS) + figure)
    reply = address.rjust(2, b"0") + source.choice(BODIES)
    return naive.safe(reply) if source.random() < 0.5 else naive.basic_reply(reply)


def _whole(received: bytes) -> list[bytes]:
    """By their mode and payload; the other end's decoder must at least not fall."""
    for mode in Mode:
        requests = RequestDecoder(mode)
        requests.receive(received)
        requests.expire()
    decoder = ReplyDecoder()
    pieces = [*decoder.receive(received), *decoder.expire()]
    return [piece.mode.value.encode() + b":" + piece.payload for piece in pieces if isinstance(piece, Packet)]


@lru_cache(maxsize=4)
def _replies(received: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple(naive.replies(received))


def _whole_again(received: bytes) -> list[bytes]:
    return [mode.encode() + b":" + payload for mode, payload in _replies(received)]


def _read(frame: bytes) -> None:
    """At both ends: what is no request may be a reply, and is blamed if it is neither."""
    payload = frame.partition(b":")[2]
    with suppress(RemoteProtocolError):
        parse_request(payload)
    parse_reply(payload)


def _may_dose(received: bytes) -> bool:
    """A whole safe packet, wherever it begins, with one of those words."""
    for at, byte in enumerate(received):
        size = received[at + 1] if byte == 2 and at + 1 < len(received) else 0
        payload = received[at + 2 : at + size - 2]
        if size >= 4 and received[at : at + size + 1] == naive.safe(payload):
            said = bytes(each for each in payload if each > 32).upper()
            if any(word in said for word in FOR_FLOW):
                return True
    return False


def _pump(*, programmed: bool, infusing: bool = False) -> Callable[[], Fired]:
    def make() -> Fired:
        desk = NewEraDesk()
        if programmed:
            desk.program()
        desk.safe(255)
        if infusing:
            assert desk.ask("RUN") is not None
        return Fired(desk.pump, desk.now)

    return make


def _opened() -> NewEraDriver:
    driver = NewEraDriver(SAFE, SERIAL)
    driver.open(1)
    return driver


def _drivers() -> dict[str, Callable[[], Driver]]:
    """From the acknowledged power-on to a program that runs."""
    fired = SimPump(EXACT, serial=SERIAL, seed=1, dialect=new_era(SAFE.address))
    loading = (pump.Identify(), pump.ReadStatus(), pump.LoadProgram(HOME), pump.ReadProgram(HOME))
    said = recorded(_opened(), fired, [*loading, pump.Start(HOME.program_id, 1), pump.ReadStatus()])
    states: dict[str, Callable[[], Driver]] = {"closed": lambda: NewEraDriver(SAFE, SERIAL), "open": _opened}
    for place, each in enumerate(said):
        states |= every_state(_opened, said[:place], each)
        states[f"after {type(each.command).__name__} {place}"] = partial(_replayed, said[: place + 1])
    return states


def _replayed(said: list[Said]) -> Driver:
    return replayed(_opened(), said)


def _says(received: bytes) -> Claims:
    """The link has no serial number: whoever answers is the pump that the channel declares."""
    replies = [payload for _, payload in _replies(received)]
    stopped = any(payload == b"00S" for payload in replies)
    return Claims(len(replies), stopped, frozenset({SERIAL} if replies else ()))


def _doses(_state: str, written: bytes) -> bool:
    return any(word in written for word in (b"RUN", b"PUR"))


NEW_ERA = Subject(
    name="new_era",
    corpus=_corpus(),
    end=b"",
    gap_ns=LONGEST_SILENCE_NS,
    nonsense=_nonsense,
    whole=_whole,
    whole_again=_whole_again,
    read=_read,
    says=_says,
    drivers=_drivers(),
    doses=_doses,
    pumps={
        "safe": _pump(programmed=False),
        "safe, programmed": _pump(programmed=True),
        "safe, infusing": _pump(programmed=True, infusing=True),
    },
    may_dose=_may_dose,
)
