"""Every mishap in mid-infusion: it does what it says, nothing breaks, and a fresh order starts after."""

from __future__ import annotations

import pytest

from pumpctl.effects import Reply
from pumpctl.events import RecordFailed
from simulator.faults import Fault, FaultKind
from simulator.pump import Button
from simulator.rig.mishaps import Mishap, is_observable
from simulator.rig.world import Crash, World
from tests.rig.watched import HOUR_LONG, SHORT, infusing, watched
from tests.system.worlds import (
    HOUR,
    MINUTE,
    A,
    S,
    latched,
    refusal,
    state,
    submit,
    truth,
    until,
)


def alarms(made: World) -> set[str]:
    return {alarm.code for alarm in made.seen.alarms}


@pytest.mark.parametrize("mishap", Mishap, ids=lambda mishap: mishap.value)
def test_no_invariant_breaks_and_life_goes_on(mishap: Mishap):
    made, watching = infusing()
    made.run_for(2 * MINUTE)
    made.inject(mishap, A, for_ns=30 * S)
    made.run_for(2 * MINUTE)
    assert watching.finish() is True, watching.violations
    assert watching.violations == []


@pytest.mark.parametrize("kind", FaultKind, ids=lambda kind: kind.value)
def test_nor_does_a_pump_at_fault_break_one(kind: FaultKind):
    made, watching = infusing()
    made.run_for(2 * MINUTE)
    made.inject(Fault(kind), A, for_ns=30 * S)
    made.run_for(2 * MINUTE)
    assert watching.finish() is True, watching.violations
    assert watching.violations == []


@pytest.mark.parametrize("mishap", [Mishap.TEN_YEARS_ON, Mishap.TEN_YEARS_BACK, Mishap.SPRING, Mishap.AUTUMN])
@pytest.mark.hazard("H40")
def test_a_clock_that_jumps_changes_nothing_that_flows_and_stops_new_starts(mishap: Mishap):
    plain, _ = infusing(order=SHORT, seed=4)
    plain.run_for(20 * MINUTE)
    made, watching = infusing(order=SHORT, seed=4)
    made.run_for(MINUTE)
    made.inject(mishap)
    made.run_for(19 * MINUTE)
    assert truth(made).motor_ul == truth(plain).motor_ul == 2_500
    assert made.wire.hexdigest() == plain.wire.hexdigest()
    waiting, watching = watched()
    submit(waiting, HOUR_LONG)
    waiting.inject(mishap)
    waiting.run_for(S)
    press_and_wait(waiting)
    assert truth(waiting).starts == 0
    assert watching.violations == []


def press_and_wait(made: World) -> None:
    made.press(A, Button.CONFIRM)
    made.run_for(5 * S)


@pytest.mark.parametrize("mishap", [Mishap.DISK_FULL, Mishap.SYNC_FAILS])
@pytest.mark.hazard("H68")
@pytest.mark.hazard("H70")
def test_a_disk_that_fails_is_told_and_nothing_starts(mishap: Mishap):
    made, watching = watched()
    submit(made, HOUR_LONG)
    made.inject(mishap)
    press_and_wait(made)
    assert truth(made).starts == 0
    assert "journal_failed" in alarms(made)
    assert refusal(made, made.ask("order.cancel", order=made.journal().records[-1].kind)) != []
    assert watching.violations == []


@pytest.mark.hazard("H44")
def test_an_intent_that_was_not_synced_is_forgotten_and_was_never_sent():
    made, watching = watched()
    submit(made, HOUR_LONG)
    made.inject(Mishap.SLOW_SYNC, by=2_000)
    press_and_wait_for_intent(made)
    made.crash(Crash.POWER_LOSS)
    made.run_for(10 * S)
    assert truth(made).starts == 0
    assert state(made) == "idle"
    assert not any(record.kind == "dosing_intent" for record in made.journal().records)
    assert watching.violations == []


def press_and_wait_for_intent(made: World) -> None:
    made.press(A, Button.CONFIRM)
    until(made, lambda: any(record.kind == "dosing_intent" for record in made.seen.records), 5 * S)


@pytest.mark.hazard("H71")
def test_a_stale_copy_of_the_journal_stops_the_pump_and_latches_for_two():
    made, watching = infusing()
    made.run_for(MINUTE)
    made.inject(Mishap.STALE_COPY, by=3)
    until(made, lambda: state(made) == "stopped", 10 * S)
    assert latched(made) == {"journal_damaged"}
    assert refusal(made, made.ask("clear", persons=["nurse"])) == ["two_persons_needed"]
    assert watching.violations == []


@pytest.mark.hazard("H42")
def test_a_host_that_slept_through_the_infusion_finds_it_complete():
    made, watching = infusing()
    made.inject(Mishap.HOST_SLEEP, for_ns=2 * HOUR)
    made.run_for(2 * HOUR - S)
    assert state(made) == "infusing"
    until(made, lambda: state(made) == "completed", 10 * S)
    assert truth(made).starts == 1
    assert watching.violations == []


def test_a_host_that_sleeps_in_mid_stop_is_not_called_slow():
    made, watching = infusing()
    made.inject(Fault(FaultKind.IGNORE_STOP, 20), A)
    made.ask("stop")
    made.inject(Mishap.VM_PAUSE, for_ns=10 * S)
    for _ in range(20):
        made.run_for(S)
        made.ask("status")
    assert state(made) == "stopped"
    assert watching.violations == []


def test_a_cable_that_is_out_is_plugged_in_when_its_time_is_over():
    made, watching = infusing()
    made.inject(Mishap.UNPLUG, A, for_ns=MINUTE)
    assert made.linked == set()
    made.plug_in(A)  # a person puts it back earlier
    assert made.linked == {A}
    made.run_for(2 * MINUTE)
    assert made.linked == {A}
    assert truth(made).starts == 1
    assert watching.violations == []


def test_a_killed_daemon_is_back_with_its_ports_and_hears_nothing_meanwhile():
    made, watching = infusing()
    made.crash(Crash.KILL, down_ns=5 * S)
    number = made.ask("status")
    made.run_for(4 * S)
    assert number not in made.seen.answers
    assert made.linked == set()
    until(made, lambda: made.linked == {A}, 2 * S)
    until(made, lambda: made.controller.ward.channels[A].reconciled, 5 * S)
    assert state(made) == "infusing"
    assert watching.violations == []


def test_a_request_made_twice_gives_once():
    made, watching = infusing()
    before = set(made.seen.answers)
    made.inject(Mishap.DUPLICATE_REQUEST)
    made.run_for(5 * S)
    (number,) = set(made.seen.answers) - before
    assert refusal(made, number) == ["order_known"]
    assert truth(made).starts == 1
    assert watching.violations == []


@pytest.mark.parametrize("kind", [each for each in FaultKind if not is_observable(Fault(each))], ids=lambda k: k.value)
def test_what_no_sensor_can_tell_is_measured_and_not_judged(kind: FaultKind):
    made, watching = infusing(order=SHORT)
    made.run_for(MINUTE)
    made.inject(Fault(kind), A)
    until(made, lambda: state(made) != "infusing", 2 * HOUR)
    made.run_for(MINUTE)
    assert watching.violations == []
    assert set(watching.undetected_excess_ul) <= {kind.value}


def test_what_an_observer_does_is_seen_once_by_all():
    made, watching = watched()
    heard: list[str] = []

    def ask_back(world: World) -> None:
        heard.extend(type(each).__name__ for each in world.fresh)
        if any(isinstance(each, Reply) for each in world.fresh) and heard.count("Reply") < 3:
            world.ask("status")

    made.observers.insert(0, ask_back)
    made.ask("status")
    assert heard.count("Reply") == heard.count("Asked") == 3
    made.observers[:] = [lambda world: world.ask("status") and None]
    with pytest.raises(AssertionError, match="without end"):
        made.ask("status")
    assert watching.violations == []


def test_observers_see_each_event_once_and_can_follow_the_world():
    made, _ = infusing()
    seen: list[int] = []
    failures: list[RecordFailed] = []

    def observe(world: World) -> None:
        seen.append(world.now_ns)
        failures.extend(each for each in world.fresh if isinstance(each, RecordFailed))

    made.observers.append(observe)
    made.inject(Mishap.SYNC_FAILS)
    steps = made.steps
    made.run_for(MINUTE + S)
    assert len(seen) == made.steps - steps  # the last step went nowhere, the injection was one event
    assert seen == sorted(seen)
    assert len(failures) == 1
    assert made.fresh == []
