"""A MIVA driver and the simulated pump at the ends of a line without length. Refuses to judge."""

from __future__ import annotations

import json

from protocols.miva.framing import FrameDecoder, encode_frame
from pumpctl.core.capability import MIVA_REFERENCE
from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now
from pumpctl.core.order_text import parse_order
from pumpctl.core.program import Plan, Program, compile_programs
from pumpctl.drivers import pump
from pumpctl.drivers.miva import MivaDriver
from simulator.firmware.miva_pump import MIVA
from simulator.instant import SimNow
from simulator.profile import MIVA as PROFILE
from simulator.pump import Button, SimPump
from tests.controller.desk import LIBRARY
from tests.controller.orders import once

MAX_QUESTIONS = 2_000


def program(**order: str) -> Program:
    plan = compile_programs(parse_order(json.dumps(once(**order)), "test"), LIBRARY, MIVA_REFERENCE, 1, 1)
    assert isinstance(plan, Plan)
    return plan.programs[0]


PROGRAM = program()  # 200 mg in 10 mL over one hour


class Talk:
    """`asked` is every text that the driver wrote."""

    def __init__(self, serial: str = "SIM00001") -> None:
        self.driver = MivaDriver()
        self.driver.open(1)
        self.pump = SimPump(PROFILE, serial=serial, seed=1, dialect=MIVA)
        self.now_ns = 0
        self.asked: list[str] = []

    @property
    def now(self) -> Now:
        return Now(self.now_ns, self.now_ns, 0)

    @property
    def sim_now(self) -> SimNow:
        return SimNow(self.now_ns, self.now_ns)

    def wait(self, span_ns: int) -> None:
        self.now_ns += span_ns
        self.pump.advance(self.sim_now)

    def press(self) -> None:
        self.pump.press(Button.CONFIRM, self.sim_now)

    def hear(self, written: bytes) -> bytes:
        """What the pump answers."""
        self.asked += [text for text in FrameDecoder().receive(written) if isinstance(text, str)]
        return self.pump.receive(written, self.sim_now)

    def do(self, command: pump.Command) -> list[pump.Fact]:
        """The facts that a command ends in; a question that gets no answer waits until it is overdue."""
        written, facts = self.driver.command(command, self.now), list[pump.Fact]()
        for _ in range(MAX_QUESTIONS):
            facts += self.driver.receive(self.hear(written))
            written = self.driver.outgoing(self.now)
            if not self.driver.busy:
                return facts
            if not written:
                self.wait(500 * NS_PER_MS)
                facts += self.driver.wake(self.now)
                return facts
        raise AssertionError(f"{MAX_QUESTIONS} questions for {command}")

    def status(self) -> pump.StatusRead:
        (status,) = [fact for fact in self.do(pump.ReadStatus()) if isinstance(fact, pump.StatusRead)]
        return status

    def loaded(self, wanted: Program = PROGRAM) -> None:
        """Identified, loaded, read back."""
        self.do(pump.Identify())
        assert self.do(pump.LoadProgram(wanted)) == [pump.Done(pump.LoadProgram(wanted))]
        assert self.do(pump.ReadProgram(wanted)) == [pump.ProgramRead(wanted.program_id, wanted)]

    def started(self) -> None:
        self.loaded()
        start = pump.Start(PROGRAM.program_id, 1)
        assert self.do(start) == [pump.Done(start)]
        self.wait(4 * NS_PER_S)

    def stop(self) -> bytes:
        """What the pump answers to STOP."""
        self.driver.stopping(self.now)
        return self.hear(self.driver.stop_frame)


def say(text: str) -> bytes:
    return encode_frame(text)
