"""What the journal must hold so that a person can tell afterwards who did what, and what the pump was seen to do."""

from __future__ import annotations

import pytest

from protocols.companion.vocabulary import Alarm
from pumpctl.core.delivery import DeliveryState
from pumpctl.effects import Publish
from tests.controller.desk import A, Desk
from tests.controller.orders import once
from tests.controller.pump_double import PumpDouble
from tests.controller.scenes import infusing, loaded

D = DeliveryState


@pytest.mark.hazard("H67")
def test_an_alarm_is_recorded_when_it_rises_is_silenced_rings_again_and_ends():
    desk = infusing(once())
    desk.run_for(5_000)
    desk.say(desk.pump.raise_alarm(Alarm.OCCLUSION_DOWNSTREAM, desk.link_ns))
    desk.must_be(D.STOPPED, 3_000)
    code = "occlusion_downstream"
    (raised,) = [record for record in desk.recorded("alarm_raised") if record.body["code"] == code]
    assert (raised.body["channel"], raised.body["priority"]) == (A, "high")
    assert desk.recorded("alarm_acknowledged") == []
    desk.ask_and_wait("ack", code=code)
    assert [record.body for record in desk.recorded("alarm_acknowledged")] == [{"channel": A, "code": code}]
    desk.run_for(119_000)
    assert desk.recorded("alarm_rings_again") == []
    desk.run_for(2_000)
    assert [record.body for record in desk.recorded("alarm_rings_again")] == [{"channel": A, "code": code}]
    assert code not in {record.body["code"] for record in desk.recorded("alarm_ended")}
    desk.pump.alarms = Alarm(0)
    desk.run_for(12_000)
    desk.given(desk.ask_and_wait("clear", person="N. Nurse"))
    assert [record.body["code"] for record in desk.recorded("alarm_ended")].count(code) == 1


@pytest.mark.hazard("H25")
def test_the_serial_number_of_a_pump_that_is_not_ours_is_recorded():
    desk = Desk(doubles={A: PumpDouble("SIM-0002")})
    desk.plug_in()
    desk.run_for(5_000)
    refusals = [record.body for record in desk.recorded("port_refused")]
    assert refusals == [{"channel": A, "code": "wrong_pump", "serial": "SIM-0002"}]


def test_what_was_loaded_is_recorded_once_with_its_order():
    desk = loaded(once())
    (programmed,) = desk.recorded("programmed")
    assert (programmed.body["channel"], programmed.body["attempt"]) == (A, 1)
    assert programmed.body["order"] == next(iter(desk.controller.ward.orders))


def test_who_paused_and_who_resumed_is_recorded_and_when_the_pump_did():
    desk = infusing(once())
    desk.run_for(600_000)
    assert (desk.recorded("pause_requested"), desk.recorded("paused")) == ([], [])
    desk.ask("pause")
    desk.must_be(D.PAUSED, 3_000)
    assert [record.body for record in desk.recorded("pause_requested")] == [{"channel": A, "person": "tester"}]
    (paused,) = desk.recorded("paused")
    assert paused.body["channel"] == A
    assert desk.recorded("resume_requested") == []
    desk.ask("resume")
    desk.run_for(1_100)
    desk.press(token=9)
    desk.must_be(D.INFUSING, 5_000)
    assert [record.body for record in desk.recorded("resume_requested")] == [{"channel": A, "person": "tester"}]


@pytest.mark.hazard("H44")
def test_it_is_recorded_in_what_state_our_program_was_found_again():
    desk = infusing(once())
    desk.run_for(60_000)
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.INFUSING, 5_000)
    (resumed,) = again.recorded("supervision_resumed")
    assert resumed.body["found"] == "infusing"
    assert resumed.body["program_id"] == again.channel.infusion.program_id.hex()  # type: ignore[union-attr] - it runs


@pytest.mark.hazard("H56")
def test_the_proof_of_a_stop_is_recorded_once_and_told_to_the_world():
    desk = infusing(once())
    desk.ask("stop")
    assert desk.recorded("stop_proven") == []
    desk.must_be(D.STOPPED, 3_000)
    (proven,) = desk.recorded("stop_proven")
    assert proven.body == {"channel": A, "reasons": ["operator_stop"], "latched": True}
    published = [effect for effect in desk.effects if isinstance(effect, Publish) and effect.channel == A]
    desk.run_for(12_000)
    assert desk.told["state"] == "stopped"
    assert [effect.leaf for effect in published if effect.leaf == "link"] == ["link"]
