"""An Alaris driver and the simulated pump, in memory: a command is carried out question by question.

Refuses to say what should come of it. Time is virtual, and both ends count it alike.
"""

from __future__ import annotations

import json
from typing import TypeVar

from pumpctl.core.capability import ALARIS_REFERENCE
from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now
from pumpctl.core.order_text import parse_order
from pumpctl.core.program import Plan, Program, compile_programs
from pumpctl.drivers import pump
from pumpctl.drivers.alaris import AlarisDriver
from simulator.faults import parse_fault
from simulator.firmware.alaris_pump import ALARIS
from simulator.firmware.dialect import Button, Dialect
from simulator.instant import SimNow
from simulator.profile import SYRINGE, PumpProfile
from simulator.pump import SimPump
from simulator.truth import PumpTruth
from tests.controller.desk import LIBRARY
from tests.controller.orders import once

SERIAL = "SIM-0001"
LINE_NS = 10 * NS_PER_MS  # what an exchange takes on the line
MOST_QUESTIONS = 8  # no command has more
_Fact = TypeVar("_Fact", bound=pump.Fact)


def compiled() -> Program:
    plan = compile_programs(parse_order(json.dumps(once()), "test"), LIBRARY, ALARIS_REFERENCE, 1, 1)
    assert isinstance(plan, Plan)
    return plan.programs[0]


PROGRAM = compiled()  # 10 mL at 10 mL/h


class Bench:
    """Every byte the driver gave is kept in `written`, every fact in `facts`."""

    def __init__(self, *, profile: PumpProfile = SYRINGE, dialect: Dialect = ALARIS, identify: bool = True) -> None:
        self.pump = SimPump(profile, serial=SERIAL, seed=1, dialect=dialect)
        self.driver = AlarisDriver()
        self.now = Now(NS_PER_S, NS_PER_S, 0)
        self.written: list[bytes] = []
        self.facts: list[pump.Fact] = []
        self.driver.open(1)
        if identify:
            self.one(pump.Identify(), pump.Identified)

    def do(self, command: pump.Command) -> list[pump.Fact]:
        """All facts until the driver is free again."""
        return self.carry_on(self.driver.command(command, self.now))

    def carry_on(self, written: bytes) -> list[pump.Fact]:
        facts: list[pump.Fact] = []
        for _ in range(MOST_QUESTIONS):
            facts += self.exchange(written)
            if not self.driver.busy:
                return facts
            written = self.driver.outgoing(self.now)
            if not written:
                self.wait_ns((self.driver.next_wake_ns() or 0) - self.now.link_ns)
                return facts + self.driver.wake(self.now)
        raise AssertionError(f"more than {MOST_QUESTIONS} questions")

    def exchange(self, written: bytes) -> list[pump.Fact]:
        self.written.append(written)
        answer = self.pump.receive(written, self._sim_now())
        self.wait_ns(LINE_NS)
        facts = self.driver.receive(answer + self.pump.advance(self._sim_now()))
        self.facts += facts
        return facts

    def one(self, command: pump.Command, kind: type[_Fact]) -> _Fact:
        facts = [fact for fact in self.do(command) if not isinstance(fact, pump.LineNoise)]
        assert len(facts) == 1, facts
        assert isinstance(facts[0], kind), facts
        return facts[0]

    def status(self) -> pump.StatusRead:
        (status,) = [fact for fact in self.do(pump.ReadStatus()) if isinstance(fact, pump.StatusRead)]
        return status

    def load(self, program: Program = PROGRAM) -> None:
        self.one(pump.LoadProgram(program), pump.Done)

    def start(self, program: Program = PROGRAM) -> list[pump.Fact]:
        return self.do(pump.Start(program.program_id, 1))

    def run(self, program: Program = PROGRAM) -> None:
        self.load(program)
        self.start(program)
        assert self.status().activity is pump.PumpActivity.INFUSING

    def stop(self) -> None:
        """As the daemon writes it."""
        self.driver.stopping(self.now)
        self.exchange(self.driver.stop_frame)

    def wait(self, seconds: float) -> None:
        """Asked each second, as the daemon does."""
        for _ in range(round(seconds)):
            self.wait_ns(NS_PER_S)
            self.do(pump.ReadStatus())

    def wait_ns(self, elapsed_ns: int) -> None:
        self.now = Now(self.now.link_ns + elapsed_ns, self.now.therapy_ns + elapsed_ns, 0)

    def inject(self, text: str, by: str | None = None) -> None:
        self.pump.inject(parse_fault(text, by), self._sim_now())

    def heal(self, text: str) -> None:
        self.pump.heal(parse_fault(text), self._sim_now())

    def press(self, button: Button) -> None:
        self.pump.press(button, self._sim_now())

    @property
    def truth(self) -> PumpTruth:
        return self.pump.truth(self._sim_now())

    def _sim_now(self) -> SimNow:
        return SimNow(self.now.link_ns, self.now.therapy_ns)
