"""What people saw and measured on the patient: the newest of each kind, as exact figures.

Refuses to know limits. Of several seen at the same instant the worse one counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from pumpctl.core.order import Observation
from pumpctl.core.quantity import Duration, PerMinute, Pressure, Quantity, Volume
from pumpctl.core.rules.laboratory import Sample
from pumpctl.core.rules.sheet import Sheet

PRESENT, ABSENT = "present", "absent"
# Q25: what must have been looked at shortly before an intravenous start
SIGNS = ("patellar_reflex", "breathing_rate", "systolic_pressure", "heart_rate")


@dataclass(frozen=True, slots=True)
class Bedside:
    """`figures`: newest by kind. `seen_utc_ms`: when each kind was last seen, the reflex too."""

    reflex: str | None
    figures: dict[str, Sample]
    seen_utc_ms: dict[str, int]


def read_bedside(sheet: Sheet, observations: tuple[Observation, ...] | None) -> Bedside:
    if not observations:
        return _NOTHING_SEEN
    reflexes: list[tuple[int, str]] = []
    figures: dict[str, Sample] = {}
    seen: dict[str, int] = {}
    for index, told in enumerate(observations):
        sheet.part = f"observations[{index}]."
        utc_ms = sheet.past_instant("at", told.at)
        if told.kind == "patellar_reflex":
            is_read = told.value in (PRESENT, ABSENT)
            if not is_read:
                sheet.add("U01", "value", "is neither present nor absent", told.value)
            elif utc_ms is not None:
                reflexes.append((utc_ms, told.value or ""))
        else:
            value = sheet.quantity("value", told.value, _KIND_OF[told.kind])
            is_read = value is not None
            if value is not None and utc_ms is not None:
                figures[told.kind] = _worse(told.kind, figures.get(told.kind), Sample(value, utc_ms, told.value or ""))
        if is_read and utc_ms is not None:
            seen[told.kind] = max(utc_ms, seen.get(told.kind, utc_ms))
    reflexes.sort(key=lambda each: (each[0], each[1] == ABSENT))
    return Bedside(reflexes[-1][1] if reflexes else None, figures, seen)


_KIND_OF: dict[str, type[Quantity]] = {
    "breathing_rate": PerMinute,
    "systolic_pressure": Pressure,
    "baseline_systolic_pressure": Pressure,
    "heart_rate": PerMinute,
    "urine": Volume,
    "qtc": Duration,
}
_HIGH_IS_WORSE = frozenset({"baseline_systolic_pressure", "qtc"})  # a high baseline makes a fall larger
_NOTHING_SEEN = Bedside(None, {}, {})


def _worse(kind: str, known: Sample | None, new: Sample) -> Sample:
    """The newer one; of two equally new the worse."""
    if known is None or new.utc_ms > known.utc_ms:
        return new
    if new.utc_ms < known.utc_ms:
        return known
    return max(known, new, key=_value) if kind in _HIGH_IS_WORSE else min(known, new, key=_value)


def _value(sample: Sample) -> Quantity:
    return sample.value
