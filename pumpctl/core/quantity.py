"""The kinds of quantity, exact: pairs of integers, compared by cross-multiplication.

Refuses to know how any of them is written (units.py reads them) and how they depend on each other.
No float, and no rounding but where a function's name says so.
"""

from __future__ import annotations

from math import gcd
from typing import Final, Self


class Quantity:
    """num / den of the base unit that the subclass names; never negative, never changed.

    Written out and not as a frozen dataclass: a check makes some fifty of them, which would cost it a quarter more.
    """

    __slots__ = ("den", "num")
    num: Final[int]
    den: Final[int]

    def __init__(self, num: int, den: int = 1) -> None:
        if num < 0 or den <= 0:
            raise ValueError(f"{type(self).__name__} cannot be {num}/{den}")
        self.num = num
        self.den = den

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num}, {self.den})"

    def _difference(self, other: Self) -> int:
        if type(self) is not type(other):
            raise TypeError(f"cannot compare {type(self).__name__} with {type(other).__name__}")
        return self.num * other.den - other.num * self.den

    def __lt__(self, other: Self) -> bool:
        return self._difference(other) < 0

    def __le__(self, other: Self) -> bool:
        return self._difference(other) <= 0

    def __gt__(self, other: Self) -> bool:
        return self._difference(other) > 0

    def __ge__(self, other: Self) -> bool:
        return self._difference(other) >= 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._difference(other) == 0

    def __hash__(self) -> int:
        shared = gcd(self.num, self.den)
        return hash((type(self), self.num // shared, self.den // shared))

    def floor(self) -> int:
        """Whole base units, rounded down."""
        return self.num // self.den

    def ceiling(self) -> int:
        """Whole base units, rounded up."""
        return -(-self.num // self.den)

    def floor_to_step(self, step: int) -> int:
        """Whole base units, rounded down to a multiple of `step`."""
        return self.num // (self.den * step) * step

    def plus(self, other: Self) -> Self:
        return type(self)(self.num * other.den + other.num * self.den, self.den * other.den)

    def differs_by_more_than_percent(self, other: Self, percent: int) -> bool:
        """|self - other| > percent % of other, exactly."""
        if type(self) is not type(other):
            raise TypeError(f"cannot compare {type(self).__name__} with {type(other).__name__}")
        reference = other.num * self.den
        return 100 * abs(self.num * other.den - reference) > percent * reference


class Mass(Quantity):
    """ug of magnesium sulfate heptahydrate."""

    __slots__ = ()


class Volume(Quantity):
    """uL."""

    __slots__ = ()


class Duration(Quantity):
    """ms."""

    __slots__ = ()


class FlowRate(Quantity):
    """uL/h."""

    __slots__ = ()


class DoseRate(Quantity):
    """ug/h of heptahydrate."""

    __slots__ = ()


class Concentration(Quantity):
    """ug/uL (that is mg/mL) of heptahydrate."""

    __slots__ = ()


class Clearance(Quantity):
    """mL/min of creatinine clearance."""

    __slots__ = ()


class SerumMagnesium(Quantity):
    """mmol/L."""

    __slots__ = ()


class Osmolarity(Quantity):
    """mOsm/L."""

    __slots__ = ()


class Count(Quantity):
    """How many, for instance starts of an infusion."""

    __slots__ = ()


class Potassium(Quantity):
    """mmol/L."""

    __slots__ = ()


class Calcium(Quantity):
    """mmol/L."""

    __slots__ = ()


class Creatinine(Quantity):
    """umol/L."""

    __slots__ = ()


class Percent(Quantity):
    """%, for instance of a rise."""

    __slots__ = ()


class PerMinute(Quantity):
    """breaths or beats per minute."""

    __slots__ = ()


class Pressure(Quantity):
    """mmHg."""

    __slots__ = ()


class BodyWeight(Quantity):
    """g."""

    __slots__ = ()


class Age(Quantity):
    """months."""

    __slots__ = ()


class VolumePerDay(Quantity):
    """mL/d."""

    __slots__ = ()


class MassPerDay(Quantity):
    """ug/d of another medicine."""

    __slots__ = ()


class MassPerWeight(Quantity):
    """mg of heptahydrate per kg of body weight."""

    __slots__ = ()
