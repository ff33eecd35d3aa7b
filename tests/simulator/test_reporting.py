"""What the pump says apart from what it does: each lie against the truth, and gone when healed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from protocols.companion import messages as m
from protocols.companion.codec import program_digest
from protocols.companion.vocabulary import Alarm, EventKind, NoticeCause, PumpState, RefusalReason, StatusFlag
from simulator.fault_kinds import ALARM_NAMES, READ_BACK_FIELDS
from simulator.profile import REFERENCE
from tests.simulator.desk import PROGRAM_ID, Desk, program

FLOW_UL_H = 36_000  # ten microlitres a second
WITHOUT_METER = replace(REFERENCE, has_flow_sensor=False)


def infusing() -> Desk:
    desk = Desk()
    desk.run(program(flow_ul_h=FLOW_UL_H, flow_limit_ul_h=50_000, vtbi_ul=40_000))
    desk.wait(60)
    return desk


def volumes(desk: Desk) -> tuple[int, int, int, int]:
    status = desk.status()
    return status.motor_ul, status.encoder_ul, status.flow_ul, status.program_ul


# State.


@pytest.mark.hazard("H03")
def test_says_stopped_while_it_infuses():
    desk = infusing()
    desk.inject("say_stopped")
    status = desk.status()
    assert (status.state, status.program_id, status.program_ul) == (PumpState.STOPPED, bytes(8), 0)
    assert (status.commanded_flow_ul_h, status.measured_flow_ul_h) == (0, 0)
    assert not status.flags & StatusFlag.MOTOR_MOVING
    assert desk.delivered_in(60) == pytest.approx(600, abs=1)
    assert desk.status().motor_ul == status.motor_ul + 600  # the counters do not lie
    desk.heal("say_stopped")
    assert (desk.state, desk.status().program_id) == (PumpState.INFUSING, PROGRAM_ID)


@pytest.mark.hazard("H04")
def test_says_infusing_while_it_is_stopped():
    desk = infusing()
    before = desk.status()
    desk.inject("say_infusing")
    desk.stop()
    status = desk.status()
    assert (status.state, status.program_id) == (PumpState.INFUSING, PROGRAM_ID)
    assert (status.commanded_flow_ul_h, status.measured_flow_ul_h) == (FLOW_UL_H, FLOW_UL_H)
    assert status.flags & StatusFlag.MOTOR_MOVING
    assert desk.delivered_in(60) < 1
    assert desk.status().motor_ul == before.motor_ul
    desk.heal("say_infusing")
    assert desk.state is PumpState.STOPPED


def test_a_pump_that_never_infused_cannot_say_how_it_did():
    desk = Desk()
    desk.inject("say_infusing")
    assert desk.state is PumpState.IDLE


# Time.


@pytest.mark.hazard("H66")
def test_a_late_status_is_so_old():
    desk = infusing()
    desk.inject("status_lag", by="5 s")
    told = [desk.status()]
    for _ in range(10):
        desk.wait(1)
        told.append(desk.status())
    assert [status.uptime_ms - told[0].uptime_ms for status in told] == [0] * 6 + [1000, 2000, 3000, 4000, 5000]
    assert told[-1].motor_ul == told[0].motor_ul + 50
    desk.heal("status_lag")
    assert desk.status().uptime_ms == told[0].uptime_ms + 10_000


@pytest.mark.hazard("H54")
def test_a_frozen_status_comes_again_under_each_new_number():
    desk = infusing()
    desk.inject("status_freeze")
    first = desk.status()
    desk.wait(60)
    desk.stop()
    assert desk.status() == first
    desk.heal("status_freeze")
    assert desk.state is PumpState.STOPPED
    desk.inject("status_freeze")
    assert desk.state is PumpState.STOPPED  # what froze before is forgotten


@pytest.mark.hazard("H43")
@pytest.mark.parametrize("permille", [-50, 50])
def test_a_drifting_clock_never_jumps(permille: int):
    desk = infusing()
    before_ms = desk.status().uptime_ms
    desk.inject("clock_drift", by=f"{permille} permille")
    assert desk.status().uptime_ms == before_ms
    desk.wait(100)
    gained_ms = desk.status().uptime_ms - before_ms
    assert gained_ms == 100_000 + 100 * permille
    desk.heal("clock_drift")
    desk.wait(100)
    assert desk.status().uptime_ms - before_ms == gained_ms + 100_000


@pytest.mark.parametrize(("permille", "lease_s"), [(500, 40), (-500, 120)])
def test_a_lease_ends_by_the_pumps_own_clock(permille: int, lease_s: int):
    desk = Desk()
    desk.inject("clock_drift", by=f"{permille} permille")
    desk.run(program(lease_ms=60_000))
    desk.wait(lease_s - 0.1)
    assert desk.state is PumpState.INFUSING
    desk.wait(0.2)
    assert (desk.state, desk.alarms) == (PumpState.STOPPED, Alarm.LEASE_ENDED)


# Volume.

Volumes = tuple[int, int, int, int]
LIES: list[tuple[str, str | None, Callable[[Volumes, int], Volumes], bool]] = [
    ("volume_freeze", None, lambda v, _: v, True),
    ("volume_drop", "200 uL", lambda v, n: (v[0] + n - 200, v[1] + n - 200, v[2] + n - 200, v[3] + n - 200), False),
    ("counter_reset", None, lambda _, n: (n, n, n, n), False),
    ("counter_runaway", "500 permille", lambda v, n: (v[0] + n * 3 // 2, v[1] + n, v[2] + n, v[3] + n * 3 // 2), True),
    ("counter_freeze", "motor", lambda v, n: (v[0], v[1] + n, v[2] + n, v[3] + n), True),
    ("counter_freeze", "encoder", lambda v, n: (v[0] + n, v[1], v[2] + n, v[3] + n), True),
    ("counter_freeze", "flow", lambda v, n: (v[0] + n, v[1] + n, v[2], v[3] + n), True),
    ("counter_double", "motor", lambda v, n: (v[0] + 2 * n, v[1] + n, v[2] + n, v[3] + n), True),
    ("counter_double", "encoder", lambda v, n: (v[0] + n, v[1] + 2 * n, v[2] + n, v[3] + n), True),
    ("counter_double", "flow", lambda v, n: (v[0] + n, v[1] + n, v[2] + 2 * n, v[3] + n), True),
    ("counter_zero", "motor", lambda v, n: (0, v[1] + n, v[2] + n, v[3] + n), True),
    ("counter_zero", "encoder", lambda v, n: (v[0] + n, 0, v[2] + n, v[3] + n), True),
    ("counter_zero", "flow", lambda v, n: (v[0] + n, v[1] + n, 0, v[3] + n), True),
]


@pytest.mark.hazard("H13")
@pytest.mark.parametrize(("kind", "by", "expected", "heals"), LIES, ids=lambda value: str(value)[:16])
@pytest.mark.parametrize("polls", [0, 7])
def test_a_lie_about_volume_and_the_truth_beside_it(
    kind: str, by: str | None, expected: Callable[[Volumes, int], Volumes], heals: bool, polls: int
):
    desk = infusing()
    before, truth = volumes(desk), desk.truth
    desk.inject(kind, by=by)
    for _ in range(polls):
        desk.status()
    desk.wait(60)
    assert volumes(desk) == pytest.approx(expected(before, 600), abs=1)
    assert desk.truth.delivered_ul - truth.delivered_ul == pytest.approx(600, abs=1)
    assert (desk.truth.motor_ul, desk.status().boot_count) == (truth.motor_ul + 600, 1)
    desk.heal(kind)
    assert (volumes(desk) == pytest.approx(tuple(volume + 600 for volume in before), abs=1)) is heals
    desk.inject("power_cycle")
    desk.wait(2)
    desk.open(0xBEEF)
    assert volumes(desk)[:3] == (0, 0, 0)


@pytest.mark.hazard("H13")
def test_swapped_counters_show_when_they_differ():
    desk = infusing()
    alike = volumes(desk)
    desk.inject("counter_swap")
    assert volumes(desk) == alike
    desk.inject("rate_bias", by="500 permille")  # now flow tells another volume than the steps
    desk.wait(60)
    motor_ul, encoder_ul, flow_ul, _ = volumes(desk)
    assert (motor_ul, encoder_ul, flow_ul) == pytest.approx((1_200, 1_500, 1_200), abs=1)


def test_no_lie_invents_a_flow_sensor():
    for kind, by, _, _ in LIES:
        desk = Desk(WITHOUT_METER)
        desk.run(program())
        desk.wait(60)
        desk.inject(kind, by=by)
        desk.wait(1)
        assert desk.status().flow_ul == 0xFFFF_FFFF, kind


# Program, alarms, history, identity.


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("field", READ_BACK_FIELDS)
def test_a_read_back_differs_in_one_value_and_its_digest_fits(field: str):
    desk = Desk()
    desk.inject("read_back", by=field)
    assert desk.ask(m.ReadProgram(), m.Program).program_id == bytes(8)
    load = program()
    loaded = desk.ask(load, m.Loaded)
    read = desk.ask(m.ReadProgram(), m.Program)
    different = [name for name in m.Program.__slots__ if getattr(read, name) != getattr(load, name)]
    assert different == ["digest", field]
    assert read.digest == program_digest(read) == loaded.digest != load.digest
    desk.heal("read_back")
    assert desk.ask(m.ReadProgram(), m.Program).digest == load.digest


@pytest.mark.hazard("H61")
@pytest.mark.parametrize("name", ALARM_NAMES)
def test_an_alarm_that_nothing_has_raised(name: str):
    desk = infusing()
    desk.inject("spurious_alarm", by=name)
    bit = Alarm[name.upper()]
    assert (desk.notices[-1].cause, desk.notices[-1].alarms) == (NoticeCause.ALARMS, bit)
    assert (desk.state, desk.alarms) == (PumpState.INFUSING, bit)
    assert desk.truth.alarms == ()
    assert desk.ask(m.Acknowledge(int(bit)), m.Acknowledged).alarms is bit
    desk.heal("spurious_alarm")
    assert (desk.notices[-1].alarms, desk.alarms) == (Alarm(0), Alarm(0))


@pytest.mark.hazard("H61")
def test_an_alarm_that_is_never_told_cleared():
    desk = infusing()
    desk.inject("stuck_alarm")
    desk.inject("air", for_s=1)
    desk.wait(2)
    assert desk.ask(m.Acknowledge(0xFFFF_FFFF), m.Acknowledged).alarms is Alarm.AIR_IN_LINE
    assert (desk.alarms, desk.truth.alarms) == (Alarm.AIR_IN_LINE, ())
    desk.ask(program(), m.Loaded)  # it is cleared all the same
    desk.heal("stuck_alarm")
    assert desk.alarms == Alarm(0)


@pytest.mark.hazard("H61")
def test_a_flooded_history_has_lost_what_was_before():
    desk = infusing()
    before = desk.status().event_count
    assert desk.ask(m.GetEvent(before - 1), m.Event).kind is EventKind.STARTED
    desk.inject("event_wrap", by="255 events")
    assert desk.ask(m.GetEvent(before - 1), m.Event).kind is EventKind.STARTED
    desk.inject("event_wrap", by="1 events")
    assert desk.status().event_count == before + REFERENCE.event_ring
    assert desk.exchange(m.GetEvent(before - 1)) is RefusalReason.NO_SUCH_EVENT
    assert desk.state is PumpState.INFUSING


@pytest.mark.hazard("H25")
def test_another_pump_comes_back():
    desk = infusing()
    desk.inject("other_serial")
    assert desk.exchange(m.GetStatus()) is None
    desk.wait(1)
    identity = desk.open(0xBEEF)
    assert (identity.serial, identity.boot_count, desk.state) == ("SIM-0009", 2, PumpState.IDLE)
    desk.heal("other_serial")
    desk.wait(1)
    assert desk.open(0xCAFE).serial == "SIM-0001"
