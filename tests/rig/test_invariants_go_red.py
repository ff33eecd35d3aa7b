"""Each checker has been seen red: a controller or a pump that breaks one promise, and the invariant that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

import pumpctl.shell.mqtt_link
from pumpctl import events
from pumpctl.controller import Controller
from pumpctl.effects import Record, Refuse
from pumpctl.events import OperatorRequest, PumpBytes
from simulator.faults import FaultKind
from simulator.profile import REFERENCE
from simulator.pump import Button
from simulator.rig.invariants import doses, naive
from simulator.rig.invariants.alphabet import events_in_reach, letters_that_change_the_wire
from simulator.rig.invariants.naive import Said
from simulator.rig.invariants.replay import replayed
from simulator.rig.invariants.stops import Stops
from simulator.rig.invariants.talk import Talk
from simulator.rig.invariants.violation import Findings
from simulator.rig.mishaps import Mishap
from simulator.rig.world import Crash, World, journal_of
from simulator.rig.world.host import MakeController
from simulator.rig.world.seen import LifeBegan, LifeEnded
from tests.controller.orders import once
from tests.rig import broken as wrong
from tests.rig.watched import HOUR_LONG, SHORT, broken, infusing, watched
from tests.system.worlds import HOUR, MINUTE, A, S, inject, press_and_start, state, submit, until


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    wrong.SendsAgainWhenReopened.last = None
    yield
    wrong.SendsAgainWhenReopened.last = None


def test_a_sound_run_breaks_nothing_and_ends_alive():
    made, watching = infusing(order=SHORT)
    until(made, lambda: state(made) == "completed", 20 * MINUTE)
    assert watching.finish() is True
    assert watching.violations == []
    assert watching.undetected_excess_ul == {}


def test_i1_a_pump_that_gives_more_than_it_declares():
    blind = replace(REFERENCE, has_flow_sensor=False)
    made, watching = infusing(order=SHORT, profile=replace(blind, rate_error_permille=300))
    until(made, lambda: state(made) == "completed", 20 * MINUTE)
    assert broken(watching) == {"I1", "I3"}
    honest, watching = infusing(order=SHORT, profile=replace(blind, rate_error_permille=50))
    until(honest, lambda: state(honest) == "completed", 20 * MINUTE)
    assert watching.violations == []


@pytest.mark.parametrize(("cap_ug", "found"), [(45_000, {"I2"}), (48_000, set[str]())])
def test_i2_more_than_the_cap_in_a_day(monkeypatch: pytest.MonkeyPatch, cap_ug: int, found: set[str]):
    monkeypatch.setattr(doses, "CAP_24H_UG", {"sc": cap_ug})
    made, watching = infusing(order=SHORT)  # 50 mg; the cap counts with the declared accuracy
    until(made, lambda: state(made) == "completed", 20 * MINUTE)
    assert broken(watching) == found


def test_i3_an_empty_ledger():
    made, watching = infusing(wrong.BooksNothing, SHORT)
    until(made, lambda: state(made) == "completed", 20 * MINUTE)
    made.run_for(S)
    assert broken(watching) == {"I3"}


@pytest.mark.parametrize("wrongly", [wrong.DatesAnHourLate, wrong.DatesAnHourEarly, wrong.DatesNothing])
def test_i3_a_ledger_that_says_another_time(wrongly: MakeController):
    made, watching = infusing(wrongly, SHORT)
    until(made, lambda: state(made) == "completed", 20 * MINUTE)
    made.run_for(S)
    assert broken(watching) == {"I3"}
    assert "not when they were given" in watching.violations[0].detail


def test_i4_a_start_that_does_not_wait_for_the_disk():
    _, watching = infusing(wrong.DoesNotWaitForTheDisk)
    assert broken(watching) == {"I4"}
    assert "durable" in watching.violations[0].detail


def test_i4_a_start_of_a_cancelled_order():
    made, watching = watched(wrong.ForgetsTheOrder)
    digest = submit(made, HOUR_LONG)["order"]
    made.ask("order.cancel", order=digest)
    made.run_for(S)
    press_and_start(made)
    assert broken(watching) == {"I4"}
    assert "cancelled" in watching.violations[0].detail


def test_i5_a_start_sent_twice():
    _, watching = infusing(wrong.SendsTwice)
    assert "I5" in broken(watching)


def test_i6_a_stop_that_is_not_written():
    made, watching = infusing(wrong.HoldsStopsBack)
    made.run_for(MINUTE)
    made.ask("stop")
    made.run_for(S)
    assert "I6" in broken(watching)


def test_i6_a_stop_that_is_not_repeated():
    made, watching = infusing(wrong.StopsOnce)
    inject(made, FaultKind.IGNORE_STOP, 3)
    made.ask("stop")
    made.run_for(2 * S)
    assert broken(watching) == {"I6"}
    assert "repeated" in watching.violations[0].detail


def test_i6_a_start_that_nobody_cleared_the_way_for():
    made, watching = infusing(wrong.ClearsByItself, SHORT)
    made.ask("stop")
    made.run_for(5 * S)
    made.inject(Mishap.HOST_SLEEP, for_ns=21 * HOUR)  # S03: a day between two infusions
    made.run_for(21 * HOUR + 5 * S)
    submit(made, once("another", at="2026-12-02T15:00:00Z"))
    press_and_start(made)
    assert broken(watching) == {"I6"}
    assert "cleared" in watching.violations[0].detail


@pytest.mark.parametrize(
    ("make_controller", "rows_are_there", "found"),
    [(Controller, True, set[str]()), (wrong.ForgetsWhatWasLatched, False, {"I6"})],
)
def test_i6_a_clearing_that_the_disk_refused_counts_if_its_record_outlived_that(
    make_controller: MakeController, rows_are_there: bool, found: set[str]
):
    made, watching = infusing(make_controller, SHORT)
    made.ask("stop")
    made.run_for(5 * S)
    made.inject(Mishap.SYNC_FAILS, by=int(rows_are_there))
    number = made.ask("clear", channel=A, persons=["nurse", "physician"])
    made.run_for(S)
    assert isinstance(made.seen.answers[number], Refuse)
    made.crash(Crash.KILL)
    made.inject(Mishap.HOST_SLEEP, for_ns=21 * HOUR)  # S03: a day between two infusions
    made.run_for(21 * HOUR + 10 * S)
    submit(made, once("another", at="2026-12-02T15:00:00Z"))
    press_and_start(made)
    assert broken(watching) == found


@pytest.mark.parametrize(
    ("persons", "is_kept", "after", "found"),
    [
        (["nurse", "physician"], True, (), False),
        (["nurse"], True, (), True),  # of a doubt about the dose
        (["nurse", "physician"], False, (), True),
        (["nurse", "physician"], True, ("over_delivery",), True),
        (["nurse", "physician"], True, ("occlusion_downstream",), True),
    ],
)
def test_i6_a_clearing_without_an_answer_clears_what_was_latched_when_it_was_recorded(
    persons: list[str], is_kept: bool, after: tuple[str, ...], found: bool
):
    findings, talk = Findings(), Talk(A, "SIM-a")
    stops = Stops(findings, {A: talk})
    cleared = Record(2, "cleared", {"channel": A, "persons": persons}, 0)
    stops.note(_stop_for(1, "over_delivery"), 0)
    stops.note(cleared, 0)
    for code in after:
        stops.note(_stop_for(3, code), 0)
    stops.note(LifeEnded(), 0)
    stops.note(LifeBegan(journal_of([_stop_for(1, "over_delivery"), *([cleared] if is_kept else [])])), 0)
    stops.wrote(Said(naive.START, 1, 1, b""), talk, 0)
    assert bool(findings.violations) is found


def _stop_for(seq: int, code: str) -> Record:
    return Record(seq, "stop_requested", {"channel": A, "latches": True, "reasons": [{"code": code}]}, 0)


def test_i7_and_i8_a_start_before_anybody_has_said_who_it_is():
    made, watching = infusing(wrong.SendsAgainWhenReopened)
    made.unplug(A)
    made.run_for(S)
    made.plug_in(A)
    assert "I7" in broken(watching)
    assert "I8" not in broken(watching)
    made.restart()
    made.plug_in(A)
    assert "I8" in broken(watching)


def test_i9_a_run_that_depends_on_more_than_its_seed():
    seeds = iter([1, 1, 1, 2])

    def run() -> World:
        return infusing(seed=next(seeds))[0]

    assert replayed(run) == []
    assert [each.invariant for each in replayed(run)] == ["I9"]


def test_i10_stops_and_refusals_without_a_reason():
    made, watching = infusing(wrong.GivesNoReasons)
    made.ask("stop")
    made.run_for(S)
    made.ask("resume")
    made.run_for(S)
    told = {violation.detail for violation in watching.violations if violation.invariant == "I10"}
    assert {"stop_requested without a reason", "a refusal without a reason"} <= told


def test_i11_no_letter_of_mqtt_but_a_stop_changes_the_wire():
    assert events_in_reach([pumpctl.shell.mqtt_link]) == set()  # it subscribes to nothing
    assert OperatorRequest in events_in_reach([events])  # and this would be seen

    def run() -> World:
        return infusing(order=SHORT)[0]

    harmless = [OperatorRequest(9, method, {}, "mqtt") for method in ("status", "order.list", "stop")]
    assert letters_that_change_the_wire(run, harmless) == []
    found = letters_that_change_the_wire(run, [OperatorRequest(9, "pause", {}, "mqtt"), PumpBytes(A, b"\0\0")])
    assert [each.invariant for each in found] == ["I11"]


def test_i12_a_daemon_that_takes_no_order_after_a_stop():
    made, watching = infusing(wrong.GivesUp)
    made.ask("stop")
    assert watching.finish() is False
    assert "tired" in watching.violations[-1].detail
    made, watching = infusing()
    made.ask("stop")
    assert watching.finish() is True


def test_i12_a_daemon_that_reports_what_is_not():
    made, watching = watched(wrong.SaysIdleForEver)
    submit(made, HOUR_LONG)
    made.press(A, Button.CONFIRM)
    made.run_for(5 * S)
    assert watching.finish() is False
    assert watching.violations[-1].invariant == "I12"
