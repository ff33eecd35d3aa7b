"""A START whose answer and statuses were lost, and what the pump shows when it is heard again: did any of it run?"""

from __future__ import annotations

from typing import Any

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import PumpState
from pumpctl.core.delivery import DeliveryState
from pumpctl.effects import Refuse
from tests.controller.desk import Desk
from tests.controller.orders import monitored_iv, once
from tests.controller.scenes import infusing, loaded

D = DeliveryState


def _unseen(order: dict[str, Any]) -> Desk:
    """START was carried out; for 20 s nothing is heard of it."""
    desk = loaded(order)
    desk.pump.mute.add(wire.Start)
    desk.press()
    desk.must(lambda: desk.pump.count(wire.Start) == 1, 3_000)
    desk.pump.deaf.add(wire.GetStatus)
    desk.run_for(20_000)
    desk.pump.run_to(desk.link_ns)
    assert desk.state is D.STARTING
    return desk


def _outcomes(desk: Desk) -> list[str]:
    return [record.body["outcome"] for record in desk.recorded("dosing_outcome")]


def _begun(desk: Desk) -> frozenset[int]:
    return desk.controller.ward.ledger.begun(next(iter(desk.controller.ward.orders)))


@pytest.mark.hazard("H29")
@pytest.mark.hazard("H55")
@pytest.mark.parametrize("order", [once(), monitored_iv()], ids=["once", "iv"])
def test_a_start_that_ran_and_was_paused_at_the_key_is_confirmed_and_never_given_again(order: dict[str, Any]):
    desk = _unseen(order)
    desk.pump.halt(PumpState.PAUSED)
    assert desk.pump.moved_ul > 50
    desk.pump.deaf = set()
    desk.must_be(D.PAUSED, 3_000)
    assert _outcomes(desk) == ["unconfirmed", "confirmed"]
    assert _begun(desk) == {1}
    assert desk.channel.infusion is not None
    assert desk.channel.infusion.paused_therapy_ns is not None
    desk.run_for(5_000)
    assert desk.state is D.PAUSED
    number = desk.prepare()
    desk.run_for(3_000)
    assert isinstance(desk.answers[number], Refuse)
    desk.ask("resume")
    desk.run_for(1_500)
    desk.press(token=12)
    desk.must_be(D.INFUSING, 5_000)
    assert len(desk.pump.begun) == 1
    desk.ask("stop")
    desk.must_be(D.STOPPED, 3_000)
    assert desk.recorded("settled")[-1].body["most_ul"] >= desk.pump.moved_ul
    assert desk.recorded("external_dose") == []


@pytest.mark.hazard("H29")
@pytest.mark.hazard("H55")
@pytest.mark.parametrize("restart", [False, True], ids=["link", "daemon"])
@pytest.mark.parametrize(("moved_ul", "boots", "flow_ul_h"), [(50, 0, 0), (51, 0, 0), (0, 1, 0), (0, 0, 10_000)])
def test_a_program_that_shows_as_loaded_never_ran_only_by_its_counters(
    moved_ul: int, boots: int, flow_ul_h: int, restart: bool
):
    desk = loaded(once())
    desk.pump.deaf.add(wire.Start)
    desk.press()
    desk.must(lambda: desk.pump.count(wire.Start) == 1, 3_000)
    desk.pump.deaf.add(wire.GetStatus)
    desk.run_for(700)
    desk.pump.moved_ul += moved_ul
    desk.pump.boot_count += boots
    desk.pump.flow_ul_h = flow_ul_h
    again = _daemon_died(desk) if restart else desk
    desk.pump.deaf = set()
    never = moved_ul <= 50 and not boots and not flow_ul_h
    again.must_be((D.IDLE if restart else D.AWAITING_CONFIRMATION) if never else D.STOPPED, 5_000)
    assert ("denied" in _outcomes(again)) is never
    assert _begun(again) == (set() if never else {1})
    assert bool(again.latched) is not never
    if moved_ul == 51:
        assert again.latched == {"stop_not_recorded" if restart else "stopped_at_pump"}
    assert all(record.body["most_ul"] >= moved_ul for record in again.recorded("settled"))
    assert again.pump.count(wire.Start) == 1


def _daemon_died(desk: Desk) -> Desk:
    again = desk.restarted()
    again.plug_in()
    again.run_for(2_000)
    return again


def _resumed_unheard() -> Desk:
    """Paused, and a RESUME is on the wire that the pump does not hear."""
    desk = infusing(once())
    desk.run_for(60_000)
    desk.ask("pause")
    desk.must_be(D.PAUSED, 3_000)
    desk.ask("resume")
    desk.run_for(1_500)
    desk.pump.deaf = {wire.Resume}
    desk.press(token=8)
    desk.must(lambda: desk.pump.count(wire.Resume) == 1, 3_000)
    return desk


@pytest.mark.hazard("H55")
@pytest.mark.parametrize(("moved_ul", "outcome"), [(50, "denied"), (51, "confirmed")])
def test_a_resume_that_shows_as_paused_ran_by_its_counters(moved_ul: int, outcome: str):
    desk = _resumed_unheard()
    desk.pump.moved_ul += moved_ul  # as if it had run, and were paused again at the key
    desk.pump.deaf = set()
    desk.must_be(D.PAUSED, 5_000)
    assert _outcomes(desk)[-1] == outcome
    desk.run_for(5_000)
    assert desk.state is D.PAUSED
    assert not desk.latched
    assert desk.pump.count(wire.Resume) == 1
    desk.ask("stop")
    desk.must_be(D.STOPPED, 3_000)
    assert desk.recorded("settled")[-1].body["most_ul"] >= desk.pump.moved_ul


@pytest.mark.hazard("H55")
def test_a_resume_that_the_pump_did_not_carry_out_is_paused_again():
    desk = _resumed_unheard()
    desk.must_be(D.PAUSED, 5_000)
    assert _outcomes(desk)[-1] == "denied"
    assert _begun(desk) == {1}
