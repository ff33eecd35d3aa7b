"""Who the virtual patient is, and how fast magnesium moves there: three compartments, a subcutaneous depot, kidneys.

Refuses to know doses, routes and time. The figures are guesses about no real person: most are published means, some
are guessed, and two of the wasting patient's were fitted (docs/patient.md says which). Amounts are mmol, volumes L,
time h; a population is one more axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]

MG_PER_MMOL_HEPTAHYDRATE = 246.47  # clinical.md section 1
MG_PER_DL_PER_MMOL_PER_L = 2.4305  # of magnesium
MINUTES_PER_HOUR = 60
L_H_PER_ML_MIN = 0.06

# Rows of the state: four places that hold magnesium, and what has left with the urine.
DEPOT, CENTRAL, FAST, PERIPHERAL, URINE = range(5)
BISECTIONS = 64  # halves an interval down to the last bit of a float


@dataclass(frozen=True, slots=True)
class Physiology:
    """What a typical patient of a kind is made of."""

    knee_sharpness: float
    leak_fraction: float  # of what is filtered, never reabsorbed
    gut_uptake_mmol_h: float
    unbound_fraction: float = 0.70
    reabsorption_max_mmol_l: float = 0.576  # per litre of filtrate
    central_l: float = 8.0
    fast_l: float = 10.0
    peripheral_l: float = 31.0
    fast_exchange_l_h: float = 20.0
    peripheral_exchange_l_h: float = 5.6
    absorption_per_h: float = 0.317  # from the subcutaneous depot, all of which reaches the blood


class Patient(Enum):
    """The two that the rig knows by name."""

    HEALTHY = "healthy"
    WASTING = "wasting"  # renal wasting, as in the case report on subcutaneous magnesium at home


HEALTHY = Physiology(knee_sharpness=0.995, leak_fraction=0.01, gut_uptake_mmol_h=3.5 / 24)
WASTING = Physiology(knee_sharpness=0.9885, leak_fraction=0.0998, gut_uptake_mmol_h=5.0 / 24)
PHYSIOLOGIES = {Patient.HEALTHY: HEALTHY, Patient.WASTING: WASTING}


@dataclass(frozen=True, slots=True)
class People:
    """One or many of a kind, who differ in four figures; one entry a person in each array."""

    physiology: Physiology
    filtration_l_h: Numbers
    central_l: Numbers
    peripheral_l: Numbers
    peripheral_exchange_l_h: Numbers


def typical(physiology: Physiology, clearance_ml_min: float) -> People:
    """One person with the figures of the kind."""
    return People(
        physiology,
        filtration_l_h=np.array([L_H_PER_ML_MIN * clearance_ml_min]),
        central_l=np.array([physiology.central_l]),
        peripheral_l=np.array([physiology.peripheral_l]),
        peripheral_exchange_l_h=np.array([physiology.peripheral_exchange_l_h]),
    )


def renal_loss_mmol_h(people: People, serum_mmol_l: Numbers) -> Numbers:
    """What is filtered less what is reabsorbed; reabsorption saturates with a knee, and a fixed part always leaks."""
    own = people.physiology
    filtered = own.unbound_fraction * serum_mmol_l
    offered = (1 - own.leak_fraction) * filtered
    total = offered + own.reabsorption_max_mmol_l
    root = np.sqrt(total * total - 4 * own.knee_sharpness * own.reabsorption_max_mmol_l * offered)
    return people.filtration_l_h * (filtered - (total - root) / (2 * own.knee_sharpness))


def change_mmol_h(people: People, amounts: Numbers, depot_in: float, central_in: float) -> Numbers:
    """d(amounts)/dt while these rates enter the depot and the blood, mmol/h."""
    own = people.physiology
    serum = amounts[CENTRAL] / people.central_l
    absorbed = own.absorption_per_h * amounts[DEPOT]
    to_fast = own.fast_exchange_l_h * (serum - amounts[FAST] / own.fast_l)
    to_peripheral = people.peripheral_exchange_l_h * (serum - amounts[PERIPHERAL] / people.peripheral_l)
    lost = renal_loss_mmol_h(people, serum)
    change = np.empty_like(amounts)
    change[DEPOT] = depot_in - absorbed
    change[CENTRAL] = central_in + absorbed + own.gut_uptake_mmol_h - to_fast - to_peripheral - lost
    change[FAST] = to_fast
    change[PERIPHERAL] = to_peripheral
    change[URINE] = lost
    return change


def steady_serum_mmol_l(people: People) -> Numbers:
    """Where the kidneys lose what the gut takes up. The loss only grows with serum: there is one such place."""
    own = people.physiology
    low = np.zeros_like(people.filtration_l_h)
    # No kidney reabsorbs more than its maximum, so at this serum the loss is at least the uptake.
    high = (own.gut_uptake_mmol_h / people.filtration_l_h + own.reabsorption_max_mmol_l) / own.unbound_fraction
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        too_low = renal_loss_mmol_h(people, middle) < own.gut_uptake_mmol_h
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return (low + high) / 2


def untreated(people: People) -> Numbers:
    """The state before the first dose: no depot, every compartment at the steady serum, urine counted from now."""
    serum = steady_serum_mmol_l(people)
    nothing = np.zeros_like(serum)
    return np.stack(
        [nothing, serum * people.central_l, serum * people.physiology.fast_l, serum * people.peripheral_l, nothing]
    )


def fastest_per_h(people: People) -> float:
    """No part of the state changes faster than this, by the sum of all that leaves one compartment (for the step)."""
    own = people.physiology
    leaving = people.filtration_l_h * own.unbound_fraction + own.fast_exchange_l_h + people.peripheral_exchange_l_h
    central = leaving / people.central_l
    returning = own.fast_exchange_l_h / own.fast_l + people.peripheral_exchange_l_h / people.peripheral_l
    return float(np.max(central + returning + own.absorption_per_h))


def mg_dl(serum_mmol_l: float) -> float:
    """As a laboratory in mg/dL would report it."""
    return serum_mmol_l * MG_PER_DL_PER_MMOL_PER_L
