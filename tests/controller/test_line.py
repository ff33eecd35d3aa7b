"""Whose turn it is on a shared line: the order, the quiet after a STOP, pumps that do not answer."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pumpctl.supervision.line import LONGEST_QUIET_NS, MUTE_EVERY_NS, STOP_NS, SharedLine

NAMES = ["a", "b", "c", "d"]
T = 100 * MUTE_EVERY_NS


def line() -> SharedLine:
    return SharedLine(list(NAMES))


def turn(shared: SharedLine, now_ns: int, *, answered: bool = True, wanting: str = "abcd", proving: str = "") -> str:
    """Whoever of these is offered it first takes it, for no time at all."""
    name = next(name for name in shared.order(proving, now_ns) if name in wanting)
    shared.begun(name, now_ns, favoured=name in proving)
    shared.ended(now_ns, answered=answered)
    return name


def make_mute(shared: SharedLine, name: str, now_ns: int) -> None:
    turn(shared, now_ns, answered=False, wanting=name)
    turn(shared, now_ns, answered=False, wanting=name)


def test_turns_go_round_and_a_channel_that_wants_nothing_loses_its_place_to_nobody():
    shared = line()
    assert [turn(shared, T) for _ in range(6)] == ["a", "b", "c", "d", "a", "b"]
    assert [turn(shared, T, wanting="acd") for _ in range(3)] == ["c", "d", "a"]
    assert turn(shared, T) == "b", "it has waited longest"


def test_nobody_waits_longer_than_one_turn_of_each_other():
    shared = line()
    for wants_always in NAMES:
        while turn(shared, T) != wants_always:
            continue
        between = [turn(shared, T) for _ in range(len(NAMES) - 1)]
        assert sorted([*between, wants_always]) == NAMES


def test_a_turn_that_is_held_is_nobodys_else():
    shared = line()
    shared.begun("a", T, favoured=False)
    assert not shared.is_free(T + MUTE_EVERY_NS)
    assert shared.quiet_end_ns is None
    shared.ended(T, answered=True)
    assert shared.is_free(T)


@pytest.mark.hazard("H56")
@pytest.mark.parametrize("idle_ns", [0, 10 * LONGEST_QUIET_NS])
def test_after_a_stop_the_line_is_quiet_for_its_answers_and_no_longer(idle_ns: int):
    shared = line()
    turn(shared, T - idle_ns)
    shared.stops_written(1, T)
    assert shared.quiet_end_ns == T + STOP_NS
    assert not shared.is_free(T + STOP_NS - 1)
    assert shared.is_free(T + STOP_NS)
    assert shared.quiet_end_ns is None


@pytest.mark.hazard("H56")
def test_stops_that_follow_one_another_keep_the_others_waiting_no_longer_than_the_bound():
    shared = line()
    turn(shared, T)
    for late_ns in range(0, LONGEST_QUIET_NS, STOP_NS):
        shared.stops_written(1, T + late_ns)
        assert not shared.is_free(T + late_ns)
    assert not shared.is_free(T + LONGEST_QUIET_NS - 1)
    assert shared.is_free(T + LONGEST_QUIET_NS)


def test_one_lost_reply_costs_a_pump_no_turn_and_the_second_does():
    shared = line()
    turn(shared, T, answered=False, wanting="b")
    assert turn(shared, T, wanting="ab") == "b", "asked again first of all"
    make_mute(shared, "b", T)
    assert {turn(shared, T) for _ in range(8)} == {"a", "c", "d"}


def test_pumps_that_do_not_answer_have_one_turn_in_two_seconds_between_them_or_what_nobody_wants():
    shared = line()
    for name in "bc":
        make_mute(shared, name, T)
    due_ns = shared.mute_from_ns
    assert due_ns == T + MUTE_EVERY_NS
    assert turn(shared, due_ns - 1) in "ad"
    assert turn(shared, due_ns, answered=False) == "b"
    assert {turn(shared, due_ns) for _ in range(4)} == {"a", "d"}
    assert turn(shared, due_ns, wanting="bc", answered=False) == "c", "nobody else wants the line"
    assert turn(shared, due_ns + MUTE_EVERY_NS, answered=False) == "b", "they take turns as well"


def test_a_pump_that_answers_again_is_one_of_the_others():
    shared = line()
    make_mute(shared, "b", T)
    assert turn(shared, T, wanting="b") == "b"
    assert {turn(shared, T) for _ in range(4)} == set(NAMES)


def test_a_turn_that_nobody_has_cannot_end():
    shared = line()
    shared.ended(T, answered=False)
    assert (shared.mute, shared.freed_ns) == (set(), 0)


def test_a_turn_cut_by_the_stop_of_the_same_pump_says_nothing_of_it():
    shared = line()
    make_mute(shared, "b", T)
    for name in "ab":
        shared.begun(name, T, favoured=False)
        shared.ended(T, answered=None)
    assert shared.mute == {"b"}


@pytest.mark.hazard("H56")
def test_a_stop_is_proven_out_of_turn_but_only_every_other_one():
    shared = line()
    turns = [turn(shared, T, proving="cd") for _ in range(8)]
    assert turns[0] == "c"
    assert all(name not in "cd" or before not in "cd" for before, name in pairwise(turns))
    assert {"a", "b"} <= set(turns)
