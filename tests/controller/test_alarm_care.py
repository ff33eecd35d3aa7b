"""Alarms silenced, and those that come again and again; a clock and a firmware that are not to be trusted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import Alarm, IdentityFlag
from pumpctl.core.clock_drift import drift_permille
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Priority
from pumpctl.core.repeats import repeats_too_often, with_stop
from pumpctl.supervision.channel import Link
from tests.controller.desk import ONE_CHANNEL, A, Desk
from tests.controller.orders import monitored_iv_continuous, once
from tests.controller.scenes import infusing

D = DeliveryState
MINUTE_MS = 60_000


def _occluded() -> Desk:
    desk = infusing(once())
    desk.run_for(5_000)
    desk.say(desk.pump.raise_alarm(Alarm.OCCLUSION_DOWNSTREAM, desk.link_ns))
    desk.must_be(D.STOPPED, 3_000)
    return desk


def _rings(desk: Desk, code: str) -> list[bool]:
    return [alarm.active for alarm in desk.alarms(code)]


@pytest.mark.hazard("H67")
def test_silence_lasts_two_minutes_and_the_alarm_stays_on():
    desk = _occluded()
    desk.ask("ack", code="occlusion_downstream")
    desk.run_for(119_000)
    assert _rings(desk, "occlusion_downstream") == [True, False]
    assert desk.active_alarms() == {"occlusion_downstream"}
    desk.run_for(2_100)
    assert _rings(desk, "occlusion_downstream") == [True, False, True]
    desk.run_for(600_000)
    assert _rings(desk, "occlusion_downstream") == [True, False, True]  # it rings until somebody hears it again


@pytest.mark.hazard("H67")
def test_a_new_alarm_ends_the_silence_of_the_others():
    desk = _occluded()
    desk.ask("ack", code="occlusion_downstream")
    desk.run_for(10_000)
    desk.pump.moved_ul += 100
    desk.must(lambda: "moved_while_stopped" in desk.active_alarms(), 11_000)
    assert _rings(desk, "occlusion_downstream") == [True, False, True]


@pytest.mark.hazard("H67")
def test_a_silenced_alarm_that_escalates_rings_with_its_higher_priority():
    desk = infusing(monitored_iv_continuous())
    desk.run_for(5_000)
    desk.pump.deaf = {wire.GetStatus, wire.Identify, wire.GetEvent, wire.Renew}
    desk.must(lambda: "link_lost" in desk.active_alarms(), 10_000)
    desk.ask("ack", code="link_lost")
    desk.run_for(130_000)
    assert [alarm.priority for alarm in desk.alarms("lease_end_unproven")] == [Priority.HIGH]
    assert _rings(desk, "link_lost")[-1] is True


@pytest.mark.hazard("H19")
@pytest.mark.parametrize(
    ("minutes", "expected"), [((0, 5, 9.99), True), ((0, 5, 10), False), ((0, 9.99), False), ((0, 3, 6, 9), True)]
)
def test_the_third_stop_within_ten_minutes_is_too_often(minutes: tuple[float, ...], expected: bool):
    stops = ()
    for at in minutes:
        stops = with_stop(stops, "door_open", round(at * MINUTE_MS))
    last_ms = round(minutes[-1] * MINUTE_MS)
    assert repeats_too_often(stops, "door_open", last_ms) is expected
    assert not repeats_too_often(stops, "air_in_line", last_ms)


@pytest.mark.hazard("H19")
def test_the_same_alarm_again_and_again_needs_a_second_person():
    desk = infusing(once())
    now_ms = desk.now.utc_ms
    desk.channel.alarm_stops = tuple(("occlusion_downstream", now_ms - ago * MINUTE_MS) for ago in (6, 3))
    desk.say(desk.pump.raise_alarm(Alarm.OCCLUSION_DOWNSTREAM, desk.link_ns))
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"occlusion_downstream", "alarm_repeats"}
    assert desk.refused(desk.ask("clear", persons=["nurse"])).reasons[0].code == "two_persons_needed"
    desk.given(desk.ask_and_wait("clear", persons=["nurse", "physician"]))


@pytest.mark.hazard("H19")
def test_a_restarted_daemon_counts_the_stops_before_it_once_each():
    desk = _occluded()
    again = desk.restarted()
    assert [code for code, _ in again.channel.alarm_stops] == ["occlusion_downstream"]
    again = again.restarted()
    again.plug_in()
    again.run_for(3_000)
    assert again.latched == {"occlusion_downstream"}


@pytest.mark.hazard("H43")
@pytest.mark.parametrize(
    ("pump_ms", "ours_s", "permille"),
    [(0, 599.999, None), (600_000, 600, 0), (612_000, 600, 20), (612_600, 600, 21), (588_000, 600, -20)],
)
def test_a_drift_is_told_exactly_and_not_before_ten_minutes(pump_ms: int, ours_s: float, permille: int | None):
    assert drift_permille(pump_ms, round(ours_s * 1_000) * 1_000_000) == permille


@pytest.mark.hazard("H43")
@pytest.mark.parametrize(("permille", "told"), [(20, False), (21, True), (-20, False), (-21, True)])
def test_a_pump_clock_that_drifts_is_a_low_alarm_and_nothing_else(permille: int, told: bool):
    desk = infusing(once())
    desk.pump.clock_permille = permille
    desk.channel.clock_base = None
    desk.run_for(700_000)
    assert [a.priority for a in desk.alarms("pump_clock_drift")] == ([Priority.LOW] if told else [])
    assert desk.state is D.INFUSING


@pytest.mark.hazard("H62")
@pytest.mark.parametrize(
    ("firmware", "simulated", "reason"),
    [
        (None, True, ""),
        (("companion-sim sim-1.0",), True, ""),
        (("other x", "companion-sim sim-1.0"), True, ""),
        (("companion-sim sim-1.1",), True, "unknown_firmware"),
        (("companion-sim  sim-1.0",), True, "unknown_firmware"),
        (("bag-sim sim-1.0",), True, "unknown_firmware"),
        ((), True, "unknown_firmware"),
        (None, False, "real_pump"),
    ],
)
def test_a_model_and_firmware_that_is_not_allowed_is_refused_and_its_port_closed(
    firmware: tuple[str, ...] | None, simulated: bool, reason: str
):
    desk = Desk(channels=(replace(ONE_CHANNEL[0], firmware=firmware),))
    if not simulated:
        desk.pump.flags = IdentityFlag.CONFIRM_BUTTON
    desk.plug_in()
    desk.run_for(2_000)
    assert (desk.channel.link is Link.REFUSED) is bool(reason)
    assert desk.active_alarms() == ({reason} if reason else set())
    assert (A in desk.linked) is not bool(reason)
