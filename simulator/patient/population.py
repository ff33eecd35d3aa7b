"""People of one kind who differ, and the bands in which most of them lie.

Refuses to draw without a seed. Clearance and the sizes of compartments vary log-normally around the typical patient,
each by itself (Lu 2002 gives the spread and no correlation); what is typical is the median.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from random import Random

import numpy as np

from simulator.patient.course import Dose, simulate
from simulator.patient.model import Numbers, People, Physiology, typical

# Coefficients of variation between patients, and of a laboratory's result around the true value (Lu 2002).
CLEARANCE_CV, CENTRAL_CV, PERIPHERAL_CV, EXCHANGE_CV = 0.39, 0.26, 0.38, 0.59
ASSAY_CV = 0.20
PERCENTILES = (5, 50, 95)


@dataclass(frozen=True, slots=True)
class Band:
    """The PERCENTILES of a crowd, mmol/L."""

    low: Numbers
    middle: Numbers
    high: Numbers


@dataclass(frozen=True, slots=True)
class Crowd:
    """Where most people lie at `hours`, where their laboratory results do, and how high each came at most."""

    size: int
    seed: int
    hours: Numbers
    people: Band
    measured: Band
    peak: Band


def follow(
    physiology: Physiology, clearance_ml_min: float, doses: Sequence[Dose], until_h: float, *, size: int, seed: int
) -> Crowd:
    """Give the same doses to all."""
    chance = Random(seed)  # noqa: S311 - a crowd must be reproducible
    course = simulate(drawn(physiology, clearance_ml_min, size, chance), doses, until_h)
    # One error a person, proportional to the true value.
    measured = course.serum_mmol_l * (1 + ASSAY_CV * np.array([chance.gauss(0, 1) for _ in range(size)]))
    peak = np.max(course.serum_mmol_l, axis=0)
    return Crowd(size, seed, course.hours, _band(course.serum_mmol_l), _band(measured), _band(peak))


def drawn(physiology: Physiology, clearance_ml_min: float, size: int, chance: Random) -> People:
    """So many people around the typical one."""
    spreads = [sqrt(log(1 + cv * cv)) for cv in (CLEARANCE_CV, CENTRAL_CV, PERIPHERAL_CV, EXCHANGE_CV)]
    factors = np.exp([[spread * chance.gauss(0, 1) for spread in spreads] for _ in range(size)])
    clearance, central, peripheral, exchange = factors.T
    middle = typical(physiology, clearance_ml_min)
    return People(
        physiology,
        filtration_l_h=middle.filtration_l_h * clearance,
        central_l=middle.central_l * central,
        peripheral_l=middle.peripheral_l * peripheral,
        peripheral_exchange_l_h=middle.peripheral_exchange_l_h * exchange,
    )


def _band(serum_mmol_l: Numbers) -> Band:
    """Over the people, which are the last axis."""
    low, middle, high = np.percentile(serum_mmol_l, PERCENTILES, axis=-1)
    return Band(low, middle, high)
