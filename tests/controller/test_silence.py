"""A pump out of reach: noted at 3 s, told at 60 s, never stopped at home; with a lease its end is what counts."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import RefusalReason
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Priority
from pumpctl.events import RecordFailed
from pumpctl.supervision.channel import Link
from tests.controller.desk import Desk
from tests.controller.orders import monitored_iv_continuous, once
from tests.controller.scenes import infusing

D = DeliveryState
EVERYTHING = {wire.GetStatus, wire.ReadProgram, wire.GetEvent, wire.Renew, wire.Identify}


def _silenced(order: dict[str, object]) -> Desk:
    """The pump answers nothing any more; time stands at the first question without an answer."""
    desk = infusing(order)
    desk.run_for(10_000)
    desk.pump.deaf = set(EVERYTHING)
    desk.must(lambda: desk.channel.unheard_since_ns == desk.link_ns, 2_000)
    return desk


def test_three_seconds_are_noted_and_what_was_read_is_not_shown_as_live():
    desk = _silenced(once())
    desk.run_for(2_999)
    assert desk.channel.link is Link.UP
    desk.run_for(1_001)
    assert desk.channel.link is Link.SILENT
    desk.run_for(1_000)
    assert desk.told["link"] == "silent"
    assert desk.told["flow_ml_h"] is None
    assert desk.told["commanded_flow_ml_h"] is None
    assert desk.told["dose_rate_mg_min"] is None
    assert desk.told["state"] == "infusing"  # link loss keeps the state
    assert desk.active_alarms() == set()


@pytest.mark.hazard("H66")
def test_a_silent_pumps_volume_widens_up_to_its_vtbi_and_no_further():
    desk = _silenced(once())
    desk.run_for(1_800_000)
    assert desk.told["delivered_least_ml"] < 0.1
    assert 5.0 <= desk.told["delivered_most_ml"] <= 5.35
    desk.run_for(3_600_000)
    assert desk.told["delivered_most_ml"] == 10.5


@pytest.mark.hazard("H52")
def test_at_home_sixty_seconds_are_a_low_alarm_and_never_a_stop():
    desk = _silenced(once())
    desk.run_for(59_000)
    assert desk.active_alarms() == set()
    desk.run_for(1_500)
    (alarm,) = desk.alarms("link_lost")
    assert alarm.priority is Priority.LOW
    desk.run_for(3_600_000)
    assert desk.pump.count(wire.Stop) == 0
    assert desk.state is D.INFUSING


@pytest.mark.hazard("H52")
def test_past_the_expected_end_without_contact_it_is_medium():
    desk = _silenced(once())
    desk.run_for(3_585_000)
    assert desk.alarms("link_lost")[-1].priority is Priority.LOW
    desk.run_for(10_000)
    assert desk.alarms("link_lost")[-1].priority is Priority.MEDIUM
    desk.pump.deaf = set()
    desk.must_be(D.COMPLETED, 5_000)
    assert desk.active_alarms() == set()


def test_the_alarm_is_raised_once_and_ends_when_the_pump_is_heard():
    desk = _silenced(once())
    desk.run_for(600_000)
    assert len(desk.alarms("link_lost")) == 1
    desk.pump.deaf = set()
    desk.must(lambda: desk.channel.link is Link.UP, 3_000)
    assert [alarm.active for alarm in desk.alarms("link_lost")] == [True, False]


def test_a_planned_absence_is_quiet_until_its_end_and_the_expected_end():
    desk = infusing(once())
    desk.ask_and_wait("away", until_ms=desk.now.utc_ms + 1_800_000)
    desk.unplug()
    desk.run_for(1_790_000)
    assert desk.active_alarms() == set()
    desk.run_for(20_000)
    assert desk.alarms("link_lost")[-1].priority is Priority.LOW
    desk.run_for(1_800_000)
    assert desk.alarms("link_lost")[-1].priority is Priority.MEDIUM


def test_a_planned_absence_outlives_the_daemon():
    desk = infusing(once())
    desk.ask_and_wait("away", until_ms=desk.now.utc_ms + 1_800_000)
    again = desk.restarted()
    again.run_for(1_700_000)
    assert again.active_alarms() == set()
    again.run_for(200_000)
    assert again.active_alarms() == {"link_lost"}


@pytest.mark.parametrize("until", [0, 24 * 3_600_000 + 1])
def test_nobody_is_away_in_the_past_or_for_more_than_a_day(until: int):
    desk = Desk()
    number = desk.ask("away", until_ms=desk.now.utc_ms + until)
    assert desk.refused(number).reasons[0].code == "bad_value"


@pytest.mark.hazard("H52")
def test_with_a_lease_three_seconds_are_medium():
    desk = _silenced(monitored_iv_continuous())
    desk.run_for(2_999)
    assert desk.active_alarms() == set()
    desk.run_for(1_001)
    assert desk.alarms("link_lost")[-1].priority is Priority.MEDIUM


@pytest.mark.hazard("H52")
@pytest.mark.parametrize("how", ["silent", "unplugged", "reopened_and_silent", "daemon_restarted"])
def test_five_seconds_after_a_lease_out_of_reach_nobody_knows(how: str):
    desk = _silenced(monitored_iv_continuous())
    ends_ns = desk.channel.lease_ends_ns
    assert ends_ns is not None
    if how != "silent":
        desk.unplug()
    if how == "reopened_and_silent":
        desk.run_for(3_000)
        desk.plug_in()
    if how == "daemon_restarted":
        desk = desk.restarted()
        ends_ns = desk.link_ns + 120_000 * 1_000_000  # renewed at the latest just before the end of the old one
    desk.run_for((ends_ns - desk.link_ns) // 1_000_000 + 4_900)
    assert not desk.alarms("lease_end_unproven")
    desk.run_for(1_600)
    (alarm,) = desk.alarms("lease_end_unproven")
    assert alarm.priority is Priority.HIGH
    desk.pump.deaf = set()
    if how in {"unplugged", "daemon_restarted"}:
        desk.plug_in()
    desk.must_be(D.STOPPED, 5_000)
    assert desk.pump.count(wire.Stop) >= 1
    assert "lease_end_unproven" in desk.latched


def test_a_lease_is_renewed_in_time_and_never_by_a_status():
    desk = infusing(monitored_iv_continuous())
    desk.run_for(600_000)
    times = desk.pump.times(wire.Renew)
    assert 14 <= len(times) <= 16
    for _, renewal in desk.pump.heard:
        if isinstance(renewal, wire.Renew):
            assert renewal.program_id == desk.pump.begun[0]
    assert desk.pump.lease_ends_ns is not None
    assert desk.pump.lease_ends_ns > desk.link_ns


def _renewals_from_now(desk: Desk) -> int:
    before = desk.pump.count(wire.Renew)
    desk.run_for(119_000)
    return desk.pump.count(wire.Renew) - before


@pytest.mark.hazard("H70")
def test_a_lease_is_not_renewed_with_a_failed_journal():
    desk = infusing(monitored_iv_continuous())
    desk.run_for(60_000)
    assert _renewals_from_now(desk) >= 2
    desk.tell(RecordFailed("disk full"))
    assert _renewals_from_now(desk) == 0


@pytest.mark.hazard("H70")
def test_a_lease_is_not_renewed_when_nothing_was_durable_for_five_minutes():
    desk = infusing(monitored_iv_continuous())
    desk.run_for(10_000)
    assert desk.controller.ward.last_durable_ns is not None
    desk.holds_records = True
    desk.run_for(290_000)
    assert desk.pump.times(wire.Renew)[-1] > desk.link_ns - 60_000 * 1_000_000
    desk.run_for(60_000)
    last = desk.pump.times(wire.Renew)[-1]
    desk.run_for(60_000)
    assert desk.pump.times(wire.Renew)[-1] == last


def test_a_refused_renewal_is_a_stop():
    desk = infusing(monitored_iv_continuous())
    desk.pump.deny = {wire.Renew: RefusalReason.LEASE_OUT_OF_RANGE}
    desk.must_be(D.STOPPED, 120_000)
    assert desk.latched == {"pump_refused_lease_out_of_range"}


def test_a_renewal_that_crossed_the_end_of_the_program_is_none():
    desk = infusing(monitored_iv_continuous())
    desk.pump.deny = {wire.Renew: RefusalReason.BAD_STATE}
    desk.must(lambda: desk.pump.count(wire.Renew) == 1, 120_000)
    desk.run_for(3_000)
    assert desk.state is D.INFUSING
    assert desk.pump.count(wire.Renew) == 1  # no more of it: the pump ends its lease by itself if it runs on
    assert not desk.latched


def test_a_paused_lease_program_is_renewed_for_as_long_as_the_pause_may_last():
    desk = infusing(monitored_iv_continuous())
    desk.ask("pause")
    desk.must_be(D.PAUSED, 3_000)
    assert _renewals_from_now(desk) >= 2
