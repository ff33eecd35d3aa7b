"""The battery: an even discharge off the mains, full on it.

Refuses to know what the pump does with the figure.
"""

from __future__ import annotations

from simulator.instant import NS_PER_H

FULL_PERMILLE = 1000.0


def discharge(charge_permille: float, elapsed_ns: int, life_h: int, *, on_mains: bool) -> float:
    """The charge after that time."""
    if on_mains:
        return FULL_PERMILLE
    return max(0.0, charge_permille - FULL_PERMILLE * elapsed_ns / (life_h * NS_PER_H))


def falls_after_ns(charge_permille: float, level_permille: int, life_h: int, *, on_mains: bool) -> int | None:
    """When the charge has fallen to the level; None when it never does or already has."""
    if on_mains or charge_permille <= level_permille:
        return None
    return int((charge_permille - level_permille) / FULL_PERMILLE * life_h * NS_PER_H) + 1
