"""Laboratory results of an order as exact samples.

Refuses to know limits. Of several results drawn at the same instant the worse one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pumpctl.core.order import Result
from pumpctl.core.quantity import Calcium, Clearance, Creatinine, Potassium, Quantity, SerumMagnesium
from pumpctl.core.rules.sheet import Sheet


@dataclass(slots=True)  # Final and not frozen: finding.py says why
class Sample:
    """A value and when it was drawn or seen; for people also as it was written."""

    value: Final[Quantity]
    utc_ms: Final[int]
    text: Final[str]
    infusion_arm: Final[bool] = False


@dataclass(slots=True)
class Laboratory:
    """The newest clearance and magnesium, and every readable sample of each kind, oldest first."""

    clearance: Final[Sample | None]
    serum_magnesium: Final[Sample | None]
    series: Final[dict[str, list[Sample]]]


def read_laboratory(sheet: Sheet, results: tuple[Result, ...]) -> Laboratory:
    read: dict[str, list[Sample]] = {}
    for index, result in enumerate(results):
        sheet.part = f"results[{index}]."
        utc_ms = sheet.past_instant("at", result.at)
        value = sheet.quantity("value", result.value, _KIND_OF[result.kind])
        if value is not None and utc_ms is not None:
            sample = Sample(value, utc_ms, result.value or "", result.infusion_arm is True)
            read.setdefault(result.kind, []).append(sample)
    for samples in read.values():
        if len(samples) > 1:
            samples.sort(key=_when)
    return Laboratory(
        clearance=_lowest(_newest(read.get("creatinine_clearance"))),
        serum_magnesium=_highest(_newest(read.get("magnesium"))),
        series=read,
    )


_KIND_OF: dict[str, type[Quantity]] = {
    "creatinine_clearance": Clearance,
    "magnesium": SerumMagnesium,
    "potassium": Potassium,
    "calcium": Calcium,
    "creatinine": Creatinine,
}


def _when(sample: Sample) -> int:
    return sample.utc_ms


def _newest(samples: list[Sample] | None) -> list[Sample]:
    """All that were drawn at the last instant; `samples` is sorted."""
    if samples is None or len(samples) < 2:
        return samples or []
    last_ms = samples[-1].utc_ms
    return [sample for sample in samples if sample.utc_ms == last_ms]


def _lowest(samples: list[Sample]) -> Sample | None:
    return min(samples, key=_value, default=None)


def _highest(samples: list[Sample]) -> Sample | None:
    return max(samples, key=_value, default=None)


def _value(sample: Sample) -> Quantity:
    return sample.value
