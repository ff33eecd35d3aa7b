"""A START leaves only after its record is durable, only if everything still holds then, and never after a STOP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import Alarm
from pumpctl import events
from pumpctl.core.delivery import DeliveryState
from pumpctl.drivers import pump as drivers
from pumpctl.events import GuardChanged, GuardFired, RecordFailed, WallClockStepped
from tests.controller.desk import MS, A, B, Desk
from tests.controller.happenings import EVENTS, FACTS, HAPPENINGS, hear, status
from tests.controller.orders import golden, once
from tests.controller.scenes import loaded, two_channels

D = DeliveryState
INTENT_LIFE_MS = 5_000
STOPPERS: dict[str, Callable[[Desk], object]] = {
    "operator": lambda desk: desk.ask("stop"),
    "operator_this_channel": lambda desk: desk.ask("stop", channel=A),
    "cancel": lambda desk: desk.ask("order.cancel", order=next(iter(desk.controller.ward.orders))),
    "guard": lambda desk: desk.tell(GuardFired((A,), "no heartbeat")),
    "alarm": lambda desk: desk.say(desk.pump.raise_alarm(Alarm.DOOR_OPEN, desk.link_ns)),
}


def intended(order: dict[str, object] | None = None, **options: object) -> Desk:
    """The button was pressed and the intent handed to a disk that has not written it yet."""
    desk = loaded(order or once(), **options)
    desk.holds_records = True
    desk.press()
    desk.must_be(D.STARTING, 3_000)
    assert desk.recorded("dosing_intent")
    assert desk.pump.count(wire.Start) == 0
    return desk


def _starts(desk: Desk) -> int:
    return desk.written(wire.Start) + desk.written(wire.Resume)


def _kinds(examples: Sequence[object]) -> set[str]:
    return {type(example).__name__ for example in examples}


def test_the_tables_hold_every_event_and_every_fact():
    desk = loaded(once())
    assert {kind.__name__ for kind in get_args(events.Event)} == _kinds([make(desk) for make in EVENTS.values()])
    assert {kind.__name__ for kind in get_args(drivers.Fact)} == _kinds([make(desk) for make in FACTS.values()])


def test_the_intent_is_recorded_and_only_recorded():
    desk = loaded(once())
    desk.press()
    desk.must(lambda: bool(desk.recorded("dosing_intent")), 3_000)
    assert desk.written(wire.Start) == 0
    assert len(desk.recorded("dosing_intent")) == 1
    desk.run_for(2)
    assert desk.pump.count(wire.Start) == 1


@pytest.mark.hazard("H32")
@pytest.mark.parametrize("stop", STOPPERS.values(), ids=STOPPERS)
def test_a_stop_before_the_record_is_durable_means_never_sent(stop: Callable[[Desk], object]):
    desk = intended()
    stop(desk)
    desk.release_records()
    desk.run_for(10_000)
    assert _starts(desk) == 0
    assert desk.pump.begun == []
    outcomes = desk.recorded("dosing_outcome")
    assert [outcome.body["outcome"] for outcome in outcomes] == ["not_sent"]
    assert outcomes[0].body["reasons"] == ["overtaken_by_stop"]


@pytest.mark.hazard("H32")
@pytest.mark.parametrize("other", HAPPENINGS)
@pytest.mark.parametrize("stop_first", [True, False])
def test_no_other_happening_revives_a_start_that_a_stop_overtook(other: str, stop_first: bool):
    desk = intended()
    if stop_first:
        desk.ask("stop")
        HAPPENINGS[other](desk)
    else:
        HAPPENINGS[other](desk)
        desk.ask("stop")
    desk.release_records()
    desk.run_for(200)
    desk.plug_in()
    desk.run_for(6_000)
    assert _starts(desk) == 0


@pytest.mark.hazard("H32")
@pytest.mark.parametrize("first", HAPPENINGS)
def test_nor_do_any_two_of_them_in_either_order(first: str):
    """The stop before, between or after them, each pair in one of the three."""
    for number, second in enumerate(HAPPENINGS):
        desk = intended()
        acts = [HAPPENINGS[first], HAPPENINGS[second]]
        acts.insert((number + list(HAPPENINGS).index(first)) % 3, STOPPERS["operator"])
        for act in acts:
            act(desk)
        desk.release_records()
        desk.run_for(60)
        assert _starts(desk) == 0, (first, second)


@pytest.mark.parametrize("other", HAPPENINGS)
def test_without_a_stop_at_most_one_start_leaves(other: str):
    desk = intended()
    HAPPENINGS[other](desk)
    desk.release_records()
    desk.run_for(2_000)
    assert _starts(desk) <= 1
    assert len(desk.pump.begun) <= 1


@pytest.mark.hazard("H30")
@pytest.mark.parametrize(("late_ms", "sent"), [(-3, 1), (1, 0)])  # 3 ms for a poll that may be on the line
def test_an_intent_lives_five_seconds(late_ms: int, sent: int):
    desk = intended()
    desk.run_for(INTENT_LIFE_MS + late_ms - (desk.link_ns - _intended_ns(desk)) // MS)
    desk.release_records()
    desk.run_for(2_000)
    assert _starts(desk) == sent


def _intended_ns(desk: Desk) -> int:
    assert desk.channel.infusion is not None
    assert desk.channel.infusion.dosing is not None
    return desk.channel.infusion.dosing.intended_ns


def test_an_intent_that_never_becomes_durable_is_told_and_given_up():
    desk = intended()
    desk.run_for(8_000)
    assert desk.state is D.AWAITING_CONFIRMATION
    (alarm,) = desk.alarms("start_refused")
    assert "intent_expired" in alarm.message
    desk.release_records()  # at last, and too late
    desk.run_for(2_000)
    assert _starts(desk) == 0


def _silence_the_status(desk: Desk) -> None:
    desk.pump.deaf = {wire.GetStatus}
    desk.run_for(3_100)


def _lower_the_ledger_room(desk: Desk) -> None:
    """Another 2.8 g of this patient stand in the ledger by now: D24 (24 mmol, 5.9 g) refuses the golden 2 g."""
    from dataclasses import replace

    ward = desk.controller.ward
    own = ward.ledger.segments[0]
    ward.ledger = ward.ledger.with_segment(replace(own, key="elsewhere", order_digest="x", most_ug=4_500_000))


ON_THE_LAST_METRE: dict[str, tuple[Callable[[Desk], object], str]] = {
    "alarm": (lambda d: hear(d, status(d, drivers.PumpActivity.CONFIRMED, stopping_alarms=("door_open",))), "alarm"),
    "stale": (_silence_the_status, "status_stale"),
    "journal": (lambda d: d.tell(RecordFailed("disk full")), "journal_unsound"),
    "guard": (lambda d: d.tell(GuardChanged(alive=False)), "guard_absent"),
    "clock": (lambda d: d.tell(WallClockStepped(120_001)), "wall_clock_stepped"),
    "clock_back": (lambda d: d.tell(WallClockStepped(-120_001)), "wall_clock_stepped"),
    "ledger": (_lower_the_ledger_room, "order_refused_now"),
    "another_program": (
        lambda d: hear(d, status(d, drivers.PumpActivity.CONFIRMED, program_id=b"12345678")), "read_back_differs",
    ),
    "pump_idle": (lambda d: hear(d, status(d, drivers.PumpActivity.IDLE)), "read_back_differs"),
    "unplugged": (lambda d: d.unplug(), "identity_unproven"),
}  # fmt: skip


@pytest.mark.parametrize("circumstance", ON_THE_LAST_METRE)
def test_everything_is_asked_again_at_the_instant_of_the_write(circumstance: str):
    happen, code = ON_THE_LAST_METRE[circumstance]
    desk = intended(once(dose="2 g", volume="100 mL", duration="10 h"))
    happen(desk)
    desk.tell(events.Recorded(max(desk.held)))
    desk.run_for(600)  # a poll without an answer is given up after half a second: until then the line is not free
    assert _starts(desk) == 0
    refused = desk.recorded("start_refused")
    assert any(code in reason["code"] for reason in refused[-1].body["reasons"]), refused[-1].body
    assert desk.alarms("start_refused")
    # The press is used up: without another one nothing leaves, whatever becomes of the cause.
    desk.pump.deaf = set()
    desk.holds_records = False
    desk.run_for(3_000)
    assert _starts(desk) == 0


@pytest.mark.parametrize("step_ms", [120_000, -120_000])
def test_a_wall_clock_step_of_two_minutes_is_still_bearable(step_ms: int):
    desk = intended()
    desk.tell(WallClockStepped(step_ms))
    desk.release_records()
    desk.run_for(10)
    assert _starts(desk) == 1


def test_an_order_cancelled_between_intent_and_record_is_not_started():
    desk = intended()
    desk.ask("order.cancel", order=next(iter(desk.controller.ward.orders)))
    desk.release_records()
    desk.run_for(5_000)
    assert _starts(desk) == 0


@pytest.mark.hazard("H33")
def test_two_buttons_at_once_start_one_pump_only():
    desk = Desk(channels=two_channels())
    for channel in (A, B):
        desk.plug_in(channel)
    desk.run_for(1_000)
    desk.submit(once("one"), A)
    desk.submit(once("two"), B)
    desk.run_for(3_000)
    assert {c.state for c in desk.controller.ward.channels.values()} == {D.AWAITING_CONFIRMATION}
    desk.press(A)
    desk.press(B)
    desk.run_for(3_000)
    assert sorted(len(double.begun) for double in desk.doubles.values()) == [0, 1]
    assert desk.alarms("start_refused")[0].channel == B
    assert "another_infusion" in desk.alarms("start_refused")[0].message


@pytest.mark.hazard("H33")
def test_two_patients_are_two_patients():
    desk = Desk(channels=two_channels(same_patient=False))
    for channel in (A, B):
        desk.plug_in(channel)
    desk.run_for(1_000)
    desk.submit(once("one"), A)
    desk.submit(once("two", patient="patient-0002"), B)
    desk.run_for(3_000)
    desk.press(A)
    desk.press(B)
    desk.run_for(3_000)
    assert [len(double.begun) for double in desk.doubles.values()] == [1, 1]


@pytest.mark.hazard("H33")
def test_a_pump_of_the_same_patient_that_does_not_stop_blocks_every_start():
    desk = Desk(channels=two_channels())
    other = desk.doubles[B]
    other.flow_ul_h, other.lies_stopped = 5_000, True
    other.state = type(other.state).INFUSING
    for channel in (A, B):
        desk.plug_in(channel)
    desk.run_for(1_000)
    assert desk.controller.ward.channels[B].stop is not None
    number = desk.submit(once())
    desk.run_for(3_000)
    told = desk.given(number)
    assert [reason["code"] for reason in told["not_prepared"]] == ["another_infusion"]


def test_a_press_without_its_override_is_refused_with_the_rule():
    """Accepted with the override of Q31; without one it would not have been loaded."""
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    number = desk.submit(golden())
    desk.run_for(1_000)
    assert desk.refused(number).exit_code == 3
    assert desk.state is D.IDLE
