"""The MIVA link under fire: what the maker's driver and ours send, and the simulated pump.

Refuses to judge. The second reading is the naive one of tests/protocols/miva.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from random import Random

from protocols.miva import requests as r
from protocols.miva.framing import FrameDecoder, encode_frame
from protocols.miva.library import SIMULATED
from protocols.miva.rx import blocks_of
from protocols.miva.seal import rx_seal
from pumpctl.drivers import pump
from pumpctl.drivers.miva import MivaDriver
from pumpctl.drivers.pump import Driver
from simulator.firmware.miva_pump import MIVA as DIALECT
from simulator.profile import MIVA as PROFILE
from simulator.pump import SimPump
from tests.drivers.miva_talk import PROGRAM
from tests.fuzz_frames.subject import Claims, Fired, Subject
from tests.fuzz_frames.talk import Said, every_state, recorded, replayed
from tests.protocols.miva import naive
from tests.protocols.miva.golden import SHEET
from tests.simulator.miva_bench import IMAGE, SERIAL, Bench

OTHER = "SIM00002"
REQUESTS = ("RN", "RS", "RL", "RC", "R3", "R7", "R8", "RI", "S9", "Q0", "Q5", "Q6", "QC", "QD", "QE")
ANSWERS = ("RNSIM00001", "RSsim-1.0", "RC6B6B8B66", "Q5000004D2", "Q0CONT", "QCML/HR", "TRUE", "FALSE", "10.0", "WT")
WORDS = (
    *REQUESTS,
    *ANSWERS,
    r.IS_RUNNING,
    r.INFUSION_RATE,
    r.PROTOCOL_RATE,
    r.STOP,
    "LI0",
    "LC0",
    "LC6",
    "LI2",
    "KE61",
)


def _corpus() -> tuple[bytes, ...]:
    blocks = [r.send_block(place, block) for place, block in enumerate(blocks_of(IMAGE))]
    upload = [r.begin_rx(SERIAL, SIMULATED.crc, SIMULATED.number), *blocks, r.confirm_rx(rx_seal(SERIAL, IMAGE))]
    texts = (*WORDS, *upload, r.RUN, r.read_record(0), "LS00000001", "RE00000000" + "00" * 16)
    return (*(encode_frame(text) for text in texts), *(bytes.fromhex(frame) for frame in SHEET.values()))


def _nonsense(source: Random) -> bytes:
    digits = "".join(source.choice("0123456789ABCDEF") for _ in range(source.choice((0, 1, 4, 8, 9, 16, 32))))
    return naive.frame(source.choice(WORDS)[: source.randint(1, 6)] + digits)


@lru_cache(maxsize=4)
def _texts(received: bytes) -> tuple[str, ...]:
    return tuple(naive.texts(received))


def _whole(received: bytes) -> list[bytes]:
    return [piece.encode() for piece in FrameDecoder().receive(received) if isinstance(piece, str)]


def _read(frame: bytes) -> None:
    """As the answer to every question that this project asks."""
    text = frame.decode("ascii")
    for request in (*REQUESTS, r.IS_RUNNING, r.INFUSION_RATE, r.RUN, r.read_record(0), r.confirm_rx(bytes(16))):
        r.answer_to(request, text)


def _says(received: bytes) -> Claims:
    """No single answer says who it is; a key that was taken may have been the stop key."""
    texts = _texts(received)
    return Claims(len(texts), stopped="WT" in texts)


def _pump(prepare: Callable[[Bench], object]) -> Callable[[], Fired]:
    def make() -> Fired:
        bench = Bench()
        prepare(bench)
        return Fired(bench.pump, bench.now)

    return make


def _opened() -> MivaDriver:
    driver = MivaDriver()
    driver.open(1)
    return driver


def _drivers() -> dict[str, Callable[[], Driver]]:
    """Another pump has said who it is, and that it infuses: the right serial number, or a stop, only a line can say."""
    fired = SimPump(PROFILE, serial=OTHER, seed=1, dialect=DIALECT)
    loading = (pump.Identify(), pump.LoadProgram(PROGRAM), pump.ReadProgram(PROGRAM))
    said = recorded(_opened(), fired, [*loading, pump.Start(PROGRAM.program_id, 1), pump.ReadStatus()])
    states: dict[str, Callable[[], Driver]] = {"closed": MivaDriver}
    for place, each in enumerate(said):
        states |= every_state(_opened, said[:place], each)
        states[f"after {type(each.command).__name__}"] = partial(_replayed, said[: place + 1])
    return states | {"open": _opened}


def _replayed(said: list[Said]) -> Driver:
    return replayed(_opened(), said)


MIVA = Subject(
    name="miva",
    corpus=_corpus(),
    end=b"\0",  # no text holds it: a frame that has begun ends there
    nonsense=_nonsense,
    whole=_whole,
    whole_again=lambda received: [text.encode() for text in _texts(received)],
    read=_read,
    says=_says,
    serial=SERIAL,
    drivers=_drivers(),
    doses=lambda _, written: r.RUN in _texts(written),
    pumps={"idle": _pump(lambda _: None), "programmed": _pump(Bench.load), "infusing": _pump(Bench.start)},
    may_dose=lambda received: r.RUN in _texts(received),
)
