"""The guard's judgement in numbers: both sides of each edge of `Periods`, without a clock."""

from __future__ import annotations

import pytest

from pumpctl.guard.action import Alarm, Answer, Cause, KillDaemon, Outcome, Settled, WriteStop
from tests.guard.watch_run import ASKER, Run


@pytest.fixture
def run() -> Run:
    return Run()


# --- (a) a stop was asked for ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lease", [True, False])
def test_a_stop_that_the_daemon_writes_in_time_is_left_to_it(run: Run, lease: bool) -> None:
    run.armed(lease=lease).beating_to(1000).ask().beating_to(1249).written().beating_to(3000)
    assert run.log == [(1249, Answer(ASKER, {"a": Outcome.WRITTEN_BY_DAEMON}))]


@pytest.mark.parametrize("lease", [True, False])
@pytest.mark.hazard("H46")
def test_a_stop_that_nobody_writes_for_250_ms_kills_the_daemon_in_any_profile(run: Run, lease: bool) -> None:
    run.armed(lease=lease).beating_to(1000).ask().beating_to(1249)
    assert run.log == []
    run.beating_to(1250)
    assert run.log == [(1250, KillDaemon())]


def test_the_daemons_note_may_arrive_before_the_request_by_250_ms_and_no_more() -> None:
    early = Run().armed(lease=False).beating_to(1000).written().beating_to(1250).ask()
    assert early.answers() == [{"a": Outcome.WRITTEN_BY_DAEMON}]
    stale = Run().armed(lease=False).beating_to(1000).written().beating_to(1251).ask().beating_to(1501)
    assert stale.times(KillDaemon) == [1501]


def test_one_stop_of_the_daemons_answers_one_request() -> None:
    """Else a person who asks twice would be told of a STOP that a daemon wrote before it hung."""
    run = Run().armed(lease=False).beating_to(1000).ask().written().beating_to(1100).ask().beating_to(1350)
    assert run.times(KillDaemon) == [1350]


def test_two_requests_and_two_notes_in_any_order() -> None:
    run = Run().armed(lease=False).beating_to(1000).written().written().ask(asker=1).ask(asker=2).beating_to(3000)
    assert run.answers() == [{"a": Outcome.WRITTEN_BY_DAEMON}] * 2
    assert run.times(KillDaemon) == []


def test_a_note_for_another_channel_does_not_count(run: Run) -> None:
    run.armed("a", lease=False).armed("b", lease=False).beating_to(1000).ask("a").written("b").beating_to(1250).dead()
    causes = {a.channel: a.cause for _, a in run.log if isinstance(a, WriteStop)}
    assert causes == {"a": Cause.NOT_WRITTEN, "b": Cause.DAEMON_LEFT}


def test_nothing_is_written_before_the_daemon_is_dead(run: Run) -> None:
    run.armed(lease=False).beating_to(1000).ask().to(1300)
    assert run.times(WriteStop) == []
    run.dead()
    assert run.log == [(1250, KillDaemon()), (1300, WriteStop("a", Cause.NOT_WRITTEN, first=True))]


def test_a_killed_daemon_that_hangs_in_the_kernel_is_not_waited_for_without_end(run: Run) -> None:
    run.armed(lease=False).beating_to(1000).ask().to(1749)
    assert run.times(WriteStop) == []
    assert run.to(1750).times(WriteStop) == [1750]


def test_a_stop_of_all_asks_for_each_channel(run: Run) -> None:
    run.armed("a", lease=False).armed("b", lease=True).beating_to(1000).ask(None).written("a").beating_to(1250)
    assert run.log == [(1250, KillDaemon())]  # for b alone; but the proof of a dies with the daemon
    causes = {a.channel: a.cause for _, a in run.dead().log if isinstance(a, WriteStop)}
    assert causes == {"a": Cause.DAEMON_LEFT, "b": Cause.NOT_WRITTEN}
    assert run.stopped("b").stopped("a").answers() == [{"a": Outcome.STOPPED, "b": Outcome.STOPPED}]


def test_an_unarmed_channel_is_never_written_to_and_the_asker_is_told(run: Run) -> None:
    run.watch.port_opened("a")
    run.ask().beating_to(2000)
    assert run.log == [(0, Answer(ASKER, {"a": Outcome.NOT_ARMED}))]


def test_a_channel_that_is_not_there_is_named(run: Run) -> None:
    assert run.armed(lease=False).ask("b").answers() == [{"b": Outcome.NO_PORT}]


def test_a_stop_of_all_without_any_pump_is_answered(run: Run) -> None:
    assert run.ask(None).answers() == [{}]


@pytest.mark.parametrize("end", ["disarmed", "port_closed"])
def test_a_channel_given_up_in_mid_stop_is_left_alone(run: Run, end: str) -> None:
    run.armed(lease=False).ask().to(250).dead().to(600)
    getattr(run.watch, end)("a")
    assert run.to(5000).times(WriteStop) == [250, 500]
    assert run.answers() == [{"a": Outcome.NOT_ARMED}]


def test_one_asker_owes_one_answer_however_often_it_asks(run: Run) -> None:
    run.armed(lease=False)
    for _ in range(1000):
        run.watch.asked(ASKER, "a", 0)
    assert len(run.watch._requests) == 1
    assert run.tick().written().answers() == [{"a": Outcome.WRITTEN_BY_DAEMON}]


def test_two_askers_get_an_answer_each_and_one_that_left_gets_none(run: Run) -> None:
    run.armed(lease=False).ask(asker=1).ask(asker=2).ask(asker=3)
    run.watch.forget(2)
    run.written()
    assert [a.asker for _, a in run.log if isinstance(a, Answer)] == [1, 3]


# --- the STOPs ------------------------------------------------------------------------------------------------


@pytest.mark.hazard("H56")
def test_stop_is_repeated_every_250_ms_until_the_pump_answers(run: Run) -> None:
    run.armed(lease=False).ask().to(250).dead().to(1100).stopped().to(20_000)
    assert run.times(WriteStop) == [250, 500, 750, 1000]
    assert [a.first for _, a in run.log if isinstance(a, WriteStop)] == [True, False, False, False]
    assert run.log[-2:] == [
        (1100, Settled("a", Cause.NOT_WRITTEN, proven=True)),
        (1100, Answer(7, {"a": Outcome.STOPPED})),
    ]


def test_without_an_answer_it_gives_up_after_ten_seconds_and_says_so(run: Run) -> None:
    run.armed(lease=False).ask().to(250).dead().to(10_249)
    assert run.times(Settled) == []
    run.to(60_000)
    assert run.times(WriteStop) == list(range(250, 10_250, 250))
    assert run.log[-2:] == [
        (10_250, Settled("a", Cause.NOT_WRITTEN, proven=False)),
        (10_250, Answer(ASKER, {"a": Outcome.NOT_PROVEN})),
    ]


def test_an_answer_before_our_first_stop_proves_nothing(run: Run) -> None:
    run.armed(lease=False).ask().to(251).stopped().to(400).dead()
    assert run.times(Settled) == []


def test_asking_again_after_giving_up_stops_again(run: Run) -> None:
    run.armed(lease=False).ask().to(250).dead().to(11_000).ask()
    assert run.times(WriteStop)[-1] == 11_000


# --- (b) the loop is silent -----------------------------------------------------------------------------------


@pytest.mark.hazard("H46")
def test_a_lease_channel_is_stopped_when_the_loop_is_silent_for_a_second(run: Run) -> None:
    run.armed(lease=True).beating_to(5000).to(5949)
    assert run.log == []
    run.to(5950).dead()  # the last heartbeat was at 4950
    assert run.log == [(5950, KillDaemon()), (5950, WriteStop("a", Cause.LOOP_SILENT, first=True))]


def test_other_channels_only_alarm_once_for_each_silence(run: Run) -> None:
    run.armed(lease=False).beating_to(5000).to(60_000)
    assert run.times(Alarm) == [5950]
    assert len(run.log) == 1
    run.beating_to(61_000).to(70_000)
    assert run.times(Alarm) == [5950, 61_950]


def test_a_silence_counts_from_the_arming_at_the_earliest(run: Run) -> None:
    run.to(5000).armed(lease=True).to(5999)
    assert run.log == []
    assert run.to(6000).times(KillDaemon) == [6000]


def test_a_silence_is_spent_by_the_stop_it_caused(run: Run) -> None:
    run.armed(lease=True).to(1000).dead().stopped().to(60_000)
    assert run.times(WriteStop) == [1000]


def test_after_its_own_kill_the_other_lease_channels_follow_when_their_second_is_over(run: Run) -> None:
    run.armed("a", lease=False).armed("b", lease=True).beating_to(1000).ask("a").to(1250).dead().stopped("a").to(3000)
    assert [(ms, a.channel) for ms, a in run.log if isinstance(a, WriteStop) and a.first] == [(1250, "a"), (1950, "b")]
