"""The companion driver: one transaction, each command one frame, each answer one fact, and nothing of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from protocols.companion import messages as wire
from protocols.companion.codec import NO_PROGRAM, STOP_FRAME, STOPPED_FRAME, decode, encode, sealed
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.companion.vocabulary import (
    NO_FLOW_SENSOR_UL,
    Alarm,
    EventKind,
    LinkLoss,
    NoticeCause,
    Phase,
    PumpState,
    Purpose,
    RefusalReason,
)
from protocols.errors import LocalProtocolError
from pumpctl.core.capability import COMPANION_REFERENCE, Lease
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.order_text import parse_order
from pumpctl.core.program import Plan, Program, compile_programs
from pumpctl.drivers import pump
from pumpctl.drivers.companion import REPLY_NS, CompanionDriver, load_request
from pumpctl.drivers.registry import UnknownDialect, driver_for
from tests.controller.desk import LIBRARY
from tests.controller.orders import monitored_iv, once
from tests.controller.pump_double import PumpDouble

ASKED = Now(5_000_000_000, 7_000_000_000, 9)
LATER = Now(ASKED.link_ns + REPLY_NS, 0, 0)
SESSION = 77


def _programs(order: dict[str, object]) -> tuple[Program, ...]:
    import json

    plan = compile_programs(parse_order(json.dumps(order), "test"), LIBRARY, COMPANION_REFERENCE, 1, 1)
    assert isinstance(plan, Plan)
    return plan.programs


PROGRAM = _programs(once())[0]
LOADING, CONTINUOUS = _programs(monitored_iv())
READ_BACK = sealed(
    wire.Program(
        PROGRAM.program_id, bytes(16), Phase.INFUSION, 10_000, 10_000, 12_000, 0, LinkLoss.FINISH_LOADED, 0, 200_000
    )
)


def _open() -> CompanionDriver:
    driver = CompanionDriver()
    driver.open(SESSION)
    return driver


def _asked(frame: bytes) -> tuple[int, wire.Message]:
    (envelope,) = [decode(piece) for piece in FrameDecoder().receive(frame) if not isinstance(piece, Garbage)]
    assert envelope.session == SESSION
    return envelope.sequence, envelope.message


def _answered(driver: CompanionDriver, command: pump.Command, answer: wire.Message) -> list[pump.Fact]:
    sequence, _ = _asked(driver.command(command, ASKED))
    return driver.receive(encode(answer, SESSION, sequence))


COMMANDS: list[tuple[pump.Command, wire.Message]] = [
    (pump.Identify(), wire.Identify()),
    (pump.ReadStatus(), wire.GetStatus()),
    (pump.LoadProgram(PROGRAM), load_request(PROGRAM)),
    (pump.ReadProgram(PROGRAM), wire.ReadProgram()),
    (pump.ReadConfirmation(), wire.GetConfirmation()),
    (pump.Start(b"12345678", 5), wire.Start(b"12345678", 5)),
    (pump.Resume(b"12345678", 6), wire.Resume(b"12345678", 6)),
    (pump.Pause(b"12345678"), wire.Pause(b"12345678")),
    (pump.Renew(b"12345678", 99), wire.Renew(b"12345678", 99)),
    (pump.ReadEvent(4), wire.GetEvent(4)),
    (pump.AcknowledgeAlarms(), wire.Acknowledge(0)),
]


def test_every_command_is_here():
    assert {type(command) for command, _ in COMMANDS} == set(get_args(pump.Command))


@pytest.mark.parametrize(("command", "request_"), COMMANDS, ids=lambda each: type(each).__name__)
def test_a_command_is_one_frame_and_holds_the_line(command: pump.Command, request_: wire.Message):
    driver = _open()
    assert not driver.busy
    sequence, message = _asked(driver.command(command, ASKED))
    assert (sequence, message) == (1, request_)
    assert driver.busy
    with pytest.raises(LocalProtocolError):
        driver.command(pump.ReadStatus(), ASKED)
    assert driver.next_wake_ns() == LATER.link_ns


@pytest.mark.parametrize(("command", "_"), COMMANDS, ids=lambda each: type(each).__name__)
def test_no_answer_in_half_a_second_is_told_once_and_never_repeated(command: pump.Command, _: wire.Message):
    driver = _open()
    frame = driver.command(command, ASKED)
    assert driver.wake(Now(LATER.link_ns - 1, 0, 0)) == []
    assert driver.wake(LATER) == [pump.Unanswered(command)]
    assert driver.wake(LATER) == []
    assert not driver.busy
    assert driver.next_wake_ns() is None
    sequence, _request = _asked(frame)
    (late,) = driver.receive(encode(wire.Started(b"12345678"), SESSION, sequence))
    assert isinstance(late, pump.LineNoise)


@pytest.mark.parametrize(("command", "_"), COMMANDS, ids=lambda each: type(each).__name__)
def test_a_refusal_names_command_and_reason(command: pump.Command, _: wire.Message):
    driver = _open()
    sequence, request = _asked(driver.command(command, ASKED))
    facts = driver.receive(encode(wire.Refused(request.TYPE, RefusalReason.BAD_STATE), SESSION, sequence))
    assert facts == [pump.Denied(command, "bad_state")]
    assert not driver.busy


def test_a_lost_session_is_told_beside_the_refusal():
    driver = _open()
    sequence, _ = _asked(driver.command(pump.ReadStatus(), ASKED))
    facts = driver.receive(encode(wire.Refused(wire.GetStatus.TYPE, RefusalReason.WRONG_SESSION), SESSION, sequence))
    assert facts == [pump.Denied(pump.ReadStatus(), "wrong_session"), pump.SessionLost()]
    assert not driver.busy


def test_without_a_link_nothing_is_asked_and_nothing_heard():
    driver = CompanionDriver()
    with pytest.raises(LocalProtocolError):
        driver.command(pump.Identify(), ASKED)
    assert driver.receive(STOPPED_FRAME) == []


def test_a_new_link_forgets_the_transaction_of_the_old_one():
    driver = _open()
    driver.command(pump.Start(b"12345678", 5), ASKED)
    driver.open(SESSION + 1)
    assert not driver.busy
    assert driver.wake(LATER) == []
    (stray,) = driver.receive(encode(wire.Started(b"12345678"), SESSION, 1))
    assert isinstance(stray, pump.LineNoise)


def test_stop_is_a_delimiter_and_the_constant_frame():
    assert CompanionDriver.stop_frame == b"\x00" + STOP_FRAME
    assert CompanionDriver.stopped_frame == STOPPED_FRAME
    driver = _open()
    driver.command(pump.ReadStatus(), ASKED)
    assert driver.receive(STOPPED_FRAME) == [pump.StopProven()]
    assert driver.busy  # it answered no request


@pytest.mark.hazard("H54")
def test_answers_of_another_session_sequence_or_type_are_noise():
    for session, offset, answer in (
        (SESSION + 1, 0, PumpDouble().status(0)),
        (SESSION, 1, PumpDouble().status(0)),
        (SESSION, 0, wire.Started(b"12345678")),
    ):
        driver = _open()
        sequence, _ = _asked(driver.command(pump.ReadStatus(), ASKED))
        (fact,) = driver.receive(encode(answer, session, sequence + offset))
        assert isinstance(fact, pump.LineNoise)
        assert driver.busy


@pytest.mark.hazard("H53")
def test_a_status_arrives_byte_by_byte_and_out_of_noise():
    driver = _open()
    sequence, _ = _asked(driver.command(pump.ReadStatus(), ASKED))
    frame = b"\x05garbage\x00" + encode(PumpDouble().status(0), SESSION, sequence)
    facts = [fact for byte in frame for fact in driver.receive(bytes([byte]))]
    assert [type(fact) for fact in facts] == [pump.LineNoise, pump.StatusRead]


def test_a_status_is_told_with_the_instant_of_its_question():
    double = PumpDouble(state=PumpState.INFUSING, program=load_request(PROGRAM), flow_ul_h=10_000, token=3)
    double.moved_ul, double.encoder_gap_ul = 500, 20
    double.alarms = Alarm.DOOR_OPEN | Alarm.BATTERY_LOW
    (status,) = _answered(_open(), pump.ReadStatus(), double.status(8_000_000_000))
    assert isinstance(status, pump.StatusRead)
    assert status.asked == ASKED
    assert (status.activity, status.program_id) == (pump.PumpActivity.INFUSING, PROGRAM.program_id)
    assert (status.counters.motor_ul, status.counters.encoder_ul, status.counters.flow_ul) == (500, 480, 500)
    assert (status.moving, status.confirmation_waits, status.uptime_ms) == (True, True, 8_000)
    assert status.alarms == ("door_open", "battery_low")
    assert status.stopping_alarms == ("door_open",)


@pytest.mark.parametrize("state", PumpState)
def test_every_state_of_the_pump_has_its_activity(state: PumpState):
    (status,) = _answered(_open(), pump.ReadStatus(), PumpDouble(state=state).status(0))
    assert isinstance(status, pump.StatusRead)
    assert status.activity.value == state.name.lower()
    assert status.program_id is None


@pytest.mark.parametrize("alarm", Alarm)
def test_only_the_two_that_say_no_do_not_stop(alarm: Alarm):
    (status,) = _answered(_open(), pump.ReadStatus(), PumpDouble(alarms=alarm).status(0))
    assert isinstance(status, pump.StatusRead)
    stops = alarm not in {Alarm.RESERVOIR_LOW, Alarm.BATTERY_LOW}
    assert bool(status.stopping_alarms) is stops


def test_a_pump_without_a_flow_sensor_has_none():
    without = replace(PumpDouble().status(0), flow_ul=NO_FLOW_SENSOR_UL)
    (status,) = _answered(_open(), pump.ReadStatus(), without)
    assert isinstance(status, pump.StatusRead)
    assert status.counters.flow_ul is None


def test_an_identity_becomes_a_capability():
    (who,) = _answered(_open(), pump.Identify(), PumpDouble(max_lease_ms=0, kvo_min_ul_h=1).identity(0))
    assert isinstance(who, pump.Identified)
    assert (who.serial, who.simulated, who.auto_confirm) == ("SIM-0001", True, False)
    assert (who.capability.lease, who.capability.kvo_can_be_zero) == (Lease.NONE, False)
    (who,) = _answered(_open(), pump.Identify(), PumpDouble().identity(0))
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
    (read,) = _answered(_open(), pump.ReadProgram(PROGRAM), READ_BACK)
    assert isinstance(read, pump.ProgramRead)
    assert read.equals is PROGRAM


@pytest.mark.hazard("H01")
@pytest.mark.hazard("H16")
@pytest.mark.parametrize("name", [each for each in wire.Program.__dataclass_fields__ if each != "TYPE"])
def test_a_read_back_that_differs_in_one_field_is_not_ours(name: str):
    wrong = (
        replace(READ_BACK, digest=bytes(16)) if name == "digest" else sealed(replace(READ_BACK, **{name: WRONG[name]}))
    )
    (read,) = _answered(_open(), pump.ReadProgram(PROGRAM), wrong)
    assert isinstance(read, pump.ProgramRead)
    assert read.equals is None


def test_no_program_reads_as_none():
    assert _answered(_open(), pump.ReadProgram(PROGRAM), NO_PROGRAM) == [pump.ProgramRead(None, None)]


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
    assert _answered(_open(), pump.ReadConfirmation(), answer) == [expected]


def test_an_event_tells_which_stopping_alarms_rose():
    raised = wire.Event(4, 1, EventKind.ALARM_RAISED, int(Alarm.AIR_IN_LINE | Alarm.BATTERY_LOW), bytes(8))
    assert _answered(_open(), pump.ReadEvent(4), raised) == [pump.EventRead(4, "alarm_raised", ("air_in_line",))]
    cleared = replace(raised, kind=EventKind.ALARM_CLEARED)
    assert _answered(_open(), pump.ReadEvent(4), cleared) == [pump.EventRead(4, "alarm_cleared", ())]


def test_a_notice_names_its_stopping_alarms():
    notice = wire.Notice(1, 1, PumpState.STOPPED, Alarm.DOOR_OPEN | Alarm.RESERVOIR_LOW, NoticeCause.ALARMS)
    driver = _open()
    assert driver.receive(encode(notice, 0, 0)) == [pump.Noticed(pump.PumpActivity.STOPPED, ("door_open",))]


def test_acknowledging_clears_what_the_last_status_showed():
    driver = _open()
    _answered(driver, pump.ReadStatus(), PumpDouble(alarms=Alarm.DOOR_OPEN | Alarm.BATTERY_LOW).status(0))
    _, request = _asked(driver.command(pump.AcknowledgeAlarms(), ASKED))
    assert request == wire.Acknowledge(int(Alarm.DOOR_OPEN | Alarm.BATTERY_LOW))


def test_half_a_second_is_ten_times_what_the_pump_may_take():
    assert REPLY_NS == 10 * 50 * NS_PER_MS


def test_an_unknown_dialect_is_refused_with_the_known_ones():
    with pytest.raises(UnknownDialect, match="companion"):
        driver_for("telepathy")
