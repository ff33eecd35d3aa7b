"""What a New Era pump keeps without power: address, mode, syringe, program, totals (docs/dialects/new_era.md).

Refuses to know commands and the motor. Numbers are thousandths, as the pump's own figures are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from protocols.new_era.figures import RATE_UNITS, VOLUME_UNITS

PHASES = 41
SMALL_SYRINGE_UM = 14_000  # up to this diameter volumes are in uL unless told otherwise
MIN_DIAMETER_UM, MAX_DIAMETER_UM = 100, 50_000
MAX_SPEED_MM_H = 51.005 * 60  # of the plunger, NE-1000
MIN_SPEED_MM_H = 0.04205


@dataclass(slots=True)
class Phase:
    """One step of the program. From the factory it pumps without end: whoever forgets the next one runs into it."""

    function: str = "RAT"
    rate: int = 1_000
    rate_unit: str = "MM"
    volume: int = 0  # 0: without end
    direction: str = "INF"

    @property
    def rate_nl_h(self) -> int:
        return self.rate * RATE_UNITS[self.rate_unit]


@dataclass(slots=True)
class Memory:
    """`safe_s` 0: basic mode. `zero_at`: motor position at which the infused total was cleared."""

    address: int = 0
    safe_s: int = 0
    diameter_um: int = 14_430
    volume_unit_told: str = ""
    phases: dict[int, Phase] = field(default_factory=dict[int, Phase])
    zero_at: int = 0

    def phase(self, number: int) -> Phase:
        """At most PHASES of them."""
        return self.phases.setdefault(number, Phase())

    @property
    def volume_unit(self) -> str:
        return self.volume_unit_told or ("UL" if self.diameter_um <= SMALL_SYRINGE_UM else "ML")

    def target_nl(self, phase: Phase) -> int:
        return phase.volume * VOLUME_UNITS[self.volume_unit]

    @property
    def max_nl_h(self) -> int:
        """The plunger's top speed in this barrel."""
        return int(self._area_mm2 * MAX_SPEED_MM_H * 1000)

    def can_pump(self, nl_h: int) -> bool:
        """Between the slowest and the fastest of the plunger in this barrel."""
        return self._area_mm2 * MIN_SPEED_MM_H * 1000 <= nl_h <= self.max_nl_h

    def wipe(self) -> None:
        """*RESET: program, mode and address as from the factory."""
        self.address = self.safe_s = 0
        self.phases.clear()

    @property
    def _area_mm2(self) -> float:
        return math.pi * (self.diameter_um / 2000) ** 2
