"""Tests of the doctored controls. Refuses to be found by itself: trials name it.

One asserts what its control says, one only calls its control, one leaves the rest to an exception of the product's.
"""

from __future__ import annotations

from tests.removal.doctored import loud, verdict


def test_more_than_ten_is_too_much() -> None:
    assert verdict(11) == ("too much",)
    assert verdict(10) == ()


def test_less_than_one_is_judged() -> None:
    assert len(verdict(0)) < 2


def test_it_is_loud() -> None:
    assert loud(3)
