"""Whose pump is this? Nothing but the question leaves before the answer matches, and a wrong answer ends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import IdentityFlag, RefusalReason
from pumpctl.configuration import Mode
from pumpctl.core.delivery import DeliveryState
from pumpctl.effects import ArmGuard, ClosePort, DisarmGuard
from pumpctl.supervision.channel import Link
from tests.controller.desk import ONE_CHANNEL, A, Desk
from tests.controller.orders import once
from tests.controller.pump_double import IDENTITY_FLAGS, PumpDouble
from tests.controller.scenes import infusing

REAL = IDENTITY_FLAGS & ~IdentityFlag.SIMULATED


def _desk(double: PumpDouble, mode: Mode = Mode.RIG, speed: int = 1) -> Desk:
    channels = ONE_CHANNEL if mode is Mode.RIG else (replace(ONE_CHANNEL[0], firmware=("companion-sim sim-1.0",)),)
    desk = Desk(channels, mode, speed, doubles={A: double})
    desk.plug_in()
    desk.run_for(5_000)
    return desk


@pytest.mark.hazard("H25")
def test_a_wrong_serial_number_closes_the_port_without_another_byte():
    desk = _desk(PumpDouble("SIM-0002"))
    assert {type(message) for _, message in desk.pump.heard} == {wire.Identify}
    assert [e.channel for e in desk.effects if isinstance(e, ClosePort)] == [A]
    assert any(isinstance(e, DisarmGuard) for e in desk.effects)
    assert not any(isinstance(e, ArmGuard) for e in desk.effects)
    assert desk.active_alarms() == {"wrong_pump"}
    desk.run_for(120_000)
    assert desk.written(wire.Identify) == 1
    assert desk.written(wire.Stop) == 0


@pytest.mark.hazard("H25")
def test_not_even_a_stop_that_was_asked_for_reaches_a_wrong_pump():
    desk = Desk(doubles={A: PumpDouble("SIM-0002")})
    number = desk.ask("stop")
    desk.plug_in()
    desk.run_for(5_000)
    assert desk.pump.count(wire.Stop) == 0
    assert desk.refused(number).reasons[0].code == "stop_unproven"
    desk.ask("stop")
    desk.run_for(5_000)
    assert desk.pump.count(wire.Stop) == 0


@pytest.mark.hazard("H25")
def test_a_pump_swapped_behind_an_open_port_is_found_out():
    """The new one has no session open: it says so, is asked who it is, and is not ours."""
    desk = infusing(once())
    desk.run_for(5_000)
    other = PumpDouble("SIM-0002")
    other.deny = dict.fromkeys((wire.GetStatus, wire.ReadProgram), RefusalReason.WRONG_SESSION)
    desk.doubles[A] = other
    desk.run_for(5_000)
    assert desk.channel.link is Link.REFUSED
    assert {type(message) for _, message in other.heard} == {wire.GetStatus, wire.Identify}


@pytest.mark.hazard("H78")
@pytest.mark.parametrize(
    ("mode", "flags", "speed", "code"),
    [
        (Mode.RIG, IDENTITY_FLAGS, 1, None),
        (Mode.RIG, IDENTITY_FLAGS, 600, None),
        (Mode.RIG, IDENTITY_FLAGS | IdentityFlag.AUTO_CONFIRM, 1, None),
        (Mode.RIG, REAL, 1, "real_pump"),
        (Mode.RIG, REAL, 600, "real_pump"),
        (Mode.THERAPY, IDENTITY_FLAGS, 1, "simulated_pump"),
        (Mode.THERAPY, IDENTITY_FLAGS | IdentityFlag.AUTO_CONFIRM, 1, "simulated_pump"),
        (Mode.THERAPY, REAL, 1, None),
        (Mode.THERAPY, REAL, 2, "scaled_time"),
    ],
)
def test_which_pump_may_be_spoken_to_in_which_mode(mode: Mode, flags: IdentityFlag, speed: int, code: str | None):
    desk = _desk(PumpDouble(flags=flags), mode, speed)
    assert desk.channel.link is (Link.UP if code is None else Link.REFUSED)
    assert desk.active_alarms() == (set() if code is None else {code})


@pytest.mark.hazard("H62")
def test_a_real_pump_whose_firmware_nobody_allowed_is_refused():
    desk = Desk(mode=Mode.THERAPY, doubles={A: PumpDouble(flags=REAL)})
    desk.plug_in()
    desk.run_for(2_000)
    assert desk.active_alarms() == {"unknown_firmware"}


@pytest.mark.hazard("H78")
def test_nothing_is_started_in_therapy_while_orders_are_unsigned():
    desk = _desk(PumpDouble(flags=REAL), Mode.THERAPY)
    desk.submit(once())
    desk.run_for(3_000)
    desk.press()
    desk.run_for(5_000)
    assert desk.written(wire.Start) == 0
    assert "mode_refuses_pump" in desk.alarms("start_refused")[0].message


@pytest.mark.hazard("H16")
def test_a_pump_that_must_keep_the_vein_open_is_not_used():
    desk = _desk(PumpDouble(kvo_min_ul_h=100))
    assert desk.active_alarms() == {"kvo_not_zero"}


def test_the_guard_may_stop_a_pump_from_its_identity_to_its_loss():
    desk = _desk(PumpDouble())
    armed = [e for e in desk.effects if isinstance(e, (ArmGuard, DisarmGuard))]
    assert isinstance(armed[-1], ArmGuard)
    assert armed[-1].stop_frame[0] == 0  # a delimiter first
    assert not armed[-1].lease
    desk.unplug()
    assert isinstance([e for e in desk.effects if isinstance(e, (ArmGuard, DisarmGuard))][-1], DisarmGuard)


@pytest.mark.hazard("H58")
@pytest.mark.hazard("H45")
def test_a_pump_that_was_switched_off_and_on_is_stopped_latched_and_booked():
    desk = infusing(once())
    desk.run_for(600_000)
    given_ul = desk.pump.moved_ul
    desk.pump.restart(desk.link_ns)
    desk.pump.deny = dict.fromkeys((wire.GetStatus,), RefusalReason.WRONG_SESSION)
    desk.must(lambda: desk.channel.link is Link.IDENTIFYING, 3_000)
    desk.pump.deny = {}  # the identification has opened the session
    desk.must_be(DeliveryState.STOPPED, 5_000)
    assert desk.latched == {"pump_reset"}
    (account,) = desk.recorded("settled")
    assert account.body["least_ul"] <= given_ul <= account.body["most_ul"]
    desk.press()
    desk.run_for(5_000)
    assert len(desk.pump.begun) == 1


@pytest.mark.hazard("H58")
def test_a_pump_that_restarts_without_forgetting_the_session_is_stopped_as_well():
    desk = infusing(once())
    desk.run_for(60_000)
    desk.pump.restart(desk.link_ns)
    desk.must_be(DeliveryState.STOPPED, 5_000)
    assert "pump_reset" in desk.latched


def test_every_new_link_begins_with_the_question_who():
    desk = infusing(once())
    for _ in range(3):
        desk.unplug()
        desk.run_for(2_000)
        heard = len(desk.pump.heard)
        desk.plug_in()
        desk.run_for(2_000)
        assert isinstance(desk.pump.heard[heard][1], wire.Identify)
    assert len(desk.pump.begun) == 1


@pytest.mark.hazard("H25")
def test_the_reason_why_a_port_was_closed_outlasts_its_closing():
    desk = _desk(PumpDouble("SIM-0002"))
    told = desk.channel.link_reason
    desk.unplug()
    desk.run_for(1_000)
    assert (desk.channel.link, desk.channel.link_reason) == (Link.REFUSED, told)
