"""What a running infusion is told about and left alone with: each alert rises, ends with its cause, stops nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import Alarm, EventKind
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Priority
from tests.controller.desk import MS, A, Desk
from tests.controller.orders import once
from tests.controller.pump_double import PumpDouble
from tests.controller.scenes import infusing, loaded

D = DeliveryState


def _golden() -> Desk:
    desk = infusing(once(dose="2 g", volume="100 mL", duration="10 h"))
    desk.run_for(60_000)
    desk.pump.run_to(desk.link_ns)
    return desk


def _lowered(desk: Desk) -> None:
    desk.pump.flow_ul_h, desk.pump.commanded_ul_h = 5_000, 5_000


def _as_programmed(desk: Desk) -> None:
    desk.pump.flow_ul_h, desk.pump.commanded_ul_h = 10_000, None


CASES: dict[str, tuple[Callable[[Desk], None], Callable[[Desk], None], Priority]] = {
    "flow_lowered_at_pump": (_lowered, _as_programmed, Priority.MEDIUM),
    "reservoir_low": (
        lambda d: setattr(d.pump, "reservoir_ul", 5_000),
        lambda d: setattr(d.pump, "reservoir_ul", 200_000),
        Priority.MEDIUM,
    ),
    "check_site": (
        lambda d: setattr(d.pump, "pressure_mmhg", 0),
        lambda d: setattr(d.pump, "pressure_mmhg", 8),
        Priority.MEDIUM,
    ),
    "battery_low": (
        lambda d: setattr(d.pump, "battery_permille", 400),
        lambda d: setattr(d.pump, "battery_permille", None),
        Priority.MEDIUM,
    ),
}


@pytest.mark.hazard("H11")
@pytest.mark.hazard("H14")
@pytest.mark.hazard("H60")
@pytest.mark.hazard("H63")
@pytest.mark.parametrize("code", CASES)
def test_an_alert_rises_once_ends_with_its_cause_and_stops_nothing(code: str):
    begin, end, priority = CASES[code]
    desk = _golden()
    begin(desk)
    desk.run_for(60_000)
    assert [alarm.priority for alarm in desk.alarms(code)] == [priority]
    assert desk.active_alarms() == {code}
    desk.pump.run_to(desk.link_ns)
    end(desk)
    desk.run_for(3_000)
    assert desk.active_alarms() == set()
    assert desk.state is D.INFUSING
    assert desk.pump.count(wire.Stop) == 0


@pytest.mark.hazard("H60")
def test_a_lowered_flow_is_neither_undone_nor_adopted_and_the_volume_is_what_was_given():
    desk = _golden()
    loads = desk.pump.count(wire.Load)
    _lowered(desk)
    desk.run_for(3_600_000)
    assert desk.pump.count(wire.Load) == loads
    assert desk.pump.commanded_ul_h == 5_000
    assert desk.channel.infusion is not None
    assert desk.channel.infusion.program.flow_rate_ul_h == 10_000
    assert desk.told["delivered_least_ml"] <= 5.2


@pytest.mark.hazard("H60")
def test_a_change_at_the_keys_that_was_undone_between_two_polls_is_told():
    desk = _golden()
    desk.pump.record(EventKind.KEYPAD_CHANGE, 12_000)
    desk.pump.record(EventKind.KEYPAD_CHANGE, 10_000)
    desk.run_for(5_000)
    assert desk.active_alarms() == {"keypad_change"}
    assert desk.state is D.INFUSING


@pytest.mark.hazard("H18")
def test_slack_in_a_fresh_set_is_told_as_not_yet_delivering_and_the_flow_stays():
    desk = loaded(once(), doubles={A: PumpDouble(moved_ul=1_000)})
    desk.pump.encoder_gap_ul = 200
    desk.press()
    desk.must_be(D.INFUSING, 5_000)
    desk.run_for(60_000)
    assert desk.active_alarms() == {"not_yet_delivering"}
    desk.run_for(60_000)
    assert [alarm.active for alarm in desk.alarms("not_yet_delivering")] == [True, False]
    assert desk.alarms("not_yet_delivering")[0].priority is Priority.LOW
    assert desk.state is D.INFUSING


@pytest.mark.hazard("H63")
def test_a_critical_battery_is_an_orderly_stop():
    desk = _golden()
    desk.pump.battery_permille = 81
    desk.run_for(3_000)
    assert desk.state is D.INFUSING
    desk.pump.battery_permille = 80
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"battery_critical"}
    assert desk.alarms("battery_critical")[0].priority is Priority.HIGH


@pytest.mark.hazard("H63")
@pytest.mark.parametrize(("permille", "starts"), [(884, True), (883, False)])
def test_a_start_on_battery_needs_twice_what_the_infusion_takes(permille: int, starts: bool):
    """10 h of infusion, a battery of 24 h down to 5 %: 20 h are 88.34 % of it."""
    desk = loaded(once(dose="2 g", volume="100 mL", duration="10 h"))
    desk.pump.battery_permille = permille
    desk.run_for(2_000)
    desk.press()
    desk.run_for(3_000)
    assert (desk.state is D.INFUSING) is starts
    assert starts or "battery_too_low" in desk.alarms("start_refused")[0].message


@pytest.mark.hazard("H12")
def test_a_bag_that_is_empty_before_the_end_is_a_stop_and_at_the_end_completion():
    desk = _golden()
    desk.say(desk.pump.raise_alarm(Alarm.RESERVOIR_EMPTY, desk.link_ns))
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"reservoir_empty"}
    assert desk.alarms("reservoir_empty")[0].priority is Priority.MEDIUM
    account = desk.recorded("settled")[-1].body
    assert 0 <= account["least_ul"] <= desk.pump.program_ul + 200 <= account["most_ul"] + 400


@pytest.mark.hazard("H08")
@pytest.mark.hazard("H17")
@pytest.mark.parametrize(
    ("alarm", "code", "priority"),
    [
        (Alarm.OCCLUSION_UPSTREAM, "occlusion_upstream", Priority.HIGH),
        (Alarm.OVER_TEMPERATURE, "over_temperature", Priority.MEDIUM),
        (Alarm.AIR_IN_LINE, "air_in_line", Priority.MEDIUM),  # subcutaneous
        (Alarm.DOOR_OPEN, "door_open", Priority.HIGH),
    ],
)
def test_the_pumps_own_stopping_alarm_latches_with_its_code_and_priority(alarm: Alarm, code: str, priority: Priority):
    desk = _golden()
    desk.say(desk.pump.raise_alarm(alarm, desk.link_ns))
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {code}
    assert [a.priority for a in desk.alarms(code)] == [priority]
    desk.run_for(60_000)
    assert desk.state is D.STOPPED


@pytest.mark.parametrize("told", [True, False], ids=["agreed", "denied"])
def test_a_pause_that_the_pump_does_not_carry_out_is_a_stop(told: bool):
    desk = _golden()
    desk.ask("pause")
    desk.must_be(D.PAUSING)
    asked_ns = desk.link_ns
    if told:
        desk.pump.ignores_pauses = True
    else:
        desk.pump.deaf = {wire.Pause}
    desk.run_for(4_900)
    assert desk.state is D.PAUSING
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"pause_ignored"}
    assert desk.link_ns - asked_ns <= 7_000 * MS
