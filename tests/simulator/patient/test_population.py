"""People who differ: the spread of Lu 2002, the same from the same seed, and bands in their order."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from simulator.patient.course import MAX_PEOPLE, simulate
from simulator.patient.model import HEALTHY, WASTING
from simulator.patient.population import drawn, follow
from tests.simulator.patient.expected import DAILY, course


def test_the_spread_is_the_published_one():
    people = drawn(HEALTHY, 100, 20_000, Random(1))
    figures = (
        (people.filtration_l_h, 6.0, 0.39),
        (people.central_l, 8.0, 0.26),
        (people.peripheral_l, 31.0, 0.38),
        (people.peripheral_exchange_l_h, 5.6, 0.59),
    )
    for drawn_figures, typical_figure, cv in figures:
        assert np.median(drawn_figures) == pytest.approx(typical_figure, rel=0.02)
        assert np.std(drawn_figures) / np.mean(drawn_figures) == pytest.approx(cv, rel=0.05)
        assert np.std(np.log(drawn_figures)) == pytest.approx(np.sqrt(np.log(1 + cv * cv)), rel=0.02)
    logs = [np.log(drawn_figures) for drawn_figures, _, _ in figures]
    assert np.max(np.abs(np.corrcoef(logs) - np.eye(4))) < 0.03


def test_one_seed_is_one_crowd():
    again = [follow(WASTING, 100, DAILY, 24, size=20, seed=seed) for seed in (4, 4, 5)]
    assert np.array_equal(again[0].people.high, again[1].people.high)
    assert np.array_equal(again[0].measured.low, again[1].measured.low)
    assert not np.array_equal(again[0].people.high, again[2].people.high[: len(again[0].people.high)])


def test_bands_are_in_order_and_hold_the_typical_patient():
    crowd = follow(WASTING, 100, DAILY, 7 * 24, size=300, seed=2)
    lone = course(WASTING, DAILY, 7 * 24)
    typical_serum = np.interp(crowd.hours, lone.hours, lone.serum_mmol_l[:, 0])
    for band in (crowd.people, crowd.measured):
        assert np.all(band.low < band.middle)
        assert np.all(band.middle < band.high)
        assert np.all(band.low < typical_serum)
        assert np.all(typical_serum < band.high)
    assert crowd.people.middle == pytest.approx(typical_serum, rel=0.06)
    assert np.all(crowd.measured.low < crowd.people.low)
    assert np.all(crowd.people.high < crowd.measured.high)
    assert float(crowd.peak.high) >= np.max(crowd.people.high)


def test_a_person_in_a_crowd_is_who_he_is_alone():
    """Vectorised or not: the crowd only shortens the steps."""
    people = drawn(WASTING, 100, 20, Random(3))
    together = simulate(people, DAILY, 72)
    assert together.imbalance_mmol < 1e-9
    for person in (0, 7, 19):
        one = slice(person, person + 1)
        own = type(people)(
            WASTING,
            people.filtration_l_h[one],
            people.central_l[one],
            people.peripheral_l[one],
            people.peripheral_exchange_l_h[one],
        )
        alone = simulate(own, DAILY, 72)
        for hour in (0, 24, 48, 72):
            assert together.at(hour, person) == pytest.approx(alone.at(hour), rel=1e-6)


def test_a_crowd_is_bounded():
    assert follow(HEALTHY, 100, [], 1, size=MAX_PEOPLE, seed=1).size == MAX_PEOPLE
    with pytest.raises(ValueError, match=f"{MAX_PEOPLE} people"):
        follow(HEALTHY, 100, [], 1, size=MAX_PEOPLE + 1, seed=1)
