"""How long volume is watched, and how what is ahead of the flow adds up: exact, and never for an accurate pump."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpctl.core.window import EXCESS_PER_UL, excess_after, window_ns

S = 1_000_000_000
H = 3_600 * S


@pytest.mark.parametrize(
    ("flow_ul_h", "step_ul", "poll_ns", "window"),
    [
        (10_000, 1, S, 7_200_000_000),  # 20 uL at 10 mL/h
        (100_000, 1, S, 2 * S),  # two polls are longer
        (36_000, 1, S, 2 * S),  # equal
        (35_999, 1, S, 2_000_055_558),  # rounded up
        (100, 1, S, 720 * S),
        (0, 1, S, 20 * H),  # nothing commanded: no division by it
    ],
)
def test_a_window_fits_two_polls_and_twenty_increments(flow_ul_h: int, step_ul: int, poll_ns: int, window: int):
    assert window_ns(flow_ul_h, step_ul, poll_ns) == window


def test_exactly_the_declared_accuracy_is_no_excess_and_a_microlitre_more_is_one():
    assert excess_after(0, 10_500, 10_000, H, 50) == 0
    assert excess_after(0, 10_501, 10_000, H, 50) == EXCESS_PER_UL


def test_what_is_behind_is_not_saved_up_for_later():
    behind = excess_after(0, 0, 10_000, H, 50)
    assert behind == 0
    assert excess_after(behind, 10_510, 10_000, H, 50) == 10 * EXCESS_PER_UL


def test_it_adds_up_over_windows_without_rounding():
    excess = 0
    for _ in range(1_000):  # each window alone is ahead by a third of a microlitre
        excess = excess_after(excess, 11, 10_000, 3_600 * S // 1_000 + 1, 50)
    assert 0 < excess // EXCESS_PER_UL <= 500


@pytest.mark.hazard("H02")
@given(
    flow_ul_h=st.integers(100, 1_200_000),
    accuracy=st.integers(0, 100),
    step_ul=st.sampled_from([1, 5, 10]),
    windows=st.lists(st.tuples(st.integers(S, 600 * S), st.integers(-1_000, 1_000)), min_size=1, max_size=60),
)
def test_a_pump_within_its_accuracy_is_never_ahead_by_more_than_an_increment(
    flow_ul_h: int, accuracy: int, step_ul: int, windows: list[tuple[int, int]]
):
    """Whatever error within the declared accuracy each window has, and however its counter rounds."""
    exact, counted, excess = 0, 0, 0
    for lasted_ns, error in windows:
        exact += flow_ul_h * lasted_ns * (1_000_000 + accuracy * error)
        now = exact // (H * 1_000_000) // step_ul * step_ul
        excess = excess_after(excess, now - counted, flow_ul_h, lasted_ns, accuracy)
        counted = now
        assert excess <= step_ul * EXCESS_PER_UL


@pytest.mark.hazard("H02")
@pytest.mark.parametrize(("permille", "minutes"), [(1_150, 4), (1_100, 7), (1_060, 31)])
def test_how_soon_fifty_microlitres_are_ahead(permille: int, minutes: int):
    """At 10 mL/h and 5 %: what was found after two hours by the whole volume is found within minutes."""
    excess, windows = 0, 0
    while excess <= 50 * EXCESS_PER_UL:
        windows += 1
        moved = 10_000 * permille * windows // 500_000 - 10_000 * permille * (windows - 1) // 500_000
        excess = excess_after(excess, moved, 10_000, 7_200_000_000, 50)
    assert windows * 7.2 / 60 <= minutes
