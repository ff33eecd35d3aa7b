"""The Alaris protocol under fire: captured frames, its driver at every question, its simulated pump.

Refuses to judge. The second reading is the naive one of tests/protocols/alaris.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

from protocols.alaris import messages as m
from protocols.alaris.codec import encode
from protocols.alaris.framing import FrameDecoder
from protocols.alaris.reading import reply_of, request_of
from protocols.errors import RemoteProtocolError
from pumpctl.drivers import pump
from pumpctl.drivers.alaris import AlarisDriver
from pumpctl.drivers.pump import Driver
from simulator.firmware.alaris_pump import ALARIS as DIALECT
from simulator.instant import NS_PER_S, SimNow
from simulator.profile import SYRINGE
from simulator.pump import SimPump
from tests.drivers.alaris_bench import PROGRAM
from tests.fuzz_frames.subject import ASKED, SERIAL, Claims, Fired, Subject
from tests.protocols.alaris import naive
from tests.protocols.alaris.golden import REPLIES, REQUESTS, UNUSED, line

OTHER = "SIM-0002"  # the identity that the drivers here have heard, so that the right one can only come from a line
NAMES = sorted({frame[1:].partition("|")[0].partition("^")[0] for frame in (*REQUESTS, *REPLIES)})
WORDS = ("", "-", "A", "HLD", "SET", "ml", "ml/h", "mmHg", "0.00", "3.50", "24+", "ENABLED", "PERMIT", "ACTIV", "DEACT")
WORDS += ("STOP", "****", "ms", "CONF", " 50", "AL_NOALM", "AL_VTBIS", " ", SERIAL, OTHER, "ERROR", "REMOTE", "EVENT")
COMMANDS: tuple[pump.Command, ...] = (
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
IDENTITY: tuple[m.Reply, ...] = (
    m.ProtocolName("Asena Rev 2.1.5"),
    m.Serial(OTHER),
    m.RateMax(1_200_000),
    m.Syringe("BD PLASTIPAK", 50, confirmed=True),
)
HELD = m.Status(OTHER, False, m.HOLD, 0, "", 0, 0, "24+", "EVENT", "1")  # noqa: FBT003 - as the fields of the frame
ENABLED = m.Switched(m.Switch.CONTROL, enabled=True, permitted=True)
SET = (m.Vtbi(PROGRAM.vtbi_ul, m.EndAction.STOP), m.Rate(PROGRAM.flow_rate_ul_h))
ANSWERS: dict[type[pump.Command], tuple[m.Reply, ...]] = {
    pump.ReadStatus: (ENABLED, SET[1], SET[0], m.AlarmState("AL_NOALM"), HELD),
    pump.LoadProgram: (ENABLED, HELD, IDENTITY[3], *SET),
    pump.ReadProgram: (ENABLED, SET[1], SET[0]),
    pump.Pause: (ENABLED, m.Echo(m.Order.STOP)),
}


def _corpus() -> tuple[bytes, ...]:
    frames = [line(frame) for frame in (*REQUESTS, *REPLIES, *UNUSED)]
    here = (*IDENTITY, HELD, *(reply for replies in ANSWERS.values() for reply in replies), m.Serial(SERIAL))
    frames += [encode(each) for each in here]
    frames += [encode(m.Status(serial, False, mode, rate, "", 9, 0, "24+", "EVENT", "1")) for serial, mode, rate in (  # noqa: FBT003
        (SERIAL, m.HOLD, 0), (OTHER, m.SET, 10_000), (OTHER, m.HOLD, 10))]  # fmt: skip
    return tuple(frames)


def _nonsense(source: Random) -> bytes:
    words = [source.choice(WORDS) for _ in range(source.choice((0, 0, 1, 2, 2, 3, 5, 13)))]
    return naive.frame("^".join((source.choice(NAMES), *words)))


@lru_cache(maxsize=4)  # every judgement of one line asks for it
def _texts(received: bytes) -> tuple[str, ...]:
    return tuple(naive.Receiver().feed(received))


def _whole(received: bytes) -> list[bytes]:
    return [piece.encode() for piece in FrameDecoder().receive(received) if isinstance(piece, str)]


def _whole_again(received: bytes) -> list[bytes]:
    return [text.encode() for text in _texts(received)]


def _read(frame: bytes) -> None:
    """Both ends read it; one of the two at least has to blame the peer for what is not its own."""
    text = frame.decode("ascii")
    try:
        request_of(text)
    except RemoteProtocolError:
        reply_of(text)


def _says(received: bytes) -> Claims:
    texts = [text.split("^") for text in _texts(received)]
    stopped = ["INF_STOP"] in texts
    serials = frozenset(fields[1] for fields in texts if fields[0] == "INST_SERIALNO" and len(fields) == 2)
    return Claims(len(texts), stopped, serials)


def _doses(state: str, written: bytes) -> bool:
    """A start; or a rate, other than in a load that has seen the pump on hold."""
    texts = _texts(written)
    rate = any(text.startswith("INF_RATE^") for text in texts) and not state.startswith("LoadProgram")
    return rate or any(text.startswith("INF_START") for text in texts)


def _opened() -> AlarisDriver:
    driver = AlarisDriver()
    driver.open(1)
    return driver


def _told(driver: AlarisDriver, command: pump.Command, replies: tuple[m.Reply, ...]) -> None:
    """Asked, and that many questions answered; the next one is on its way."""
    driver.command(command, ASKED)
    for reply in replies:
        driver.receive(encode(reply))
        driver.outgoing(ASKED)


def _identifying(answered: int) -> Callable[[], Driver]:
    def make() -> Driver:
        driver = _opened()
        _told(driver, pump.Identify(), IDENTITY[:answered])
        return driver

    return make


def _identified() -> AlarisDriver:
    driver = _opened()
    _told(driver, pump.Identify(), IDENTITY)
    return driver


def _loaded() -> AlarisDriver:
    driver = _identified()
    _told(driver, pump.LoadProgram(PROGRAM), ANSWERS[pump.LoadProgram])
    return driver


def _asked(command: pump.Command, answered: int, *, stopped: bool) -> Callable[[], Driver]:
    def make() -> Driver:
        driver = _loaded()
        _told(driver, command, ANSWERS.get(type(command), ())[:answered])
        if stopped:
            driver.stopping(ASKED)
        return driver

    return make


def _drivers() -> dict[str, Callable[[], Driver]]:
    states: dict[str, Callable[[], Driver]] = {"closed": AlarisDriver, "open": _opened, "identified": _identified}
    states |= {"loaded": _loaded} | {f"Identify after {n}": _identifying(n) for n in range(len(IDENTITY))}
    for command in COMMANDS:
        for answered in range(len(ANSWERS.get(type(command), (None,)))):
            for stopped in (False, True):
                name = f"{type(command).__name__} after {answered}{', stopping' if stopped else ''}"
                states[name] = _asked(command, answered, stopped=stopped)
    return states


def _pump(*requests: m.Request) -> Callable[[], Fired]:
    def make() -> Fired:
        now = SimNow(NS_PER_S, NS_PER_S)
        fired = SimPump(SYRINGE, serial=SERIAL, seed=1, dialect=DIALECT)
        for request in requests:
            fired.receive(encode(request), now)
        return Fired(fired, now)

    return make


CONTROL = m.Enable(m.Switch.CONTROL, f"{naive.crc(SERIAL.encode()):04X}")
PROGRAMMED = (CONTROL, m.SetVtbi(PROGRAM.vtbi_ul, m.EndAction.STOP), m.SetRate(PROGRAM.flow_rate_ul_h))

ALARIS = Subject(
    name="alaris",
    corpus=_corpus(),
    end=b"\r",
    nonsense=_nonsense,
    whole=_whole,
    whole_again=_whole_again,
    read=_read,
    says=_says,
    drivers=_drivers(),
    doses=_doses,
    pumps={
        "hold": _pump(),
        "remote control": _pump(CONTROL),
        "programmed": _pump(*PROGRAMMED),
        "infusing": _pump(*PROGRAMMED, m.Order.START),
    },
    may_dose=lambda received: any(text == "INF_START" or text.startswith("INF_RATE^") for text in _texts(received)),
)
