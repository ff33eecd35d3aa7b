"""A simulated MIVA pump on a bench: a clock, and a hand on its line. Refuses to judge."""

from __future__ import annotations

from protocols.miva.framing import FrameDecoder, encode_frame
from protocols.miva.library import SIMULATED
from protocols.miva.record import Record, RecordType, decode_record
from protocols.miva.requests import RUN, begin_rx, confirm_rx, read_record, send_block
from protocols.miva.rx import Rx, blocks_of, rx_image
from protocols.miva.seal import rx_seal
from simulator.faults import Fault, FaultKind
from simulator.firmware.miva_pump import MIVA
from simulator.instant import NS_PER_S, SimNow
from simulator.profile import MIVA as PROFILE
from simulator.pump import SimPump
from simulator.truth import PumpTruth

SERIAL = "SIM00001"
RX = Rx(10_000, 100_000, "Home SC", (), SIMULATED.protocol_crc, SIMULATED.protocol_index)
IMAGE = rx_image(RX)
T = RecordType


class Bench:
    """A pump, a clock, and a hand on the line."""

    def __init__(self, *, auto_confirm: bool = False) -> None:
        self.pump = SimPump(PROFILE, serial=SERIAL, seed=1, dialect=MIVA, auto_confirm=auto_confirm)
        self.now_ns = 0

    @property
    def now(self) -> SimNow:
        return SimNow(self.now_ns, self.now_ns)

    def ask(self, *texts: str) -> list[str]:
        received = self.pump.receive(b"".join(encode_frame(text) for text in texts), self.now)
        return [piece for piece in FrameDecoder().receive(received) if isinstance(piece, str)]

    def wait(self, span_ns: int) -> None:
        self.now_ns += span_ns
        self.pump.advance(self.now)

    def load(self, image: bytes = IMAGE, serial: str = SERIAL) -> str:
        begun = self.ask(begin_rx(serial, SIMULATED.crc, SIMULATED.number))[0]
        if begun != "LI0":
            return begun
        for place, block in enumerate(blocks_of(image)):
            assert self.ask(send_block(place, block)) == [f"LS{place:08X}"]
        return self.ask(confirm_rx(rx_seal(SERIAL, image)))[0]

    def start(self) -> None:
        assert self.load() == "LC0"
        assert self.ask(RUN) == ["WT"]
        self.wait(4 * NS_PER_S)

    def head(self) -> int:
        return int(self.ask("RI")[0][10:], 16)

    def row(self, index: int) -> bytes:
        return bytes.fromhex(self.ask(read_record(index))[0][10:])

    def log(self) -> list[Record]:
        """Every entry but the raw rows of a prescription."""
        found: list[Record] = []
        index = 0
        while index <= self.head():
            record = decode_record(self.row(index))
            assert record is not None
            found.append(record)
            index += 17 if record.kind is T.INFUSION_DATA and record.subtype == 1 else 1
        return found

    def kinds(self) -> list[RecordType]:
        return [record.kind for record in self.log()]

    @property
    def truth(self) -> PumpTruth:
        return self.pump.truth(self.now)

    def inject(self, kind: FaultKind, count: int = 1) -> None:
        self.pump.inject(Fault(kind, count), self.now)
