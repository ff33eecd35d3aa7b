"""A MIVA channel: its daemon dies, its cable is pulled, its line is slow. The log is read first and nothing starts."""

from __future__ import annotations

import pytest

from simulator.faults import FaultKind
from simulator.pump import Button
from simulator.rig.world.seen import Delays
from tests.controller.orders import once
from tests.system.miva_worlds import miva_infusing, miva_world
from tests.system.worlds import (
    HOUR,
    MINUTE,
    A,
    S,
    answer,
    inject,
    latched,
    ledger_covers_truth,
    state,
    submit,
    truth,
    until,
)

HOUR_LONG = once()
SHORT = once(dose="50 mg", volume="2.5 mL", duration="15 min")
MS = S // 1000


@pytest.mark.hazard("H44")
def test_a_daemon_that_comes_back_finds_its_program_in_the_log_and_supervises_on() -> None:
    made = miva_infusing(SHORT)
    made.run_for(5 * MINUTE)
    made.restart()
    made.run_for(MINUTE)
    made.plug_in(A)
    until(made, lambda: state(made) == "infusing", 10 * S)
    until(made, lambda: state(made) == "completed", HOUR)
    assert (truth(made).starts, truth(made).stops_received) == (1, 0)
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H45")
def test_a_pump_that_lost_its_power_meanwhile_is_stopped_and_never_resumed() -> None:
    made = miva_infusing(SHORT)
    made.run_for(5 * MINUTE)
    made.restart()
    inject(made, FaultKind.POWER_CYCLE)
    made.run_for(MINUTE)
    made.plug_in(A)
    until(made, lambda: state(made) == "stopped", 10 * S)
    assert "pump_reset" in latched(made)
    made.press(A, Button.CONFIRM)
    made.run_for(5 * MINUTE)
    assert truth(made).starts == 1
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H52")
def test_a_pulled_cable_is_no_reason_to_stop_what_a_patient_at_home_is_given() -> None:
    made = miva_infusing(SHORT)
    made.run_for(5 * MINUTE)
    made.unplug(A)
    made.run_for(5 * MINUTE)
    made.plug_in(A)
    until(made, lambda: state(made) == "completed", HOUR)
    assert (truth(made).starts, truth(made).stops_received) == (1, 0)
    assert ledger_covers_truth(made)


def test_a_restart_before_the_start_voids_what_was_loaded() -> None:
    made = miva_world()
    submit(made, SHORT)
    made.restart()
    made.plug_in(A)
    made.run_for(10 * S)
    made.press(A, Button.CONFIRM)
    made.run_for(MINUTE)
    assert truth(made).starts == 0


@pytest.mark.hazard("H56")
@pytest.mark.parametrize("line_ns", [MS, 10 * MS, 25 * MS, 80 * MS])
def test_a_stop_is_proven_however_slow_the_line(line_ns: int) -> None:
    """The maker's driver waits for 50 ms, there and back. Three times that still does."""
    made = miva_world(delays=Delays(line_ns=line_ns))
    made.run_for(5 * S)
    submit(made, SHORT)
    made.run_for(5 * S)
    made.press(A, Button.CONFIRM)
    until(made, lambda: state(made) == "infusing", 12 * S)
    made.run_for(MINUTE)
    asked_ns = made.now_ns
    number = made.ask("stop", channel=A, person="nurse")
    until(made, lambda: state(made) == "stopped", 4 * S)
    made.run_for(MS)
    assert answer(made, number)["proven"]
    assert made.now_ns - asked_ns < S // 2 + 20 * line_ns  # STOP, what was under way, and six questions
    told = "stop_unproven" in {alarm.code for alarm in made.seen.alarms}
    assert told is (made.now_ns - asked_ns > 2 * S)
    assert ledger_covers_truth(made)
