"""The companion link under fire: SPEC.md's frames, its driver, its simulated pump.

Refuses to judge. The second reading is the naive one of tests/protocols/companion.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from random import Random

from protocols.companion import messages as m
from protocols.companion.codec import STOP_FRAME, decode, encode, sealed
from protocols.companion.framing import FrameDecoder
from protocols.companion.session import CompanionSession
from protocols.companion.vocabulary import LinkLoss, Phase
from pumpctl.drivers import pump
from pumpctl.drivers.companion import CompanionDriver
from pumpctl.drivers.pump import Driver
from simulator.firmware.dialect import Button
from simulator.instant import NS_PER_S, SimNow
from simulator.profile import REFERENCE
from simulator.pump import SimPump
from tests.drivers.conversation import PROGRAM, SESSION
from tests.fuzz_frames.subject import ASKED, SERIAL, Claims, Fired, Subject
from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion import speech

VECTORS = Path(__file__).parents[2] / "protocols/companion/vectors.json"
DOSING = frozenset({0x06, 0x08, 0x0D})  # START, RESUME, PRIME
COMMANDS: tuple[pump.Command, ...] = (
    pump.Identify(),
    pump.ReadStatus(),
    pump.LoadProgram(PROGRAM),
    pump.ReadProgram(PROGRAM),
    pump.ReadConfirmation(),
    pump.Start(PROGRAM.program_id, 5),
    pump.Resume(PROGRAM.program_id, 6),
    pump.Pause(PROGRAM.program_id),
    pump.Prime(1_000, 10_000),
    pump.Renew(PROGRAM.program_id, 99),
    pump.ReadEvent(4),
    pump.AcknowledgeAlarms(),
)
LOAD = sealed(
    m.Load(PROGRAM.program_id, bytes(16), Phase.INFUSION, 10_000, 5_000, 12_000, 0, LinkLoss.FINISH_LOADED, 0, 100_000)
)


def _corpus() -> tuple[bytes, ...]:
    """SPEC.md's own vectors, and every kind of answer to the very request that the drivers here have asked."""
    frames = [bytes.fromhex(each["frame_hex"]) for each in json.loads(VECTORS.read_text())["frames"]]
    source = Random(1)
    for _ in range(200):
        kind, _session, _sequence, fields = speech.told_by(source)
        message = speech.build(kind, fields)
        numbers = (0, 0) if kind in speech.UNNUMBERED else (SESSION, 1)
        frames.append(encode(message, *numbers))
    return (*frames, STOP_FRAME)


def _nonsense(source: Random) -> bytes:
    kind, session, sequence, fields = speech.told_by(source)
    if source.random() < 0.5 and kind not in speech.UNNUMBERED:
        session, sequence = SESSION, 1
    if source.random() < 0.5:
        return encode(speech.build(kind, fields), session, sequence)
    body = source.randbytes(source.choice((0, 4, 8, 16, 25, 54, 72, 98, source.randint(0, 186))))
    inside = naive.payload(source.randrange(256), session, sequence, body, 1 if source.random() < 0.95 else 2)
    return naive.stuff(inside) + b"\0"


@lru_cache(maxsize=4)  # every judgement of one line asks for it
def _frames(line: bytes) -> tuple[naive.Frame, ...]:
    return tuple(naive.Receiver().feed(line))


def _whole(line: bytes) -> list[bytes]:
    return [piece for piece in FrameDecoder().receive(line) if isinstance(piece, bytes)]


def _whole_again(line: bytes) -> list[bytes]:
    return [naive.payload(each.type, each.session, each.sequence, each.body)[:-4] for each in _frames(line)]


def _read(content: bytes) -> None:
    decode(content)


def _says(line: bytes) -> Claims:
    frames = _frames(line)
    mine = [each for each in frames if (each.session, each.sequence) == (SESSION, 1)]
    stopped = any((each.type, each.session, each.sequence, each.body) == (0x8A, 0, 0, b"") for each in frames)
    identities = [each.body for each in mine if each.type == 0x81 and len(each.body) == naive.body_length("IDENTITY")]
    confirmed = [
        each.body for each in mine if each.type == 0x85 and len(each.body) == naive.body_length("CONFIRMATION")
    ]
    serials = {body[16:32].rstrip(b"\0").decode("latin-1") for body in identities}
    tokens = {int.from_bytes(body[9:17], "little") for body in confirmed}
    return Claims(len(frames), stopped, frozenset(serials), frozenset(tokens))


def _opened() -> CompanionDriver:
    driver = CompanionDriver()
    driver.open(SESSION)
    return driver


def _after(command: pump.Command) -> Callable[[], Driver]:
    def make() -> Driver:
        driver = _opened()
        driver.command(command, ASKED)
        return driver

    return make


def _doses(_state: str, written: bytes) -> bool:
    return any(each.type in DOSING for each in _frames(written))


class _Line:
    """A companion at a pump that is to be brought into a state."""

    def __init__(self) -> None:
        self.now = SimNow(NS_PER_S, NS_PER_S)
        self.pump = SimPump(REFERENCE, serial=SERIAL, seed=1)
        self.session = CompanionSession(SESSION)

    def ask(self, request: m.Request) -> m.Message:
        answer = self.pump.receive(self.session.request(request), self.now)
        (envelope,) = [decode(piece) for piece in FrameDecoder().receive(answer) if isinstance(piece, bytes)]
        self.session.receive(answer)
        return envelope.message


def _fired(*, loaded: bool = True, confirmed: bool = True, infusing: bool = True) -> Fired:
    line = _Line()
    line.ask(m.Identify())
    if loaded:
        line.ask(LOAD)
    if loaded and confirmed:
        line.pump.press(Button.CONFIRM, line.now)
        line.session.receive(line.pump.advance(line.now))
        confirmation = line.ask(m.GetConfirmation())
        assert isinstance(confirmation, m.Confirmation)
        if infusing:
            line.ask(m.Start(LOAD.program_id, confirmation.token))
    return Fired(line.pump, line.now)


COMPANION = Subject(
    name="companion",
    corpus=_corpus(),
    end=b"\0",
    nonsense=_nonsense,
    whole=_whole,
    whole_again=_whole_again,
    read=_read,
    says=_says,
    drivers={
        "closed": CompanionDriver,
        "open": _opened,
        **{type(command).__name__: _after(command) for command in COMMANDS},
    },
    doses=_doses,
    pumps={
        "idle": partial(_fired, loaded=False),
        "loaded": partial(_fired, confirmed=False),
        "confirmed": partial(_fired, infusing=False),
        "infusing": _fired,
    },
    may_dose=lambda line: any(each.type == 0x0D for each in _frames(line)),  # a token is drawn: nobody guesses it
)
