"""How long a battery lasts. Refuses to know pumps: life and charge are arguments.

An even discharge down to the level at which pumps of this kind stop by themselves. Real ones are off by a quarter
either way, which is why a start asks for twice what it needs (hazard H63; Open PCA's own estimate is +-25 %).
"""

from __future__ import annotations

from pumpctl.core.instant import MS_PER_H

EMPTY_PERMILLE = 50  # the pump's own battery_empty (reference pump, SPEC.md's alarm 7)
CRITICAL_PERMILLE = 80  # stopped in an orderly way before that (project)


def battery_runs_ms(charge_permille: int, life_h: int) -> int:
    """From this charge until it is empty, for a battery that lasts `life_h` from full to nothing."""
    return max(0, charge_permille - EMPTY_PERMILLE) * life_h * MS_PER_H // 1000
