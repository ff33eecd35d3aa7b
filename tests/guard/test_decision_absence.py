"""The guard's judgement when somebody was away: itself, or the daemon."""

from __future__ import annotations

import pytest

from pumpctl.guard.action import Alarm, Answer, Cause, KillDaemon, Outcome, Settled, WriteStop
from pumpctl.guard.decision import NS_PER_MS
from tests.guard.watch_run import ASKER, Run


@pytest.fixture
def run() -> Run:
    return Run()


# --- its own pauses -------------------------------------------------------------------------------------------


def test_a_tick_249_ms_late_is_on_time() -> None:
    run = Run().armed(lease=True).to(950)
    late_ms = run.watch.wake_ns // NS_PER_MS + 249
    assert late_ms >= 1000
    assert run.paused_to(late_ms).times(KillDaemon) == [late_ms]


def test_a_tick_250_ms_late_is_a_pause_and_a_fresh_second_is_waited(run: Run) -> None:
    run.armed(lease=True).to(950)
    late_ms = run.watch.wake_ns // NS_PER_MS + 250
    run.paused_to(late_ms).to(late_ms + 999)
    assert run.log == []
    assert run.to(late_ms + 1000).times(KillDaemon) == [late_ms + 1000]


def test_a_loop_that_reports_after_the_pause_is_left_alone(run: Run) -> None:
    run.armed(lease=True).beating_to(2000).paused_to(4000).beating_to(9000)
    assert run.log == []


def test_a_request_gets_fresh_250_ms_after_a_pause_but_only_once(run: Run) -> None:
    run.armed(lease=False).to(1000).ask().paused_to(3000).to(3249)
    assert run.times(KillDaemon) == []
    assert run.to(3250).times(KillDaemon) == [3250]
    always_late = Run().armed(lease=False).to(1000).ask()
    for _ in range(3):
        always_late.paused_to(always_late.ms + 400)
    assert always_late.times(KillDaemon) == [1800]  # excused at 1400, due at 1650


# --- an absent companion --------------------------------------------------------------------------------------


@pytest.mark.hazard("H44")
@pytest.mark.parametrize("end", ["daemon_closed", "daemon_died"])
def test_an_absent_companion_is_no_reason_to_write_anything(run: Run, end: str) -> None:
    run.armed(lease=True).beating_to(1000)
    getattr(run.watch, end)()
    run.to(3_600_000)
    assert run.log == []


def test_a_stop_asked_of_a_lonely_guard_is_written_at_once(run: Run) -> None:
    run.armed(lease=False).beating_to(1000)
    run.watch.daemon_closed()
    run.dead().to(2000).ask().to(2100).stopped()
    assert run.log == [
        (2000, WriteStop("a", Cause.NO_DAEMON, first=True)),
        (2100, Settled("a", Cause.NO_DAEMON, proven=True)),
        (2100, Answer(ASKER, {"a": Outcome.STOPPED})),
    ]


def test_a_daemon_that_closed_its_end_and_lives_on_is_killed_before_a_stop(run: Run) -> None:
    run.armed(lease=False).beating_to(1000)
    run.watch.daemon_closed()
    assert run.ask().log == [(1000, KillDaemon())]


def test_a_guard_stays_while_something_is_armed_or_under_way_and_no_longer(run: Run) -> None:
    run.armed(lease=False)
    assert not run.watch.nothing_to_guard
    run.watch.daemon_closed()
    assert not run.watch.nothing_to_guard
    run.ask()
    run.watch.disarmed("a")
    assert not run.watch.nothing_to_guard  # the asker is owed an answer
    run.tick()
    assert run.watch.nothing_to_guard


# --- a stop that was left to the daemon -----------------------------------------------------------------------


@pytest.mark.hazard("H56")
def test_a_daemon_that_ends_before_it_proved_its_stop_is_followed_by_the_guards() -> None:
    soon = Run().armed(lease=False).beating_to(1000).ask().written().beating_to(5999)
    soon.watch.daemon_closed()
    soon.dead()
    assert soon.log[1:] == [(5999, WriteStop("a", Cause.DAEMON_LEFT, first=True))]
    late = Run().armed(lease=False).beating_to(1000).ask().written().beating_to(6051)  # last heard of at 6000
    late.watch.daemon_closed()
    assert late.dead().to(60_000).times(WriteStop) == []


def test_a_daemon_that_proved_its_stop_may_end_at_once() -> None:
    """It says so by arming anew: else a SIGTERM after a proven stop would bring the next daemon up latched."""
    run = Run().armed(lease=False).beating_to(1000).ask().written().beating_to(1100)
    run.armed_anew(lease=False, proven=True)
    run.watch.daemon_closed()
    assert run.dead().to(60_000).times(WriteStop) == []


@pytest.mark.hazard("H56")
@pytest.mark.parametrize("lease", [True, False])
def test_a_daemon_that_armed_anew_in_mid_stop_and_ends_is_followed_by_the_guards(lease: bool) -> None:
    """The pump was asked again who it is, say: that proves no stop."""
    run = Run().armed(lease=True).beating_to(1000).ask().written().beating_to(1100)
    run.armed_anew(lease=lease, proven=False)
    run.watch.daemon_closed()
    assert run.dead().log[1:] == [(1100, WriteStop("a", Cause.DAEMON_LEFT, first=True))]


@pytest.mark.hazard("H46")
def test_a_lease_channel_whose_loop_falls_silent_in_mid_stop_is_stopped() -> None:
    run = Run().armed(lease=True).beating_to(1000).ask().written()
    run.armed_anew(lease=True, proven=False).to(2000).dead()
    assert run.log[1:] == [(2000, KillDaemon()), (2000, WriteStop("a", Cause.LOOP_SILENT, first=True))]


@pytest.mark.hazard("H56")
def test_a_stop_of_the_daemons_own_that_it_leaves_unproven_is_the_guards_too(run: Run) -> None:
    run.armed(lease=False).beating_to(1000).written().beating_to(1100)
    run.watch.daemon_closed()
    assert run.dead().log == [(1100, WriteStop("a", Cause.DAEMON_LEFT, first=True))]


@pytest.mark.hazard("H56")
def test_without_a_lease_a_loop_that_falls_silent_in_mid_stop_is_followed_by_the_guard() -> None:
    """Nobody would repeat the STOP that the pump has missed: it would finish what is loaded."""
    run = Run().armed(lease=False).beating_to(1000).written().beating_to(5900).to(6850).dead()
    assert run.log == [(6850, KillDaemon()), (6850, WriteStop("a", Cause.LOOP_SILENT, first=True))]


def test_a_daemon_that_says_that_it_leaves_is_not_killed_but_its_unproven_stop_is_repeated(run: Run) -> None:
    run.armed(lease=False).beating_to(1000).written()
    run.watch.daemon_left()
    assert run.tick().log == [(1000, WriteStop("a", Cause.DAEMON_LEFT, first=True))]


@pytest.mark.parametrize("proven", [True, False])
def test_a_stop_that_was_proven_or_long_ago_lets_a_silent_loop_be(proven: bool) -> None:
    run = Run().armed(lease=False).beating_to(1000).written().beating_to(1200)
    run.armed_anew(lease=False, proven=proven).beating_to(6100).to(60_000)
    assert run.times(WriteStop) == []
    assert run.times(Alarm) == [7050]


def test_a_channel_disarmed_meanwhile_is_left_alone(run: Run) -> None:
    run.armed(lease=False).ask().written()
    run.watch.disarmed("a")
    run.watch.daemon_closed()
    assert run.dead().times(WriteStop) == []
