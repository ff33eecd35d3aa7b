"""A New Era driver and the simulated pump, in memory: a command is carried out question by question.

Refuses to say what should come of it. Time is virtual, and both ends count it alike.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, TypeVar

from protocols.new_era.framing import Packet, RequestDecoder
from pumpctl.configuration import NewEraSetup
from pumpctl.core.capability import NEW_ERA_REFERENCE, Capability
from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now
from pumpctl.core.order_text import parse_order
from pumpctl.core.program import Plan, Program, compile_programs
from pumpctl.drivers import pump
from pumpctl.drivers.new_era import NewEraDriver
from simulator.faults import parse_fault
from simulator.firmware.new_era import new_era
from simulator.instant import SimNow
from simulator.pump import SimPump
from simulator.truth import PumpTruth
from tests.controller.desk import LIBRARY
from tests.controller.orders import monitored_iv, once
from tests.simulator.new_era_desk import EXACT

SERIAL = "SIM-0001"
SAFE = NewEraSetup(address=0, diameter_um=26_590, syringe_ul=60_000, safe_s=30, simulated=True)
BASIC = replace(SAFE, safe_s=0)
LINE_NS = 2 * NS_PER_MS
MOST_QUESTIONS = 40
_Fact = TypeVar("_Fact", bound=pump.Fact)


def compiled(order: dict[str, Any], capability: Capability = NEW_ERA_REFERENCE) -> tuple[Program, ...]:
    plan = compile_programs(parse_order(json.dumps(order), "test"), LIBRARY, capability, 1, 1)
    assert isinstance(plan, Plan), plan
    return plan.programs


HOME = compiled(once())[0]  # 10 mL at 10 mL/h, finishes what is loaded
LEASED = compiled(monitored_iv(), replace(NEW_ERA_REFERENCE, reservoir_ul=250_000))[1]


class Bench:
    """Each question is kept in `asked`, every fact in `facts`. What the pump says is heard LINE_NS later."""

    def __init__(self, setup: NewEraSetup = SAFE, *, identify: bool = True, address: int | None = None) -> None:
        self.pump = SimPump(
            EXACT, serial=SERIAL, seed=1, dialect=new_era(setup.address if address is None else address)
        )
        self.driver = NewEraDriver(setup, SERIAL)
        self.now = Now(NS_PER_S, NS_PER_S, 0)
        self.asked: list[str] = []
        self.facts: list[pump.Fact] = []
        self.late = b""  # what a test holds back
        self.driver.open(1)
        if identify:
            self.one(pump.Identify(), pump.Identified)

    def do(self, command: pump.Command) -> list[pump.Fact]:
        """All facts until the driver is free again."""
        return self.carry_on(self.driver.command(command, self.now))

    def carry_on(self, written: bytes) -> list[pump.Fact]:
        facts: list[pump.Fact] = []
        for _ in range(MOST_QUESTIONS):
            facts += self.exchange(written) if written else self.sleep()
            if not self.driver.busy:
                return facts
            written = self.driver.outgoing(self.now)
        raise AssertionError(f"more than {MOST_QUESTIONS} questions")

    def exchange(self, written: bytes) -> list[pump.Fact]:
        self.asked += [p.payload.decode() for p in RequestDecoder().receive(written) if isinstance(p, Packet)]
        said = self.pump.receive(written, self.sim_now)
        return self.hear(said)

    def hear(self, said: bytes = b"") -> list[pump.Fact]:
        self.wait_ns(LINE_NS)
        facts = self.driver.receive(said + self.pump.advance(self.sim_now))
        self.facts += facts
        return facts

    def sleep(self) -> list[pump.Fact]:
        """Until the driver wants to be woken."""
        at_ns = self.driver.next_wake_ns()
        assert at_ns is not None
        self.wait_ns(max(0, at_ns - self.now.link_ns))
        facts = self.driver.wake(self.now)
        self.facts += facts
        return facts

    def one(self, command: pump.Command, kind: type[_Fact]) -> _Fact:
        wanted = [fact for fact in self.do(command) if not isinstance(fact, pump.LineNoise | pump.Noticed)]
        assert len(wanted) == 1, wanted
        assert isinstance(wanted[0], kind), wanted
        return wanted[0]

    def status(self) -> pump.StatusRead:
        (status,) = [fact for fact in self.do(pump.ReadStatus()) if isinstance(fact, pump.StatusRead)]
        return status

    def ready(self, program: Program = HOME) -> None:
        """Loaded and read back."""
        self.status()
        self.one(pump.LoadProgram(program), pump.Done)
        assert self.one(pump.ReadProgram(program), pump.ProgramRead).equals is program

    def run(self, program: Program = HOME) -> None:
        self.ready(program)
        self.one(pump.Start(program.program_id, 1), pump.Done)
        assert self.status().activity is pump.PumpActivity.INFUSING

    def stop(self) -> list[pump.Fact]:
        """As the daemon writes it."""
        self.driver.stopping(self.now)
        return self.exchange(self.driver.stop_frame)

    def wait(self, seconds: int) -> None:
        """Asked each second, as the daemon does."""
        for _ in range(seconds):
            self.wait_ns(NS_PER_S)
            self.do(pump.ReadStatus())

    def wait_ns(self, elapsed_ns: int) -> None:
        self.now = Now(self.now.link_ns + elapsed_ns, self.now.therapy_ns + elapsed_ns, 0)

    def inject(self, text: str) -> None:
        self.pump.inject(parse_fault(text, None), self.sim_now)

    def heal(self, text: str) -> None:
        self.pump.heal(parse_fault(text, None), self.sim_now)

    @property
    def sim_now(self) -> SimNow:
        return SimNow(self.now.link_ns, self.now.therapy_ns)

    @property
    def truth(self) -> PumpTruth:
        return self.pump.truth(self.sim_now)
