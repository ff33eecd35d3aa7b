"""How quantities are written and read, and the physics between them.

Refuses to know limits, orders and pumps. Every mass is magnesium sulfate heptahydrate
(clinical.md section 1): other salts, mmol and mEq are converted as they are read. The number
and unit texts that enter here are strict, since a slip in writing is the commonest way to a
ten-fold dose. Units are those people write and their UCUM codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from pumpctl.core.quantity import (
    Age,
    BodyWeight,
    Calcium,
    Clearance,
    Concentration,
    Count,
    Creatinine,
    DoseRate,
    Duration,
    FlowRate,
    Mass,
    MassPerDay,
    MassPerWeight,
    Osmolarity,
    Percent,
    PerMinute,
    Potassium,
    Pressure,
    Quantity,
    SerumMagnesium,
    Volume,
    VolumePerDay,
)

MAX_SIGNIFICANT_DIGITS = 12  # U01
MAX_NUMBER_LENGTH = 40

AnyQuantity = TypeVar("AnyQuantity", bound=Quantity)
MS_PER_HOUR = 3_600_000
UG_PER_MMOL = 246_470  # molar mass of the heptahydrate, 246.47 g/mol


class Basis(Enum):
    """What a mass in g or mg is a mass of; without it a dose is refused (U01)."""

    __hash__ = object.__hash__  # members are single; Enum would hash the name anew in every look-up

    HEPTAHYDRATE = "heptahydrate"
    ANHYDROUS = "anhydrous"
    ELEMENTAL = "elemental"


# ug of heptahydrate that hold the magnesium of one ug, from the molar masses of clinical.md section 1
_HEPTAHYDRATE_PER: dict[Basis, tuple[int, int]] = {
    Basis.HEPTAHYDRATE: (1, 1),
    Basis.ANHYDROUS: (24_647, 12_037),
    Basis.ELEMENTAL: (246_470, 24_305),
}
_GRAM_UNITS = frozenset({"g", "mg", "ug"})

# base units in one of the unit, as a ratio; the codes of UCUM stand after the customary writing
UNITS: dict[type[Quantity], dict[str, tuple[int, int]]] = {
    Mass: {
        "g": (1_000_000, 1),
        "mg": (1_000, 1),
        "ug": (1, 1),
        "mmol": (UG_PER_MMOL, 1),
        "mEq": (UG_PER_MMOL, 2),
        "meq": (UG_PER_MMOL, 2),
    },
    Volume: {"mL": (1_000, 1), "L": (1_000_000, 1), "ml": (1_000, 1), "l": (1_000_000, 1)},
    Duration: {
        "s": (1_000, 1),
        "min": (60_000, 1),
        "h": (MS_PER_HOUR, 1),
        "d": (24 * MS_PER_HOUR, 1),
        "ms": (1, 1),
    },
    FlowRate: {"mL/h": (1_000, 1), "ml/h": (1_000, 1)},
    DoseRate: {
        "mg/min": (60_000, 1),
        "mg/h": (1_000, 1),
        "g/h": (1_000_000, 1),
        "mmol/h": (UG_PER_MMOL, 1),
        "mEq/h": (UG_PER_MMOL, 2),
        "meq/h": (UG_PER_MMOL, 2),
    },
    Concentration: {
        "mg/mL": (1, 1),
        "g/L": (1, 1),
        "mmol/mL": (UG_PER_MMOL, 1_000),
        "mmol/L": (UG_PER_MMOL, 1_000_000),
        "mEq/mL": (UG_PER_MMOL, 2_000),
        "mg/ml": (1, 1),
        "meq/mL": (UG_PER_MMOL, 2_000),
    },
    Clearance: {"mL/min": (1, 1), "ml/min": (1, 1)},
    SerumMagnesium: {"mmol/L": (1, 1), "mg/dL": (10_000, 24_305), "mEq/L": (1, 2), "meq/L": (1, 2)},
    Potassium: {"mmol/L": (1, 1), "mEq/L": (1, 1), "meq/L": (1, 1)},
    Calcium: {"mmol/L": (1, 1), "mg/dL": (10_000, 40_078), "mEq/L": (1, 2), "meq/L": (1, 2)},  # 40.078 g/mol
    Creatinine: {"umol/L": (1, 1), "mg/dL": (1_000_000, 11_312)},  # 113.12 g/mol
    Osmolarity: {"mOsm/L": (1, 1)},
    Percent: {"%": (1, 1)},
    PerMinute: {"/min": (1, 1)},
    Pressure: {"mmHg": (1, 1), "mm[Hg]": (1, 1)},
    BodyWeight: {"kg": (1_000, 1), "g": (1, 1)},
    Age: {"y": (12, 1), "a": (12, 1), "mo": (1, 1)},
    VolumePerDay: {"L/d": (1_000, 1), "mL/d": (1, 1)},
    MassPerDay: {"ug/d": (1, 1), "mg/d": (1_000, 1), "ng/d": (1, 1_000)},
    MassPerWeight: {"mg/kg": (1, 1)},
    Count: {"starts": (1, 1)},
}


_KINDS_OF_MASS = frozenset[type[Quantity]]({Mass, DoseRate, Concentration, MassPerWeight})


def _factors(kind: type[Quantity], basis: Basis | None) -> dict[str, tuple[int, int]]:
    """UNITS as they read on this basis; without one those in g, mg and ug of the salt are not there."""
    factors: dict[str, tuple[int, int]] = {}
    for unit, (num, den) in UNITS[kind].items():
        if kind not in _KINDS_OF_MASS or unit.partition("/")[0] not in _GRAM_UNITS:
            factors[unit] = (num, den)
        elif basis is not None:
            salt_num, salt_den = _HEPTAHYDRATE_PER[basis]
            factors[unit] = (num * salt_num, den * salt_den)
    return factors


_FACTORS = {basis: {kind: _factors(kind, basis) for kind in UNITS} for basis in (None, *Basis)}


@dataclass(frozen=True, slots=True)
class Misread:
    """Why a text is not a quantity, for people."""

    reason: str


def read_quantity(text: str, kind: type[AnyQuantity], basis: Basis | None = None) -> AnyQuantity | Misread:
    """Read "100 mL" strictly: a plain decimal number above zero, one space, a unit of this kind."""
    match = _SHORT_QUANTITY.fullmatch(text)
    factor = None if match is None else _FACTORS[basis][kind].get(match[3])
    if match is None or factor is None:
        return _read_closely(text, kind, basis)
    whole, decimals, _ = match.groups()
    num, den = factor
    if decimals is None:
        num *= int(whole)
    else:
        num, den = num * int(whole + decimals), den * 10 ** len(decimals)
    return kind(num, den) if num else Misread("is zero")


def _read_closely(text: str, kind: type[AnyQuantity], basis: Basis | None) -> AnyQuantity | Misread:
    """A long number, or one that says why it is none."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[3] not in UNITS[kind]:
        return Misread(_why_unreadable(text, kind))
    whole, decimals, unit = match.groups()
    if len(whole) + len(decimals or "") > MAX_SIGNIFICANT_DIGITS and _significant(text) > MAX_SIGNIFICANT_DIGITS:
        return Misread(f"has more than {MAX_SIGNIFICANT_DIGITS} significant digits")
    if not int(whole + (decimals or "")):
        return Misread("is zero")
    factor = _FACTORS[basis][kind].get(unit)
    if factor is None:
        return Misread(f"is in {unit} without a basis; state heptahydrate, anhydrous or elemental")
    num, den = factor
    return kind(num * int(whole + (decimals or "")), den * 10 ** len(decimals or ""))


# What nearly every text is: its number has at most MAX_SIGNIFICANT_DIGITS, wherever the point stands.
_SHORT_QUANTITY = re.compile(r"(0|[1-9][0-9]{0,5})(?:\.([0-9]{1,6}))? (\S+)")
_QUANTITY = re.compile(r"(0|[1-9][0-9]{0,39})(?:\.([0-9]{1,40}))? (\S.*)")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_SLIPS = (
    (re.compile(r"[0-9.]*,[0-9.,]*"), "uses a comma; write a decimal point"),
    (re.compile(r"[0-9.]+[eE].*"), "uses an exponent; write the number out"),
    (re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE), "is not a finite number"),
    (re.compile(r"-.*"), "is negative"),
    (re.compile(r"\.[0-9]+"), "lacks the zero before the decimal point"),
    (re.compile(r"[0-9]+\."), "ends in a decimal point"),
    (re.compile(r"0[0-9]+.*"), "begins with a needless zero"),
)


def _significant(text: str) -> int:
    return len(text.partition(" ")[0].replace(".", "").lstrip("0"))


def _why_unreadable(text: str, kind: type[Quantity]) -> str:
    number, space, unit = text.partition(" ")
    if len(number) > MAX_NUMBER_LENGTH:
        return f"has a number of more than {MAX_NUMBER_LENGTH} characters"
    for slip, why in _SLIPS:
        if slip.fullmatch(number):
            return why
    if _NUMBER.fullmatch(number) is None:
        return "does not begin with a plain number and one space"
    if not space or not unit:
        return f"has no unit; write {_units_of(kind)} after one space"
    return _wrong_unit(unit, kind)


def _wrong_unit(unit: str, kind: type[Quantity]) -> str:
    for other, names in UNITS.items():
        if unit in names:
            return f"is in {unit}, a unit of {other.__name__}, not of {kind.__name__}; write {_units_of(kind)}"
    return f"has the unknown unit {unit!r}; write {_units_of(kind)}"


def _units_of(kind: type[Quantity]) -> str:
    return " or ".join(UNITS[kind])


# Physics: each line is exact.


def concentration(mass: Mass, volume: Volume) -> Concentration:
    return Concentration(mass.num * volume.den, mass.den * volume.num)


def mass_in(content: Concentration, volume: Volume) -> Mass:
    return Mass(content.num * volume.num, content.den * volume.den)


def dose_rate(content: Concentration, flow: FlowRate) -> DoseRate:
    return DoseRate(content.num * flow.num, content.den * flow.den)


def flow_for(rate: DoseRate, content: Concentration) -> FlowRate:
    return FlowRate(rate.num * content.den, rate.den * content.num)


def volume_after(flow: FlowRate, duration: Duration) -> Volume:
    return Volume(flow.num * duration.num, flow.den * duration.den * MS_PER_HOUR)


def time_to_give(volume: Volume, flow: FlowRate) -> Duration:
    return Duration(volume.num * flow.den * MS_PER_HOUR, volume.den * flow.num)


def mass_per_weight(mass: Mass, weight: BodyWeight) -> MassPerWeight:
    return MassPerWeight(mass.num * weight.den, mass.den * weight.num)
