"""What the pump refuses of LOAD and PRIME, each on both sides of its edge, and in the order of SPEC.md section 3."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocols.companion import messages as m
from protocols.companion.codec import sealed
from protocols.companion.vocabulary import NOT_CONNECTED, Alarm, EventKind, LinkLoss, PumpState, RefusalReason
from simulator.firmware.checks import refusal_of_load
from simulator.firmware.registers import ProgramRegisters, re_encode, settle
from simulator.instant import NS_PER_MS
from simulator.profile import REFERENCE
from tests.simulator.desk import PROGRAM_ID, Desk, program

STEPS_PER_UL = REFERENCE.steps_per_ul

REFUSED: list[tuple[dict[str, Any], RefusalReason]] = [
    ({"program_id": bytes(8)}, RefusalReason.WRONG_PROGRAM),
    ({"phase": 2}, RefusalReason.BAD_VALUE),
    ({"link_loss": 2}, RefusalReason.BAD_VALUE),
    ({"flow_ul_h": 0}, RefusalReason.FLOW_OUT_OF_RANGE),
    ({"flow_ul_h": 99}, RefusalReason.FLOW_OUT_OF_RANGE),
    ({"flow_ul_h": 1_200_100, "flow_limit_ul_h": 2_000_000}, RefusalReason.FLOW_OUT_OF_RANGE),
    ({"flow_limit_ul_h": 9_999}, RefusalReason.FLOW_ABOVE_LIMIT),
    ({"flow_ul_h": 10_050}, RefusalReason.NOT_SETTABLE),
    ({"vtbi_ul": 0}, RefusalReason.NOT_SETTABLE),
    ({"vtbi_ul": 250_001}, RefusalReason.VTBI_ABOVE_RESERVOIR),
    ({"kvo_ul_h": 1}, RefusalReason.KVO_NOT_ZERO),
    ({"lease_ms": 1, "link_loss": LinkLoss.FINISH_LOADED}, RefusalReason.LEASE_OUT_OF_RANGE),
    ({"link_loss": LinkLoss.STOP_AT_LEASE_END, "lease_ms": 0}, RefusalReason.LEASE_OUT_OF_RANGE),
    ({"link_loss": LinkLoss.STOP_AT_LEASE_END, "lease_ms": 600_001}, RefusalReason.LEASE_OUT_OF_RANGE),
]
TAKEN: list[dict[str, Any]] = [
    {"phase": 0},
    {"flow_ul_h": 100},
    {"flow_ul_h": 1_200_000, "flow_limit_ul_h": 1_200_000},
    {"flow_limit_ul_h": 10_000},
    {"vtbi_ul": 1},
    {"vtbi_ul": 250_000},
    {"link_loss": LinkLoss.STOP_AT_LEASE_END, "lease_ms": 1},
    {"link_loss": LinkLoss.STOP_AT_LEASE_END, "lease_ms": 600_000},
    {"dose_ug": (1 << 64) - 1},
]


@pytest.mark.parametrize(("changed", "reason"), REFUSED, ids=str)
def test_refused_and_nothing_changes(changed: dict[str, Any], reason: RefusalReason):
    desk = Desk()
    assert desk.exchange(program(**changed)) is reason
    assert desk.state is PumpState.IDLE
    assert desk.ask(m.ReadProgram(), m.Program).program_id == bytes(8)
    assert desk.status().refused_count == 1


@pytest.mark.parametrize("changed", TAKEN, ids=str)
def test_taken_and_read_back_exactly(changed: dict[str, Any]):
    desk = Desk()
    load = program(**changed)
    loaded = desk.ask(load, m.Loaded)
    read = desk.ask(m.ReadProgram(), m.Program)
    assert (loaded.program_id, loaded.digest) == (load.program_id, load.digest)
    assert read == m.Program(*(getattr(load, name) for name in m.Program.__slots__))
    assert desk.state is PumpState.LOADED


def test_a_wrong_digest_comes_before_all_else():
    desk = Desk()
    everything_wrong = program(program_id=bytes(8), phase=9, flow_ul_h=0, kvo_ul_h=9)
    flipped = bytes([everything_wrong.digest[0] ^ 1]) + everything_wrong.digest[1:]
    assert desk.exchange(replace(everything_wrong, digest=flipped)) is RefusalReason.WRONG_DIGEST


def test_the_first_reason_in_the_order_of_the_specification():
    """Each row spoils one more field, from the last check to the first."""
    desk = Desk()
    desk.inject("door")
    rows: list[tuple[dict[str, Any], RefusalReason]] = [
        ({}, RefusalReason.ALARM_ACTIVE),
        ({"lease_ms": 7, "link_loss": LinkLoss.FINISH_LOADED}, RefusalReason.LEASE_OUT_OF_RANGE),
        ({"kvo_ul_h": 100}, RefusalReason.KVO_NOT_ZERO),
        ({"vtbi_ul": 300_000}, RefusalReason.VTBI_ABOVE_RESERVOIR),
        ({"flow_ul_h": 10_001}, RefusalReason.NOT_SETTABLE),
        ({"flow_limit_ul_h": 1}, RefusalReason.FLOW_ABOVE_LIMIT),
        ({"flow_ul_h": 1}, RefusalReason.FLOW_OUT_OF_RANGE),
        ({"phase": 3}, RefusalReason.BAD_VALUE),
        ({"program_id": bytes(8)}, RefusalReason.WRONG_PROGRAM),
    ]
    changed: dict[str, Any] = {}
    for more, reason in rows:
        changed |= more
        assert desk.exchange(program(**changed)) is reason, changed


def test_a_bag_that_has_given_holds_less():
    desk = Desk()
    desk.run(program(flow_ul_h=1_200_000, flow_limit_ul_h=1_200_000, vtbi_ul=100_000))
    desk.wait(301)
    assert desk.exchange(program(vtbi_ul=150_001)) is RefusalReason.VTBI_ABOVE_RESERVOIR
    desk.ask(program(vtbi_ul=150_000), m.Loaded)


def test_a_pump_with_coarser_volume_refuses_what_it_cannot_set():
    profile = replace(REFERENCE, volume_step_ul=100)
    assert refusal_of_load(program(vtbi_ul=100_050), profile, 250_000, Alarm(0)) is RefusalReason.NOT_SETTABLE
    assert refusal_of_load(program(vtbi_ul=100_100), profile, 250_000, Alarm(0)) is None


@pytest.mark.parametrize("state", ["infusing", "paused"])
def test_no_load_into_a_running_program(state: str):
    desk = Desk()
    desk.run(program())
    if state == "paused":
        desk.ask(m.Pause(PROGRAM_ID), m.Paused)
    assert desk.exchange(program(program_id=b"another!")) is RefusalReason.BAD_STATE
    assert desk.status().program_id == PROGRAM_ID


def test_load_replaces_and_voids_the_token():
    desk = Desk()
    desk.ask(program(), m.Loaded)
    token = desk.confirm()
    desk.ask(program(program_id=b"another!"), m.Loaded)
    assert desk.state is PumpState.LOADED
    assert desk.exchange(m.Start(PROGRAM_ID, token)) is RefusalReason.BAD_STATE
    desk.confirm()
    assert desk.exchange(m.Start(b"another!", token)) is RefusalReason.WRONG_TOKEN


# The read-back is the motor's own values.

SOUND = settle(program(), STEPS_PER_UL)
CORRUPTED = [
    (replace(SOUND, step_interval=SOUND.step_interval // 2), "flow_ul_h"),
    (replace(SOUND, step_interval=SOUND.step_interval + (SOUND.step_interval >> 10)), "flow_ul_h"),
    (replace(SOUND, target_steps=SOUND.target_steps + STEPS_PER_UL), "vtbi_ul"),
    (replace(SOUND, limit_interval=SOUND.limit_interval // 10), "flow_limit_ul_h"),
    (replace(SOUND, after_target_interval=1 << 70), "kvo_ul_h"),
    (replace(SOUND, stops_at_lease_end=True), "link_loss"),
    (replace(SOUND, lease_ns=NS_PER_MS), "lease_ms"),
    (replace(SOUND, loading=True), "phase"),
    (replace(SOUND, display_dose_ug=SOUND.display_dose_ug ^ 1), "dose_ug"),
    (replace(SOUND, program_id=SOUND.program_id[::-1]), "program_id"),
]


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(("broken", "field"), CORRUPTED)
def test_a_corrupted_motor_value_shows_in_the_read_back(broken: ProgramRegisters, field: str):
    load = program()
    read, wrong = re_encode(SOUND, STEPS_PER_UL), re_encode(broken, STEPS_PER_UL)
    assert getattr(read, field) == getattr(load, field)
    assert getattr(wrong, field) != getattr(load, field)
    assert wrong.digest != load.digest == read.digest
    assert wrong == sealed(wrong)


def test_the_link_reads_the_registers_not_the_request():
    desk = Desk()
    desk.ask(program(), m.Loaded)
    machine = desk.machine
    assert isinstance(machine.program, ProgramRegisters)
    machine.program = replace(machine.program, step_interval=machine.program.step_interval // 2)
    read = desk.ask(m.ReadProgram(), m.Program)
    assert read.flow_ul_h == 20_000
    assert read.digest != program().digest


# PRIME.


@pytest.mark.parametrize(
    ("prime", "reason"),
    [
        (m.Prime(1_000, 100_000, 0xA4), RefusalReason.PRIME_REFUSED),
        (m.Prime(0, 100_000, NOT_CONNECTED), RefusalReason.PRIME_REFUSED),
        (m.Prime(5_001, 100_000, NOT_CONNECTED), RefusalReason.PRIME_REFUSED),
        (m.Prime(1_000, 0, NOT_CONNECTED), RefusalReason.PRIME_REFUSED),
        (m.Prime(1_000, 1_200_100, NOT_CONNECTED), RefusalReason.PRIME_REFUSED),
        (m.Prime(1_000, 100_050, NOT_CONNECTED), RefusalReason.NOT_SETTABLE),
    ],
    ids=str,
)
def test_prime_refused(prime: m.Prime, reason: RefusalReason):
    desk = Desk()
    assert desk.exchange(prime) is reason
    assert desk.state is PumpState.IDLE


def test_prime_runs_into_the_air_and_comes_back_to_idle():
    desk = Desk()
    desk.ask(m.Prime(5_000, 1_200_000, NOT_CONNECTED), m.Primed)
    assert desk.state is PumpState.PRIMING
    desk.wait(15.1)
    status, truth = desk.status(), desk.pump.truth(desk.now)
    assert status.state is PumpState.IDLE
    assert (status.motor_ul, status.program_ul) == (5_000, 0)
    assert truth.delivered_ul == 0.0
    assert truth.spilled_ul + truth.stored_ul == pytest.approx(5_000)
    event = desk.ask(m.GetEvent(status.event_count - 1), m.Event)
    assert (event.kind, event.detail) == (EventKind.PRIMED, 5_000)


def test_prime_of_more_than_the_bag_holds_is_refused():
    desk = Desk(replace(REFERENCE, reservoir_ul=3_000))
    assert desk.exchange(m.Prime(3_001, 100_000, NOT_CONNECTED)) is RefusalReason.PRIME_REFUSED
    desk.ask(m.Prime(3_000, 100_000, NOT_CONNECTED), m.Primed)


@pytest.mark.parametrize("state", ["stopped", "completed"])
def test_prime_at_rest_voids_and_comes_back_to_idle(state: str):
    desk = Desk()
    desk.run(program(vtbi_ul=100))
    if state == "stopped":
        desk.stop()
    else:
        desk.wait(37)
        assert desk.status().program_id == PROGRAM_ID
    desk.ask(m.Prime(100, 100_000, NOT_CONNECTED), m.Primed)
    status = desk.status()
    assert (status.state, status.program_id, status.program_ul) == (PumpState.PRIMING, bytes(8), 0)
    assert status.commanded_flow_ul_h == 100_000
    desk.wait(4)
    assert desk.state is PumpState.IDLE


def test_prime_cut_short_is_stopped():
    desk = Desk()
    desk.ask(m.Prime(5_000, 100_000, NOT_CONNECTED), m.Primed)
    desk.wait(1)
    desk.stop()
    status = desk.status()
    assert (status.state, status.motor_ul, status.commanded_flow_ul_h) == (PumpState.STOPPED, 27, 0)
    event = desk.ask(m.GetEvent(status.event_count - 1), m.Event)
    assert (event.kind, event.detail, event.program_id) == (EventKind.STOPPED, 27, bytes(8))


def test_prime_with_an_alarm_is_refused():
    desk = Desk()
    desk.inject("air")
    assert desk.exchange(m.Prime(1_000, 100_000, NOT_CONNECTED)) is RefusalReason.ALARM_ACTIVE
