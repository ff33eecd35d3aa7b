"""The delivered interval: what a reading may change, how silence widens it, and that the truth is always inside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpctl.core.delivered import NS_PER_H, Counters, Delivered

S = 1_000_000_000
BASE = Counters(boot_count=3, motor_ul=1_000, encoder_ul=990, flow_ul=1_010)
FRESH = Delivered(
    BASE, vtbi_ul=10_000, volume_step_ul=1, accuracy_permille=50, asked_therapy_ns=100 * S, moving_ul_h=3_600
)


def _after(moved_ul: int, **changes: int | None) -> Counters:
    counters = Counters(3, 1_000 + moved_ul, 990 + moved_ul, 1_010 + moved_ul)
    return replace(counters, **changes)  # pyright: ignore[reportArgumentType]


def test_a_reading_takes_the_smallest_and_the_largest_counter():
    read = FRESH.read(_after(500, encoder_ul=990 + 480, flow_ul=1_010 + 520), 200 * S, 3_600)
    assert (read.least_ul, read.largest_ul) == (480, 520)
    assert read.most_ul(200 * S) == 548  # one increment more than 520, times 1.05, up


def test_without_a_flow_sensor_two_counters_decide():
    base = replace(FRESH, base=replace(BASE, flow_ul=None))
    assert base.read(_after(500, flow_ul=None), 200 * S, 0).largest_ul == 500
    assert FRESH.read(_after(500, flow_ul=None), 200 * S, 0).largest_ul == 500
    assert base.read(_after(500, flow_ul=99_999), 200 * S, 0).largest_ul == 500


FIRST = FRESH.read(_after(500), 200 * S, 3_600)


@pytest.mark.hazard("H54")
@pytest.mark.parametrize(
    ("counters", "asked_ns"),
    [
        (_after(600), 200 * S),  # repeated: asked at the same instant
        (_after(600), 199 * S),  # late
        (_after(499), 300 * S),  # both regress
        (_after(600, encoder_ul=990 + 499), 300 * S),  # one regresses below the smallest
        (replace(_after(600), boot_count=4), 300 * S),  # another power-on
        (replace(_after(600), boot_count=2), 300 * S),
    ],
    ids=["repeated", "late", "regressing", "one_regressing", "next_boot", "former_boot"],
)
def test_a_late_repeated_regressing_or_foreign_reading_changes_nothing(counters: Counters, asked_ns: int):
    assert FIRST.read(counters, asked_ns, 99_999) is FIRST


def test_an_equal_reading_in_sequence_is_news():
    assert FIRST.read(_after(500), 201 * S, 0).asked_therapy_ns == 201 * S


def test_a_counter_below_its_base_is_never_a_negative_dose():
    assert replace(FRESH, smallest_ul=-5).least_ul == 0


def test_silence_widens_at_the_moving_flow_to_the_microlitre():
    assert FIRST.most_ul(200 * S) == 527  # 501 x 1.05, up
    assert FIRST.most_ul(201 * S) == 528  # 502: one more in a second of 3.6 mL/h
    assert FIRST.most_ul(200 * S + 1) == 528  # rounded up: nobody knows where in the second
    assert FIRST.most_ul(300 * S) == 632  # 601


@pytest.mark.parametrize(("commanded", "measured"), [(3_600, 7_200), (7_200, 3_600)])
def test_the_higher_of_commanded_and_reported_widens(commanded: int, measured: int):
    read = FRESH.read(_after(500), 200 * S, max(commanded, measured))
    assert read.most_ul(300 * S) == 737


@pytest.mark.hazard("H12")
def test_widening_ends_at_the_vtbi_and_what_was_counted_beyond_it_stays():
    assert FIRST.most_ul(10**15) == 10_500
    beyond = FRESH.read(_after(10_200), 300 * S, 3_600)
    assert beyond.most_ul(10**15) == 10_710


def test_a_clock_that_seems_to_run_back_widens_nothing():
    assert FIRST.most_ul(1) == 527


def test_a_pump_that_stands_still_widens_nothing_until_it_is_told_to_move():
    still = FRESH.read(_after(500), 200 * S, 0)
    assert still.most_ul(10**15) == 527
    moving = still.set_moving(400 * S, 3_600)
    assert moving.most_ul(400 * S) == 527
    assert moving.most_ul(500 * S) == 632


def test_a_higher_flow_commanded_while_moving_counts_from_the_last_reading():
    assert FIRST.set_moving(250 * S, 7_200).most_ul(300 * S) == 737
    assert FIRST.set_moving(250 * S, 10).most_ul(300 * S) == 632


@pytest.mark.hazard("H13")
def test_counters_behind_the_time_at_its_flow_make_no_dose_smaller():
    """They fell in the silence of an hour and have moved on since: nothing regresses. It said that it ran all along."""
    fell = FIRST.read(_after(501), 3_800 * S, 3_600)
    assert fell.most_ul(3_800 * S) == 3_885  # 3700 s at 3.6 mL/h, times 1.05
    assert fell.least_ul == 501
    assert fell.read(_after(502), 3_801 * S, 3_600).most_ul(3_801 * S) == 3_887  # what moves after the fall is on top
    assert fell.read(_after(801), 4_101 * S, 0).most_ul(4_101 * S) == 4_200  # also up to where it was stopped


@pytest.mark.parametrize(("counted_ul", "most_ul"), [(98, 105), (99, 105), (100, 107)])
def test_counters_within_an_increment_of_the_time_at_its_flow_hide_nothing(counted_ul: int, most_ul: int):
    assert FRESH.read(_after(counted_ul), 200 * S, 3_600).most_ul(200 * S) == most_ul  # 100 s at 3.6 mL/h


def test_a_pump_that_was_found_still_gave_what_its_counters_show():
    """It ended somewhere in the silence: where, the counters tell and nobody else."""
    assert FIRST.read(_after(501), 3_800 * S, 0).most_ul(3_800 * S) == 528
    started = FRESH.read(_after(0), 101 * S, 0).read(_after(0), 300 * S, 3_600)
    assert started.most_ul(300 * S) == 2  # and one that stood did not move until it was seen moving


@pytest.mark.hazard("H13")
def test_a_pump_that_says_it_is_through_gave_its_whole_volume():
    """Unless it has not had the time for that."""
    assert FIRST.read(_after(501), 10**15, 0, completed=True).most_ul(10**15) == 10_500
    assert FIRST.read(_after(501), 3_800 * S, 0, completed=True).most_ul(3_800 * S) == 3_885


@pytest.mark.hazard("H12")
def test_what_the_counters_hide_ends_at_the_vtbi():
    """There the pump stops by itself; what it counted beyond is counted."""
    slow = FIRST.read(_after(501), 10**15, 3_600)
    assert slow.most_ul(10**15) == 10_500
    assert slow.read(_after(9_999), 10**15 + S, 3_600).most_ul(10**15 + S) == 10_500
    assert slow.read(_after(10_001), 10**15 + S, 3_600).most_ul(10**15 + S) == 10_502


@pytest.mark.parametrize("accuracy", [0, 1, 50, 1000])
def test_the_declared_accuracy_is_rounded_up(accuracy: int):
    read = replace(FIRST, accuracy_permille=accuracy)
    assert read.most_ul(200 * S) == -(-501 * (1000 + accuracy) // 1000)


flows = st.integers(100, 1_200_000)


@settings(max_examples=300, deadline=None)
@given(
    flow_ul_h=flows,
    vtbi_ul=st.integers(1, 300_000),
    step_ul=st.sampled_from([1, 5, 1_000]),
    accuracy=st.integers(0, 100),
    error=st.integers(-1_000, 1_000),
    polls=st.lists(st.tuples(st.integers(1, 3_600 * S), st.integers(0, 2 * S), st.booleans()), max_size=30),
)
def test_the_truth_of_an_ideal_pump_is_always_inside(
    flow_ul_h: int, vtbi_ul: int, step_ul: int, accuracy: int, error: int, polls: list[tuple[int, int, bool]]
):
    """Any pattern of polls, replies and losses; true volume off by up to the declared accuracy of what is counted."""
    permille = accuracy * error // 1_000
    now_ns, delivered = 0, Delivered(Counters(1, 0, 0, None), vtbi_ul, step_ul, accuracy, 0, flow_ul_h)

    def counted(at_ns: int) -> int:
        """What the counters show: whole increments; at its VTBI the pump shows that."""
        ul = flow_ul_h * at_ns // NS_PER_H
        return vtbi_ul if ul >= vtbi_ul else ul // step_ul * step_ul

    def holds(at_ns: int) -> bool:
        exact = min(vtbi_ul * NS_PER_H, flow_ul_h * at_ns)
        most_true = exact * (1000 + permille)
        return most_true <= delivered.most_ul(at_ns) * 1000 * NS_PER_H and delivered.least_ul <= counted(at_ns)

    for wait_ns, reply_ns, arrives in polls:
        asked_ns = now_ns + wait_ns
        now_ns = asked_ns + reply_ns
        assert holds(asked_ns)
        read_at_ns = asked_ns + reply_ns // 2  # the pump looks at its counters somewhere in between
        if arrives:
            ul = counted(read_at_ns)
            moving = flow_ul_h if ul < vtbi_ul else 0
            delivered = delivered.read(Counters(1, ul, ul, None), asked_ns, moving)
        assert holds(now_ns)


@pytest.mark.hazard("H13")
@settings(max_examples=300, deadline=None)
@given(
    flow_ul_h=flows,
    vtbi_ul=st.integers(1, 300_000),
    step_ul=st.sampled_from([1, 5, 1_000]),
    fell_ul=st.integers(1, 5_000),
    falls=st.integers(0, 30),
    waits_ns=st.lists(st.integers(1, 3_600 * S), min_size=1, max_size=30),
)
def test_the_truth_is_inside_though_all_counters_fell_and_nobody_saw_it(
    flow_ul_h: int, vtbi_ul: int, step_ul: int, fell_ul: int, falls: int, waits_ns: list[int]
):
    """Before one of the polls, or never; a fall that shows changes nothing, and none goes below zero."""
    now_ns, dropped_ul = 0, 0
    delivered = Delivered(Counters(1, 0, 0, None), vtbi_ul, step_ul, 0, 0, flow_ul_h)
    for place, wait_ns in enumerate(waits_ns):
        now_ns += wait_ns
        true_ul = min(vtbi_ul, flow_ul_h * now_ns // NS_PER_H)
        dropped_ul = fell_ul if place >= falls else 0
        shown_ul = max(0, true_ul - dropped_ul) // step_ul * step_ul
        through = true_ul >= vtbi_ul
        delivered = delivered.read(
            Counters(1, shown_ul, shown_ul, None), now_ns, 0 if through else flow_ul_h, completed=through
        )
        assert delivered.most_ul(now_ns) >= true_ul
