"""The line between pump and patient: a small elastic volume and a resistance.

Refuses to know why fluid comes in. With an even inflow the stored volume follows one exponential, so any
stretch of time costs one step and is exact; nothing here depends on how often somebody looks.
Occluded, it stores all that comes: the alarm is due after occlusion volume / flow, and the stored volume
is the bolus of the release.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """What a stretch of time did to the line, in uL."""

    stored_ul: float
    left_ul: float


def pass_through(
    stored_ul: float, inflow_ul: float, elapsed_s: float, time_constant_s: float, *, occluded: bool
) -> Passage:
    """Let `inflow_ul` in evenly over `elapsed_s`."""
    if occluded:
        return Passage(stored_ul + inflow_ul, 0.0)
    if elapsed_s <= 0.0:
        return Passage(stored_ul + inflow_ul, 0.0)
    settled_ul = inflow_ul / elapsed_s * time_constant_s
    now_ul = settled_ul + (stored_ul - settled_ul) * math.exp(-elapsed_s / time_constant_s)
    return Passage(now_ul, stored_ul + inflow_ul - now_ul)


def fills_after_s(
    stored_ul: float, level_ul: float, inflow_ul_s: float, time_constant_s: float, *, occluded: bool
) -> float | None:
    """When the stored volume rises to `level_ul`; None when it never does."""
    if stored_ul >= level_ul or inflow_ul_s <= 0.0:
        return None
    if occluded:
        return (level_ul - stored_ul) / inflow_ul_s
    settled_ul = inflow_ul_s * time_constant_s
    if settled_ul <= level_ul:
        return None
    return time_constant_s * math.log((settled_ul - stored_ul) / (settled_ul - level_ul))


def outflow_ul_s(stored_ul: float, time_constant_s: float, *, occluded: bool) -> float:
    """What the patient gets at this instant."""
    return 0.0 if occluded else stored_ul / time_constant_s
