"""A simulated pump suffers what its dialect can suffer and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.faults import AtTherapy, Fault, FaultKind, ScheduledFault
from simulator.firmware.companion_pump import COMPANION
from simulator.firmware.registry import DIALECTS
from simulator.instant import SimNow
from simulator.profile import REFERENCE
from simulator.pump import SimPump

WITHOUT_A_DOOR = replace(COMPANION, faults=COMPANION.faults - {FaultKind.DOOR})


def test_a_fault_that_such_a_pump_cannot_have_is_refused():
    pump = SimPump(REFERENCE, serial="SIM-0001", seed=1, dialect=WITHOUT_A_DOOR)
    with pytest.raises(ValueError, match="door: not a fault"):
        pump.inject(Fault(FaultKind.DOOR), SimNow(0, 0))
    pump.inject(Fault(FaultKind.STALL), SimNow(0, 0))
    assert pump.truth(SimNow(0, 0)).faults == ("stall",)


def test_nor_may_a_scenario_hold_it():
    scenario = [ScheduledFault(Fault(FaultKind.DOOR), AtTherapy(0))]
    with pytest.raises(ValueError, match="door: not a fault"):
        SimPump(REFERENCE, serial="SIM-0001", seed=1, dialect=WITHOUT_A_DOOR, scenario=scenario)


def test_the_companion_suffers_everything():
    assert DIALECTS["companion"].faults == frozenset(FaultKind)
