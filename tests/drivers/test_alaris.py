"""The Alaris driver against the simulated pump: a round of questions for each command, and what it makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.alaris import messages as m
from protocols.alaris.codec import STOP_ECHO, encode, stop_bytes
from protocols.errors import LocalProtocolError
from pumpctl.core.capability import ALARIS_REFERENCE, Lease
from pumpctl.core.program import LinkLoss
from pumpctl.drivers import pump
from pumpctl.drivers.alaris import REPLY_NS, AlarisDriver
from simulator.firmware.dialect import Button
from tests.drivers.alaris_bench import PROGRAM, SERIAL, Bench

A = pump.PumpActivity
START = encode(m.Order.START)
SETS = (b"!INF_RATE^", b"!INF_VTBI^")
COMMANDS: list[pump.Command] = [
    pump.Identify(),
    pump.ReadStatus(),
    pump.LoadProgram(PROGRAM),
    pump.ReadProgram(PROGRAM),
    pump.ReadConfirmation(),
    pump.Start(PROGRAM.program_id, 1),
    pump.Resume(PROGRAM.program_id, 1),
    pump.Pause(PROGRAM.program_id),
    pump.Prime(1_000, 10_000),
    pump.Renew(PROGRAM.program_id, 1),
    pump.ReadEvent(0),
    pump.AcknowledgeAlarms(),
]


def test_an_identity_says_what_the_pump_can_and_that_it_is_simulated():
    bench = Bench(identify=False)
    who = bench.one(pump.Identify(), pump.Identified)
    assert (who.serial, who.firmware, who.simulated, who.auto_confirm) == (SERIAL, "Asena Rev 2.1.5", True, False)
    assert who.capability == replace(ALARIS_REFERENCE, max_flow_ul_h=200_000)
    assert (who.capability.lease, who.capability.has_confirm_button) == (Lease.NONE, False)
    assert who.capability.may_stop_alone
    assert not any(b"REMOTE_CTRL" in each for each in bench.written)  # read-only until the serial number is known


def test_a_real_pump_does_not_look_simulated():
    bench = Bench(identify=False)
    bench.pump.serial = "8002-51740"
    bench.inject("power_cycle")
    bench.wait_ns(2 * 10**9)
    assert not bench.one(pump.Identify(), pump.Identified).simulated


def test_the_stop_frame_follows_from_the_serial_number():
    assert AlarisDriver().stop_frame == b""
    bench = Bench()
    assert bench.driver.stop_frame == stop_bytes(SERIAL)
    assert bench.driver.stopped_frame == STOP_ECHO


def test_a_syringe_that_nobody_confirmed_holds_nothing():
    bench = Bench(identify=False)
    bench.inject("door")
    bench.heal("door")
    assert bench.one(pump.Identify(), pump.Identified).capability.reservoir_ul == 0


def test_a_program_is_loaded_read_back_started_and_completed():
    bench = Bench()
    bench.load()
    assert bench.one(pump.ReadProgram(PROGRAM), pump.ProgramRead) == pump.ProgramRead(PROGRAM.program_id, PROGRAM)
    status = bench.status()
    assert (status.activity, status.program_id, status.moving) == (A.LOADED, PROGRAM.program_id, False)
    assert status.commanded_flow_ul_h == 0
    bench.start()
    status = bench.status()
    assert (status.activity, status.program_id, status.moving) == (A.INFUSING, PROGRAM.program_id, True)
    assert status.commanded_flow_ul_h == PROGRAM.flow_rate_ul_h
    bench.wait(3_650)
    status = bench.status()
    assert (status.activity, status.program_id, status.moving) == (A.COMPLETED, PROGRAM.program_id, False)
    assert status.counters.motor_ul == status.program_ul == PROGRAM.vtbi_ul
    assert (status.alarms, status.stopping_alarms) == (("vtbi_done_stopped",), ())
    assert bench.truth.starts == 1


def test_a_person_who_ends_the_alarm_first_does_not_hide_the_completion():
    bench = Bench()
    bench.run(replace(PROGRAM, vtbi_ul=100))
    bench.wait_ns(60 * 10**9)
    bench.pump.advance(bench._sim_now())
    bench.press(Button.CONFIRM)
    assert bench.status().activity is A.COMPLETED


def test_a_pause_is_a_hold_and_a_resume_a_start():
    bench = Bench()
    bench.run()
    bench.wait(10)
    bench.one(pump.Pause(PROGRAM.program_id), pump.Done)
    status = bench.status()
    assert (status.activity, status.program_id) == (A.PAUSED, PROGRAM.program_id)
    bench.do(pump.Resume(PROGRAM.program_id, 1))
    assert bench.status().activity is A.INFUSING
    assert bench.truth.program_ul == bench.truth.motor_ul


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (replace(PROGRAM, link_loss=LinkLoss.STOP_AT_LEASE_END, lease_ms=30_000), "no_lease"),
        (replace(PROGRAM, kvo_ul_h=1_000), "kvo_not_zero"),
        (replace(PROGRAM, flow_rate_ul_h=10_010), "not_settable"),
        (replace(PROGRAM, flow_rate_ul_h=0), "not_settable"),
        (replace(PROGRAM, vtbi_ul=0), "not_settable"),
        (replace(PROGRAM, flow_rate_ul_h=200_100), "range"),
        (replace(PROGRAM, vtbi_ul=50_001), "syringe_too_small"),
    ],
)
def test_what_the_pump_cannot_hold_is_not_loaded(program: pump.Program, code: str):
    bench = Bench()
    assert bench.one(pump.LoadProgram(program), pump.Denied).code == code
    assert bench.status().program_id is None


def test_nothing_is_set_in_a_pump_that_is_not_on_hold():
    bench = Bench()
    bench.run()
    written = len(bench.written)
    assert bench.one(pump.LoadProgram(PROGRAM), pump.Denied).code == "not_on_hold"
    assert not any(each.startswith(SETS) for each in bench.written[written:])


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("field", ["flow_ul_h", "vtbi_ul"])
def test_a_read_back_that_differs_is_no_program_of_ours(field: str):
    bench = Bench()
    bench.load()
    bench.inject("read_back", by=field)
    assert bench.one(pump.ReadProgram(PROGRAM), pump.ProgramRead) == pump.ProgramRead(None, None)
    assert bench.status().program_id is None


def test_what_was_set_by_somebody_else_is_no_program_of_ours_though_it_looks_the_same():
    bench = Bench()
    bench.load()
    bench.driver = AlarisDriver()  # another daemon
    bench.driver.open(2)
    bench.one(pump.Identify(), pump.Identified)
    assert bench.one(pump.ReadProgram(PROGRAM), pump.ProgramRead) == pump.ProgramRead(None, None)
    assert bench.status().program_id is None


def test_a_pump_that_is_started_at_its_keys_does_not_run_our_program():
    bench = Bench()
    bench.load()
    bench.pump.receive(bench.driver.stop_frame.replace(b"!INF_STOP|CD57", b"!INF_START|38F3"), bench._sim_now())
    status = bench.status()
    assert (status.activity, status.program_id) == (A.INFUSING, None)


@pytest.mark.hazard("H60")
def test_a_rate_changed_at_the_keys_is_no_program_of_ours():
    bench = Bench()
    bench.run()
    bench.inject("keypad_rate", by="2000 permille")
    status = bench.status()
    assert (status.activity, status.program_id) == (A.INFUSING, None)
    assert status.commanded_flow_ul_h == 2 * PROGRAM.flow_rate_ul_h


@pytest.mark.hazard("H58")
def test_a_power_cycle_leaves_no_program():
    bench = Bench()
    bench.run()
    bench.wait(10)
    bench.inject("power_cycle")
    bench.wait_ns(2 * 10**9)
    status = bench.status()
    assert (status.activity, status.program_id, status.counters.motor_ul) == (A.STOPPED, None, 0)


def test_a_link_that_opens_anew_finds_its_program_again():
    bench = Bench()
    bench.run()
    bench.driver.open(2)
    bench.one(pump.Identify(), pump.Identified)
    assert bench.status().program_id == PROGRAM.program_id
    assert bench.one(pump.ReadProgram(PROGRAM), pump.ProgramRead).equals == PROGRAM


@pytest.mark.hazard("H25")
def test_another_pump_on_the_line_has_no_program_of_ours_and_another_stop_frame():
    bench = Bench()
    bench.load()
    bench.inject("other_serial")
    bench.wait_ns(2 * 10**9)
    facts = bench.do(pump.ReadStatus())
    assert facts == [pump.Denied(pump.ReadStatus(), "code"), pump.SessionLost()]
    assert bench.one(pump.Identify(), pump.Identified).serial != SERIAL
    assert bench.driver.stop_frame != stop_bytes(SERIAL)
    assert bench.one(pump.Start(PROGRAM.program_id, 1), pump.Denied).code == "wrong_program"


def test_a_status_with_another_serial_number_is_not_believed():
    bench = Bench()
    bench.exchange(bench.driver.command(pump.ReadStatus(), bench.now))
    for _ in range(3):
        bench.exchange(bench.driver.outgoing(bench.now))
    bench.driver.outgoing(bench.now)
    other = m.Status("SIM-0002", False, m.HOLD, 0, "", 0, 0, "24+", "EVENT", "1")  # noqa: FBT003 - as the fields
    assert bench.driver.receive(encode(other)) == [pump.Denied(pump.ReadStatus(), "wrong_serial"), pump.SessionLost()]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: type(each).__name__)
def test_no_reply_in_half_a_second_is_told_once_and_nothing_is_repeated(command: pump.Command):
    bench = Bench()
    bench.load()
    bench.driver.command(command, bench.now)
    with pytest.raises(LocalProtocolError):
        bench.driver.command(pump.ReadStatus(), bench.now)
    bench.wait_ns(REPLY_NS - 1)
    assert bench.driver.wake(bench.now) == []
    bench.wait_ns(1)
    assert bench.driver.next_wake_ns() == bench.now.link_ns
    assert bench.driver.wake(bench.now) == [pump.Unanswered(command)]
    assert not bench.driver.busy
    assert bench.driver.next_wake_ns() is None
    assert bench.driver.outgoing(bench.now) == b""


def test_each_question_of_a_round_has_its_own_half_second():
    bench = Bench()
    bench.exchange(bench.driver.command(pump.ReadStatus(), bench.now))
    bench.wait_ns(REPLY_NS - 1)
    bench.driver.outgoing(bench.now)
    assert bench.driver.next_wake_ns() == bench.now.link_ns + REPLY_NS


@pytest.mark.hazard("H54")
def test_a_late_reply_of_the_round_before_is_not_taken_for_this_ones():
    bench = Bench()
    bench.exchange(bench.driver.command(pump.ReadStatus(), bench.now))
    bench.driver.outgoing(bench.now)  # INF_RATE, whose reply is late
    bench.wait_ns(REPLY_NS)
    bench.driver.wake(bench.now)
    written = bench.driver.command(pump.ReadStatus(), bench.now)
    late = bench.driver.receive(encode(m.Rate(9_990)))
    assert late == [pump.LineNoise("stray Rate")]
    assert bench.carry_on(written)[-1] == bench.status() or bench.status().activity is A.STOPPED


@pytest.mark.parametrize(
    "command",
    [pump.Prime(1_000, 10_000), pump.Renew(PROGRAM.program_id, 1), pump.ReadEvent(0), pump.AcknowledgeAlarms()],
    ids=lambda each: type(each).__name__,
)
def test_what_the_link_cannot_do_is_denied_and_only_remote_control_leaves(command: pump.Command):
    bench = Bench()
    written = len(bench.written)
    assert bench.one(command, pump.Denied).code == "not_by_link"
    assert [each.startswith(b"!REMOTE_CTRL^ENABLED^") for each in bench.written[written:]] == [True]


def test_nobody_can_press_a_button_that_is_not_there():
    bench = Bench()
    told = bench.one(pump.ReadConfirmation(), pump.ConfirmationRead)
    assert (told.program_id, told.token) == (None, None)


def test_noise_is_noise_and_a_status_survives_it():
    bench = Bench()
    bench.inject("babble", by="5000 B/s")
    bench.wait(5)
    assert any(isinstance(fact, pump.LineNoise) for fact in bench.facts)
    assert sum(isinstance(fact, pump.StatusRead) for fact in bench.facts) >= 3


def test_without_a_link_nothing_is_asked_and_nothing_heard():
    driver = AlarisDriver()
    with pytest.raises(LocalProtocolError):
        driver.command(pump.Identify(), Bench().now)
    assert driver.receive(STOP_ECHO) == []
    assert driver.outgoing(Bench().now) == b""


def test_a_reply_to_nothing_is_noise():
    bench = Bench()
    assert bench.driver.receive(encode(m.Rate(100))) == [pump.LineNoise("stray Rate")]


def test_every_command_is_asked_here():
    assert {type(each) for each in COMMANDS} == set(pump.Command.__args__)
