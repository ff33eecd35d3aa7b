"""Slips of the pen and of the keyboard in a figure, its unit, its basis or its place (clinical.md section 6).

Refuses to know what a slip does to the order. Each mutator changes a situation in place and says whether it could.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random
from typing import Any, TypeAlias, cast

from tests.fuzz.situation import Situation, number_text

Mutator: TypeAlias = Callable[[Random, Situation], bool]
Place: TypeAlias = tuple[dict[str, Any], str]

_FIGURES = """
dose dose_again dose_rate volume duration flow content final_volume base_volume concentration value weight age per_day
"""
_UNITS = "g mg ug mmol mEq mL L mL/h mL/min mg/mL h min s d kg y mmol/L mg/dL mEq/L umol/L mcg ml hours"
FIGURES = frozenset(_FIGURES.split())
UNITS = _UNITS.split()
BASES = ("heptahydrate", "anhydrous", "elemental", "sulfate", None)
SAME: dict[str, tuple[tuple[str, Fraction], ...]] = {
    "g": (("mg", Fraction(1000)), ("ug", Fraction(1_000_000))),
    "mg": (("g", Fraction(1, 1000)),),
    "mmol": (("mEq", Fraction(2)),),
    "mEq": (("mmol", Fraction(1, 2)),),
    "mL": (("L", Fraction(1, 1000)),),
    "h": (("min", Fraction(60)), ("s", Fraction(3600)), ("d", Fraction(1, 24))),
    "min": (("h", Fraction(1, 60)), ("s", Fraction(60))),
    "mmol/L": (("mg/dL", Fraction("2.4305")), ("mEq/L", Fraction(2))),
}


def scaled(rng: Random, situation: Situation) -> bool:
    """A decimal point that slipped."""
    return _each(rng, situation, lambda number: number * Fraction(rng.choice(("0.1", "10", "100", "0.01", "2", "0.5"))))


def nudged(rng: Random, situation: Situation) -> bool:
    """Inside the 1 % that U02 allows, or just outside."""
    factor = rng.choice(("1.009", "0.991", "1.011", "0.989", "1.001", "0.999", "1.01", "0.99", "1.000001"))
    return _each(rng, situation, lambda number: number * Fraction(factor))


def bounced(rng: Random, situation: Situation) -> bool:
    """4.8 becomes 44.8."""
    return _typed(rng, situation, lambda digits, at: digits[:at] + digits[at] + digits[at:])


def dropped(rng: Random, situation: Situation) -> bool:
    return _typed(rng, situation, lambda digits, at: digits[:at] + digits[at + 1 :])


def overwritten(rng: Random, situation: Situation) -> bool:
    return _typed(rng, situation, lambda digits, at: digits[:at] + rng.choice("0123456789") + digits[at + 1 :])


def malformed(rng: Random, situation: Situation) -> bool:
    """What U01 names, and its neighbours."""
    forms: tuple[Callable[[str], str], ...] = (
        lambda text: text.replace(".", ",") if "." in text else text.replace(" ", ",0 ", 1),
        lambda text: text.replace(" ", "e0 ", 1),
        lambda text: text.replace(" ", "E1 ", 1),
        lambda text: f"-{text}",
        lambda text: f"+{text}",
        lambda text: f"0{text}",
        lambda text: f"0 {text.partition(' ')[2]}",
        lambda text: f"nan {text.partition(' ')[2]}",
        lambda text: f"inf {text.partition(' ')[2]}",
        lambda text: text.partition(" ")[0],
        lambda text: text.replace(" ", ""),
        lambda text: text.replace(" ", "  "),
        lambda text: text.replace(" ", ".0000000000001 ", 1),
        lambda text: f"{text} ",
        lambda text: text.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
        lambda text: text.upper(),
        lambda text: f"{text}; {text}",
        lambda text: text[:0],
    )
    return _written(rng, situation, rng.choice(forms))


def other_unit(rng: Random, situation: Situation) -> bool:
    """The same number with another unit: 16 g for 16 mEq."""
    return _written(rng, situation, lambda text: f"{text.partition(' ')[0]} {rng.choice(UNITS)}")


def converted(rng: Random, situation: Situation) -> bool:
    """The same amount in another unit: nothing is wrong with it."""

    def convert(text: str) -> str:
        number, _, unit = text.partition(" ")
        choices = SAME.get(unit)
        if not choices or not _is_number(number):
            return text
        other, factor = rng.choice(choices)
        return f"{number_text(Fraction(number) * factor)} {other}"

    return _written(rng, situation, convert)


def other_basis(rng: Random, situation: Situation) -> bool:
    product = situation.order.setdefault("product", {})
    product["basis"] = rng.choice([basis for basis in BASES if basis != product.get("basis")])
    return True


def swapped(rng: Random, situation: Situation) -> bool:
    """The VTBI in the rate field, the dose in the volume field: two texts, or two numbers under their own units."""
    phase = rng.choice(situation.order["phases"])
    one, other = rng.sample(("dose", "volume", "duration", "flow"), 2)
    if not isinstance(phase.get(one), str) or not isinstance(phase.get(other), str):
        return False
    if rng.random() < 0.3:
        phase[one], phase[other] = phase[other], phase[one]
        return True
    (number, _, unit), (number_2, _, unit_2) = phase[one].partition(" "), phase[other].partition(" ")
    phase[one], phase[other] = f"{number_2} {unit}", f"{number} {unit_2}"
    return True


def consistent_slip(rng: Random, situation: Situation) -> bool:
    """The whole phase ten times faster, larger or stronger, so that its figures still agree with each other."""
    phase = rng.choice(situation.order["phases"])
    factor = Fraction(rng.choice(("10", "2", "0.1", "0.5", "1.2", "0.8", "1.05")))
    bag: dict[str, Any] = phase.get("bag") or {}
    faster: list[tuple[Place, Fraction]] = [((phase, "flow"), factor), ((phase, "duration"), 1 / factor)]
    stronger: list[tuple[Place, Fraction]] = [
        ((phase, "dose"), factor),
        ((bag, "content"), factor),
        ((bag, "concentration"), factor),
    ]
    weaker: list[tuple[Place, Fraction]] = [
        ((phase, "volume"), factor),
        ((phase, "flow"), factor),
        ((bag, "final_volume"), factor),
        ((bag, "concentration"), 1 / factor),
    ]
    longer: list[tuple[Place, Fraction]] = [
        ((phase, "dose"), factor),
        ((bag, "content"), factor),
        ((bag, "final_volume"), factor),
        ((phase, "volume"), factor),
        ((phase, "duration"), factor),
    ]
    changed = [_scale(place, by) for place, by in rng.choice((faster, stronger, weaker, longer))]
    return any(changed)


def said_again(rng: Random, situation: Situation) -> bool:
    """The dose, or its rate, stated a second time: right, or slipped."""
    phase = rng.choice(situation.order["phases"])
    text = phase.get("dose")
    if not isinstance(text, str) or not _is_number(text.partition(" ")[0]):
        return False
    number, _, unit = text.partition(" ")
    slip = Fraction(rng.choice(("1", "1", "1.005", "1.02", "2", "10")))
    if unit in SAME and rng.random() < 0.6:
        other, factor = rng.choice(SAME[unit])
        phase["dose_again"] = f"{number_text(Fraction(number) * factor * slip)} {other}"
    else:
        phase["dose_rate"] = f"{number_text(slip * 3)} {rng.choice(('mg/min', 'mmol/h', 'mg/h'))}"
    return True


FIGURE_MUTATORS: tuple[Mutator, ...] = (
    *(scaled, nudged, nudged, bounced, dropped, overwritten, malformed, other_unit),
    *(converted, converted, other_basis, swapped, consistent_slip, consistent_slip, said_again),
)


def tables(content: object) -> Iterator[dict[str, Any]]:
    """Every table inside, in the order they are written."""
    inside: list[object] = []
    if isinstance(content, dict):
        inside.extend(cast("dict[str, object]", content).values())
    elif isinstance(content, list):
        inside.extend(cast("list[object]", content))
    for one in inside:
        if isinstance(one, dict):
            yield cast("dict[str, Any]", one)
        yield from tables(cast("object", one))


def places(order: dict[str, Any], keys: frozenset[str]) -> list[Place]:
    """Every key of these names, anywhere in the order."""
    return [(table, key) for table in (order, *tables(order)) for key in table if key in keys]


def _written(rng: Random, situation: Situation, change: Callable[[str], str]) -> bool:
    found = [(at, key) for at, key in places(situation.order, FIGURES) if isinstance(at[key], str)]
    if not found:
        return False
    at, key = rng.choice(found)
    before, at[key] = at[key], change(at[key])
    return at[key] != before


def _each(rng: Random, situation: Situation, change: Callable[[Fraction], Fraction]) -> bool:
    def write(text: str) -> str:
        number, space, unit = text.partition(" ")
        return f"{number_text(change(Fraction(number)))}{space}{unit}" if _is_number(number) else text

    return _written(rng, situation, write)


def _typed(rng: Random, situation: Situation, change: Callable[[str, int], str]) -> bool:
    def write(text: str) -> str:
        number, space, unit = text.partition(" ")
        return f"{change(number, rng.randrange(len(number)))}{space}{unit}" if number else text

    return _written(rng, situation, write)


def _scale(place: Place, factor: Fraction) -> bool:
    at, key = place
    text = at.get(key)
    number, _, unit = text.partition(" ") if isinstance(text, str) else ("", "", "")
    if not _is_number(number):
        return False
    at[key] = f"{number_text(Fraction(number) * factor)} {unit}"
    return True


def _is_number(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdigit()
