"""Pause and resume: a resume is a dosing command with a press of its own, and a pause has its end (S05)."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import PumpState, RefusalReason
from pumpctl.core.delivery import DeliveryState
from tests.controller.desk import Desk
from tests.controller.orders import monitored_iv_continuous, once
from tests.controller.scenes import infusing

D = DeliveryState
MINUTE_MS = 60_000


def _paused(order: dict[str, object] | None = None, after_ms: int = 600_000) -> Desk:
    desk = infusing(order or once())
    desk.run_for(after_ms)
    desk.ask("pause")
    desk.must_be(D.PAUSED, 3_000)
    return desk


def _resumed(desk: Desk, token: int = 9) -> None:
    desk.ask("resume")
    desk.run_for(1_100)
    desk.press(token=token)
    desk.must_be(D.INFUSING, 5_000)


def test_a_resume_keeps_program_counter_and_rate():
    desk = _paused()
    before_ul = desk.pump.program_ul
    desk.run_for(10 * MINUTE_MS)
    assert desk.pump.program_ul == before_ul
    _resumed(desk)
    assert desk.pump.count(wire.Resume) == 1
    assert desk.pump.count(wire.Start) == 1
    assert desk.pump.flow_ul_h == 10_000
    desk.must_be(D.COMPLETED, 4_000_000)
    account = desk.recorded("settled")[-1].body
    assert (account["least_ul"], account["most_ul"]) == (10_000, 10_500)


def test_the_press_that_started_it_does_not_resume_it():
    desk = _paused()
    desk.ask("resume")
    desk.run_for(30_000)
    assert desk.state is D.AWAITING_CONFIRMATION
    assert desk.written(wire.Resume) == 0
    desk.press(token=7)  # the token of the start
    desk.run_for(3_000)
    assert desk.written(wire.Resume) == 0


def test_an_intent_to_resume_is_durable_before_it_leaves_and_a_stop_overtakes_it():
    desk = _paused()
    desk.ask("resume")
    desk.run_for(1_100)
    desk.holds_records = True
    desk.press(token=9)
    desk.must_be(D.STARTING, 3_000)
    assert desk.written(wire.Resume) == 0
    desk.ask("stop")
    desk.release_records()
    desk.run_for(5_000)
    assert desk.written(wire.Resume) == 0


def test_a_denied_resume_goes_back_to_the_pause():
    desk = _paused()
    desk.pump.deny = {wire.Resume: RefusalReason.TOKEN_EXPIRED}
    desk.ask("resume")
    desk.run_for(1_100)
    desk.press(token=9)
    desk.must(lambda: desk.pump.count(wire.Resume) == 1, 3_000)
    desk.must_be(D.PAUSED, 3_000)
    desk.pump.deny = {}
    _resumed(desk, token=10)


@pytest.mark.hazard("H55")
def test_an_unanswered_resume_is_asked_for_and_not_repeated():
    desk = _paused()
    desk.pump.mute = {wire.Resume}
    desk.ask("resume")
    desk.run_for(1_100)
    desk.press(token=9)
    desk.must(lambda: desk.pump.count(wire.Resume) == 1, 3_000)
    desk.must_be(D.INFUSING, 3_000)
    assert desk.written(wire.Resume) == 1


@pytest.mark.parametrize(("order", "limit_min"), [(once, 60), (monitored_iv_continuous, 15)])
def test_a_pause_ends_at_the_limit_of_its_route(order: object, limit_min: int):
    desk = _paused(once() if order is once else monitored_iv_continuous())
    desk.run_for(limit_min * MINUTE_MS - 3_000)
    assert desk.state is D.PAUSED
    desk.must_be(D.STOPPED, 5_000)
    assert desk.latched == {"pause_too_long"}


@pytest.mark.parametrize(("late_ns", "taken"), [(0, True), (1, False)])
def test_a_resume_is_taken_up_to_the_limit_and_not_a_nanosecond_later(late_ns: int, taken: bool):
    desk = _paused()
    infusion = desk.channel.infusion
    assert infusion is not None
    assert infusion.paused_therapy_ns is not None
    over_ns = infusion.paused_therapy_ns + 60 * MINUTE_MS * 1_000_000 + late_ns
    desk.run_for((over_ns - desk.link_ns) // 1_000_000 - 1)
    desk.link_ns = over_ns  # the request is the first that happens at this instant
    number = desk.ask("resume")
    desk.run_for(2_000)
    if taken:
        assert desk.given(number)
    else:
        assert [reason.code for reason in desk.refused(number).reasons] == ["S05"]
    desk.press(token=9)
    desk.run_for(3_000)
    assert desk.written(wire.Resume) == 0  # the pause was over before anybody pressed
    assert desk.state is D.STOPPED


def test_the_limit_counts_from_the_pause_and_not_from_a_restart():
    desk = _paused()
    desk.run_for(50 * MINUTE_MS)
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.PAUSED, 5_000)
    again.run_for(9 * MINUTE_MS)
    assert again.state is D.PAUSED
    again.must_be(D.STOPPED, 2 * MINUTE_MS)
    assert again.latched == {"pause_too_long"}


def test_a_pause_at_the_pumps_own_key_is_a_pause():
    desk = infusing(once())
    desk.run_for(60_000)
    desk.pump.run_to(desk.link_ns)
    desk.pump.halt(PumpState.PAUSED)
    desk.must_be(D.PAUSED, 3_000)
    assert not desk.latched


@pytest.mark.parametrize("method", ["pause", "resume"])
def test_without_a_link_a_wish_is_refused_and_not_promised(method: str):
    desk = infusing(once()) if method == "pause" else _paused()
    desk.unplug()
    number = desk.ask(method)
    assert desk.refused(number).exit_code == 5
    assert desk.refused(number).reasons[0].code == "link_lost"


def test_a_pause_that_was_lost_with_the_link_is_asked_for_again():
    desk = infusing(once())
    desk.pump.deaf = {wire.Pause}
    desk.ask("pause")
    desk.run_for(10)
    desk.unplug()
    desk.run_for(3_000)
    desk.pump.deaf = set()
    desk.plug_in()
    desk.must_be(D.PAUSED, 5_000)


def test_a_pause_that_came_too_late_ends_with_its_alarm():
    desk = infusing(once())
    desk.run_for(3_599_000)
    desk.pump.deny = {wire.Pause: RefusalReason.BAD_STATE}
    desk.ask("pause")
    desk.must_be(D.COMPLETED, 5_000)
    desk.run_for(1_000)
    assert desk.active_alarms() == set()


def test_a_pump_that_moves_while_paused_is_stopped():
    desk = _paused()
    desk.run_for(5_000)
    desk.pump.moved_ul += 51
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"moved_while_stopped"}


def test_fifty_microlitres_of_settling_are_not_a_siphon():
    desk = _paused()
    desk.run_for(5_000)
    desk.pump.moved_ul += 50
    desk.run_for(5_000)
    assert desk.state is D.PAUSED


def test_a_pause_whose_proof_was_lost_with_the_link_stops_no_later_resume():
    desk = infusing(once())
    desk.run_for(30_000)
    desk.pump.mute.add(wire.Pause)
    desk.ask("pause")
    desk.must(lambda: desk.pump.count(wire.Pause) == 1, 3_000)
    desk.unplug()
    desk.run_for(4_000)
    desk.pump.mute = set()
    desk.plug_in()
    desk.must_be(D.PAUSED, 5_000)
    desk.run_for(20_000)
    _resumed(desk)
    desk.run_for(10_000)
    assert desk.state is D.INFUSING
    assert not desk.latched
    assert desk.pump.count(wire.Pause) == 1
