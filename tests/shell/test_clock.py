"""Clock: two clocks and a calendar from numbers."""

from __future__ import annotations

import pytest

from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.events import WallClockStepped
from pumpctl.shell.clock import Clock


class Host:
    """The host's clocks as two numbers. `slow_reads` of the boot clock take a second each."""

    def __init__(self) -> None:
        self.boot_ns = 500 * NS_PER_S
        self.utc_ms = 1_780_000_000_000
        self.slow_reads = 0

    def boottime(self) -> int:
        if self.slow_reads > 0:
            self.slow_reads -= 1
            self.boot_ns += NS_PER_S
            self.utc_ms += 1000
        return self.boot_ns

    def wall(self) -> int:
        return self.utc_ms

    def passes(self, ms: int, wall_step_ms: int = 0) -> None:
        self.boot_ns += ms * NS_PER_MS
        self.utc_ms += ms + wall_step_ms

    def clock(self, speed: int = 1, epoch_ns: int = 0) -> Clock:
        return Clock(speed, epoch_ns, self.boottime, self.wall)


def test_at_speed_1_the_calendar_is_the_wall_clock_and_therapy_runs_like_the_link() -> None:
    host = Host()
    clock = host.clock()
    before = clock.now()
    host.passes(1500)
    after = clock.now()
    assert (before.link_ns, before.utc_ms) == (500 * NS_PER_S, 1_780_000_000_000)
    assert after.link_ns - before.link_ns == after.therapy_ns - before.therapy_ns == 1500 * NS_PER_MS
    assert after.utc_ms - before.utc_ms == 1500


def test_speed_scales_therapy_and_calendar_from_the_epoch_and_never_the_link() -> None:
    host = Host()
    clock = host.clock(speed=600, epoch_ns=500 * NS_PER_S)
    assert clock.now().therapy_ns == 0
    assert clock.now().utc_ms == host.utc_ms
    host.passes(1000)
    now = clock.now()
    assert now.link_ns == 501 * NS_PER_S
    assert now.therapy_ns == 600 * NS_PER_S
    assert now.utc_ms == 1_780_000_000_000 + 600_000


def test_a_restarted_clock_of_the_same_epoch_agrees_with_its_past() -> None:
    host = Host()
    first = host.clock(speed=600, epoch_ns=400 * NS_PER_S)
    host.passes(12_345)
    assert host.clock(speed=600, epoch_ns=400 * NS_PER_S).now() == first.now()


@pytest.mark.hazard("H40")
@pytest.mark.parametrize(("step_ms", "reported"), [(2000, False), (2001, True), (-2000, False), (-2001, True)])
def test_a_wall_step_is_reported_above_two_seconds_only(step_ms: int, reported: bool) -> None:
    host = Host()
    clock = host.clock()
    host.passes(10_000, step_ms)
    assert clock.wall_step() == (WallClockStepped(step_ms) if reported else None)
    host.passes(10_000)
    assert clock.wall_step() is None  # once


@pytest.mark.hazard("H40")
def test_small_steps_add_up() -> None:
    host = Host()
    clock = host.clock()
    host.passes(1000, 1500)
    assert clock.wall_step() is None
    host.passes(1000, 1500)
    assert clock.wall_step() == WallClockStepped(3000)


@pytest.mark.hazard("H42")
def test_a_pause_between_two_reads_is_no_step() -> None:
    host = Host()
    clock = host.clock()
    host.slow_reads = 100
    assert clock.wall_step() is None
    host.slow_reads = 0
    host.passes(1000, 5000)
    assert clock.wall_step() == WallClockStepped(5000)
