"""What each answer of a companion pump becomes: one fact, nothing added and nothing lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.companion import messages as wire
from protocols.companion.codec import NO_PROGRAM, encode, sealed
from protocols.companion.vocabulary import (
    NO_FLOW_SENSOR_UL,
    Alarm,
    EventKind,
    LinkLoss,
    NoticeCause,
    Phase,
    PumpState,
    Purpose,
)
from pumpctl.core.capability import COMPANION_REFERENCE, Lease
from pumpctl.drivers import pump
from pumpctl.drivers.companion import load_request
from tests.controller.pump_double import PumpDouble
from tests.drivers.conversation import (
    ASKED,
    CONTINUOUS,
    LOADING,
    PROGRAM,
    READ_BACK,
    answered,
    asked,
    opened,
)


def test_a_status_is_told_with_the_instant_of_its_question():
    double = PumpDouble(state=PumpState.INFUSING, program=load_request(PROGRAM), flow_ul_h=10_000, token=3)
    double.moved_ul, double.encoder_gap_ul = 500, 20
    double.alarms = Alarm.DOOR_OPEN | Alarm.BATTERY_LOW
    (status,) = answered(opened(), pump.ReadStatus(), double.status(8_000_000_000))
    assert isinstance(status, pump.StatusRead)
    assert status.asked == ASKED
    assert (status.activity, status.program_id) == (pump.PumpActivity.INFUSING, PROGRAM.program_id)
    assert (status.counters.motor_ul, status.counters.encoder_ul, status.counters.flow_ul) == (500, 480, 500)
    assert (status.moving, status.confirmation_waits, status.uptime_ms) == (True, True, 8_000)
    assert status.alarms == ("door_open", "battery_low")
    assert status.stopping_alarms == ("door_open",)


@pytest.mark.parametrize("state", PumpState)
def test_every_state_of_the_pump_has_its_activity(state: PumpState):
    (status,) = answered(opened(), pump.ReadStatus(), PumpDouble(state=state).status(0))
    assert isinstance(status, pump.StatusRead)
    assert status.activity.value == state.name.lower()
    assert status.program_id is None


@pytest.mark.parametrize("alarm", Alarm)
def test_only_the_two_that_say_no_do_not_stop(alarm: Alarm):
    (status,) = answered(opened(), pump.ReadStatus(), PumpDouble(alarms=alarm).status(0))
    assert isinstance(status, pump.StatusRead)
    stops = alarm not in {Alarm.RESERVOIR_LOW, Alarm.BATTERY_LOW}
    assert bool(status.stopping_alarms) is stops


def test_a_pump_without_a_flow_sensor_has_none():
    without = replace(PumpDouble().status(0), flow_ul=NO_FLOW_SENSOR_UL)
    (status,) = answered(opened(), pump.ReadStatus(), without)
    assert isinstance(status, pump.StatusRead)
    assert status.counters.flow_ul is None


def test_an_identity_becomes_a_capability():
    (who,) = answered(opened(), pump.Identify(), PumpDouble(max_lease_ms=0, kvo_min_ul_h=1).identity(0))
    assert isinstance(who, pump.Identified)
    assert (who.serial, who.simulated, who.auto_confirm) == ("SIM-0001", True, False)
    assert (who.capability.lease, who.capability.kvo_can_be_zero) == (Lease.NONE, False)
    (who,) = answered(opened(), pump.Identify(), PumpDouble().identity(0))
    assert isinstance(who, pump.Identified)
    assert replace(who.capability, model="companion") == COMPANION_REFERENCE


WRONG: dict[str, object] = {
    "program_id": b"87654321",
    "phase": Phase.LOADING,
    "flow_ul_h": 10_100,
    "vtbi_ul": 9_999,
    "flow_limit_ul_h": 12_001,
    "kvo_ul_h": 1,
    "link_loss": LinkLoss.STOP_AT_LEASE_END,
    "lease_ms": 1,
    "dose_ug": 199_999,
}


def test_a_read_back_that_is_equal_names_the_very_program():
    (read,) = answered(opened(), pump.ReadProgram(PROGRAM), READ_BACK)
    assert isinstance(read, pump.ProgramRead)
    assert read.equals is PROGRAM


@pytest.mark.hazard("H01")
@pytest.mark.hazard("H16")
@pytest.mark.parametrize("name", [each for each in wire.Program.__dataclass_fields__ if each != "TYPE"])
def test_a_read_back_that_differs_in_one_field_is_not_ours(name: str):
    wrong = (
        replace(READ_BACK, digest=bytes(16)) if name == "digest" else sealed(replace(READ_BACK, **{name: WRONG[name]}))
    )
    (read,) = answered(opened(), pump.ReadProgram(PROGRAM), wrong)
    assert isinstance(read, pump.ProgramRead)
    assert read.equals is None


def test_no_program_reads_as_none():
    assert answered(opened(), pump.ReadProgram(PROGRAM), NO_PROGRAM) == [pump.ProgramRead(None, None)]


NOBODY_PRESSED = pump.ConfirmationRead(b"12345678", None, for_resume=False)


def test_a_program_compiles_to_the_frame_of_its_phase_and_lease():
    load = load_request(LOADING)
    assert (load.phase, load.link_loss, load.lease_ms) == (0, 1, 30_000)
    load = load_request(CONTINUOUS)
    assert (load.phase, load.link_loss, load.lease_ms) == (1, 1, 120_000)
    assert load == sealed(load)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (wire.Confirmation(Purpose.NONE, bytes(8), 0, 0), pump.ConfirmationRead(bytes(8), None, for_resume=False)),
        (wire.Confirmation(Purpose.START, b"12345678", 9, 1), pump.ConfirmationRead(b"12345678", 9, for_resume=False)),
        (wire.Confirmation(Purpose.RESUME, b"12345678", 9, 1), pump.ConfirmationRead(b"12345678", 9, for_resume=True)),
        (wire.Confirmation(Purpose.START, b"12345678", 0, 1), NOBODY_PRESSED),
        (wire.Confirmation(Purpose.NONE, b"12345678", 9, 1), NOBODY_PRESSED),
    ],
)  # fmt: skip
def test_a_press_is_a_token_with_a_purpose(answer: wire.Confirmation, expected: pump.ConfirmationRead):
    assert answered(opened(), pump.ReadConfirmation(), answer) == [expected]


def test_an_event_tells_which_stopping_alarms_rose():
    raised = wire.Event(4, 1, EventKind.ALARM_RAISED, int(Alarm.AIR_IN_LINE | Alarm.BATTERY_LOW), bytes(8))
    assert answered(opened(), pump.ReadEvent(4), raised) == [pump.EventRead(4, "alarm_raised", ("air_in_line",))]
    cleared = replace(raised, kind=EventKind.ALARM_CLEARED)
    assert answered(opened(), pump.ReadEvent(4), cleared) == [pump.EventRead(4, "alarm_cleared", ())]


def test_a_notice_names_its_stopping_alarms():
    notice = wire.Notice(1, 1, PumpState.STOPPED, Alarm.DOOR_OPEN | Alarm.RESERVOIR_LOW, NoticeCause.ALARMS)
    driver = opened()
    assert driver.receive(encode(notice, 0, 0)) == [pump.Noticed(pump.PumpActivity.STOPPED, ("door_open",))]


def test_acknowledging_clears_what_the_last_status_showed():
    driver = opened()
    answered(driver, pump.ReadStatus(), PumpDouble(alarms=Alarm.DOOR_OPEN | Alarm.BATTERY_LOW).status(0))
    _, request = asked(driver.command(pump.AcknowledgeAlarms(), ASKED))
    assert request == wire.Acknowledge(int(Alarm.DOOR_OPEN | Alarm.BATTERY_LOW))
