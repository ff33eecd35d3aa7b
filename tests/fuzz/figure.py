"""What a figure of an order says, read the second time: text to an exact number in one unit.

Refuses to know how pumpctl reads a figure (pumpctl/core/units.py): written from clinical.md section 1 and rules U01
and T02 alone, in fractions. A figure that cannot be read is an Unread, never a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

MAX_SIGNIFICANT_DIGITS = 12  # U01
G_PER_MOL = {"heptahydrate": Fraction("246.47"), "anhydrous": Fraction("120.37"), "elemental": Fraction("24.305")}
MG_PER_DL_OF_ONE_MMOL_PER_L = Fraction("2.4305")  # magnesium, section 1
CREATININE_UMOL_PER_L_OF_ONE_MG_PER_DL = Fraction("88.42")  # 113.12 g/mol

MASS_MG = {"g": Fraction(1000), "mg": Fraction(1), "ug": Fraction(1, 1000)}
AMOUNT_MMOL = {"mmol": Fraction(1), "mEq": Fraction(1, 2)}  # magnesium carries two charges
VOLUME_ML = {"mL": Fraction(1), "ml": Fraction(1), "L": Fraction(1000), "l": Fraction(1000)}
DURATION_MIN = {"s": Fraction(1, 60), "min": Fraction(1), "h": Fraction(60), "d": Fraction(1440)}
FLOW_ML_H = {"mL/h": Fraction(1)}
CONCENTRATION_MG_ML = {"mg/mL": Fraction(1)}
DOSE_RATE_MG_MIN = {"mg/min": Fraction(1), "mg/h": Fraction(1, 60), "g/h": Fraction(1000, 60)}
DOSE_RATE_MMOL_MIN = {"mmol/h": Fraction(1, 60), "mEq/h": Fraction(1, 120)}
VOLUME_ML_DAY = {"mL/d": Fraction(1), "L/d": Fraction(1000)}
QTC_MS = {"ms": Fraction(1)}
CLEARANCE_ML_MIN = {"mL/min": Fraction(1)}
MAGNESIUM_MMOL_L = {
    "mmol/L": Fraction(1),
    "mg/dL": 1 / MG_PER_DL_OF_ONE_MMOL_PER_L,
    "mEq/L": Fraction(1, 2),
}
ELECTROLYTE_MMOL_L = {"mmol/L": Fraction(1), "mEq/L": Fraction(1), "mg/dL": Fraction(1)}  # presence is all they decide
CREATININE_UMOL_L = {"umol/L": Fraction(1), "mg/dL": CREATININE_UMOL_PER_L_OF_ONE_MG_PER_DL}
AGE_YEARS = {"y": Fraction(1)}
WEIGHT_KG = {"kg": Fraction(1), "g": Fraction(1, 1000)}


@dataclass(frozen=True, slots=True)
class Unread:
    """Stated, and not a figure of the kind that belongs there (U01), or not an instant (T02)."""

    why: str


Figure: TypeAlias = Fraction | Unread | None  # None: not stated

_FIGURE = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)? (\S+)")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def read(text: str | None, units: dict[str, Fraction], *, zero_allowed: bool = False) -> Figure:
    """The figure in the unit whose factor is 1."""
    if text is None:
        return None
    found = _FIGURE.fullmatch(text)
    if found is None:
        return Unread("not a plain number, one space and a unit")
    number, unit = text.split(" ")
    if len(number.replace(".", "").lstrip("0")) > MAX_SIGNIFICANT_DIGITS:
        return Unread("more than 12 significant digits")
    if unit not in units:
        return Unread("no unit that belongs here")
    value = Fraction(number) * units[unit]
    return value if value or zero_allowed else Unread("zero")


def read_amount_mmol(text: str | None, basis: str | None) -> Figure:
    """A dose. A mass needs a basis, mmol and mEq need none (section 1)."""
    amount = read(text, AMOUNT_MMOL)
    return amount if isinstance(amount, Fraction) else _in_mmol(read(text, MASS_MG), basis)


def read_concentration_mmol_ml(text: str | None, basis: str | None) -> Figure:
    """A stated concentration is a mass per volume, so it needs the basis too."""
    return _in_mmol(read(text, CONCENTRATION_MG_ML), basis)


def read_dose_rate_mmol_min(text: str | None, basis: str | None) -> Figure:
    rate = read(text, DOSE_RATE_MMOL_MIN)
    return rate if isinstance(rate, Fraction) else _in_mmol(read(text, DOSE_RATE_MG_MIN), basis)


def _in_mmol(mass_mg: Figure, basis: str | None) -> Figure:
    if not isinstance(mass_mg, Fraction):
        return mass_mg
    return mass_mg / G_PER_MOL[basis] if basis in G_PER_MOL else Unread("a mass without its basis")


def heptahydrate_mg(amount_mmol: Fraction) -> Fraction:
    """Every limit in g or mg is heptahydrate mass (section 1)."""
    return amount_mmol * G_PER_MOL["heptahydrate"]


@lru_cache(maxsize=4096)
def read_instant_us(text: str | None) -> int | Unread | None:
    """Microseconds since 1970 UTC. A time without an offset is no instant (T02)."""
    if text is None:
        return None
    if not _INSTANT.fullmatch(text):
        return Unread("not a date and time with a UTC offset")
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _US
    except (ValueError, OverflowError):
        return Unread("no such date or time")
