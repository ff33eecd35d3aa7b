"""The host's clocks: the boot clock counts, the wall clock is what people make of it, and steps are told."""

from __future__ import annotations

import pytest

from pumpctl.core.instant import NS_PER_S
from simulator.rig.clock import BOOTED_NS, WALL_STEP_MS, RigClock

START_MS = 1_796_148_000_000


@pytest.mark.parametrize(("by_ms", "told"), [
    (WALL_STEP_MS, None), (WALL_STEP_MS + 1, WALL_STEP_MS + 1), (-WALL_STEP_MS - 1, -WALL_STEP_MS - 1),
])  # fmt: skip
def test_a_step_is_told_once_when_it_is_more_than_two_seconds(by_ms: int, told: int | None):
    clock = RigClock(START_MS)
    clock.step(by_ms)
    assert clock.now(0).utc_ms == START_MS + by_ms
    assert clock.true_ms(0) == START_MS
    assert clock.take_step_ms(0) == told
    assert clock.take_step_ms(0) is None


def test_small_steps_add_up():
    clock = RigClock(START_MS)
    clock.step(1_500)
    assert clock.take_step_ms(0) is None
    clock.step(1_500)
    assert clock.take_step_ms(0) == 3_000


def test_a_wall_clock_that_stands_falls_behind_and_stays_so():
    clock = RigClock(START_MS)
    clock.stop_wall(10 * NS_PER_S)
    assert clock.wall_ms(30 * NS_PER_S) == START_MS + 10_000
    assert clock.now(30 * NS_PER_S).link_ns == 30 * NS_PER_S
    assert clock.take_step_ms(30 * NS_PER_S) == -20_000
    clock.go_on(40 * NS_PER_S)
    assert clock.wall_ms(50 * NS_PER_S) == START_MS + 20_000
    clock.set_right(50 * NS_PER_S)
    assert clock.wall_ms(50 * NS_PER_S) == START_MS + 50_000


def test_a_paused_machine_sees_no_time_and_no_step():
    clock = RigClock(START_MS)
    clock.miss(60 * NS_PER_S)
    now = clock.now(100 * NS_PER_S)
    assert (now.link_ns, now.therapy_ns, now.utc_ms) == (40 * NS_PER_S, 40 * NS_PER_S, START_MS + 40_000)
    assert clock.world_ns(now.link_ns) == 100 * NS_PER_S
    assert clock.take_step_ms(100 * NS_PER_S) is None


def test_a_host_that_was_off_counts_from_its_power_on():
    clock = RigClock(START_MS)
    clock.miss(60 * NS_PER_S)
    clock.boot(100 * NS_PER_S)
    now = clock.now(103 * NS_PER_S)
    assert (now.link_ns, now.therapy_ns) == (BOOTED_NS + 3 * NS_PER_S, BOOTED_NS + 3 * NS_PER_S)
    assert now.utc_ms == START_MS + 43_000
    assert clock.world_ns(now.link_ns) == 103 * NS_PER_S


def test_a_daemon_that_starts_knows_of_no_earlier_step():
    clock = RigClock(START_MS)
    clock.step(3_600_000)
    clock.begin_life(0)
    assert clock.take_step_ms(0) is None
