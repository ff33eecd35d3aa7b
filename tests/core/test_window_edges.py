"""What is ahead of the commanded flow, to the microlitre: nothing below the declared accuracy, all of it above."""

from __future__ import annotations

import pytest

from pumpctl.core.instant import NS_PER_S
from pumpctl.core.window import EXCESS_PER_UL, excess_after

THOUSAND_UL_H = 3_600_000  # of which a second holds 1000 uL


@pytest.mark.hazard("H02")
@pytest.mark.parametrize(("moved_ul", "ahead_ul"), [(1_049, 0), (1_050, 0), (1_051, 1), (2_000, 950)])
def test_excess_after_one_window_of_a_thousand_microlitres_at_five_percent(moved_ul: int, ahead_ul: int):
    assert excess_after(0, moved_ul, THOUSAND_UL_H, NS_PER_S, 50) == ahead_ul * EXCESS_PER_UL


@pytest.mark.hazard("H02")
def test_excess_after_a_second_window_adds_up_and_falls_to_nothing_and_no_further():
    once = excess_after(0, 1_060, THOUSAND_UL_H, NS_PER_S, 50)
    assert excess_after(once, 1_060, THOUSAND_UL_H, NS_PER_S, 50) == 20 * EXCESS_PER_UL
    assert excess_after(once, 1_041, THOUSAND_UL_H, NS_PER_S, 50) == EXCESS_PER_UL
    assert excess_after(once, 1_000, THOUSAND_UL_H, NS_PER_S, 50) == 0
