"""A FHIR Quantity and the text "2 g", each way.

Refuses to judge the number: it goes through as it was written, and what no unit table knows goes
through marked, so that the rules refuse it with all the rest (U01).
"""

from __future__ import annotations

import re

from pumpctl.core.schedule import read_instant
from pumpctl.core.units import Misread
from pumpctl.intake.fhir.codes import SPELLINGS, UCUM, UCUM_OF, UNITS
from pumpctl.intake.fhir.element import Element, FhirRefused, shown
from pumpctl.intake.fhir.json_text import Number
from pumpctl.intake.fhir.sheet import Answer

Json = dict[str, object]


def read_quantity(quantity: Element) -> str:
    """The native text. A comparator would make "above 90" into 90."""
    number = quantity.number("value")
    if number is None:
        raise FhirRefused(quantity.at("value"), "is missing", "give the number, or leave the quantity out")
    if "comparator" in quantity:
        why = "makes the value a bound, and a bound is not a value"
        raise FhirRefused(quantity.at("comparator"), why, "give the measured value")
    unit, system, code = quantity.text("unit"), quantity.text("system"), quantity.text("code")
    if system == UCUM and code in UNITS:
        if unit is not None and unit not in {code, UNITS[code]} | SPELLINGS.get(code, frozenset()):
            raise FhirRefused(quantity.at("unit"), f"says {shown(unit)} and the code says {code}", "make them agree")
        return f"{number} {UNITS[code]}"
    written = code or unit
    return str(number) if written is None else f"{number} {written} (not a UCUM code in use here)"


def read_ratio(ratio: Element) -> tuple[str, str]:
    """Numerator and denominator, each a native text."""
    parts: list[str] = []
    for key in ("numerator", "denominator"):
        quantity = ratio.child(key)
        if quantity is None:
            raise FhirRefused(ratio.at(key), "is missing", "give both parts of the ratio")
        parts.append(read_quantity(quantity))
    return parts[0], parts[1]


def instant(answers: dict[str, Answer], path: str) -> str | None:
    """Takes a date and time with its offset; anything else stays, FHIR has no such dateTime."""
    text = answers.get(path)
    if not isinstance(text, str) or isinstance(read_instant(text), Misread):
        return None
    del answers[path]
    return text


def quantity(text: str) -> Json | None:
    """The Quantity for a native text, or None when it is not a plain number with a unit that UCUM has."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in UCUM_OF:
        return None
    return {"value": Number(match[1]), "unit": match[2], "system": UCUM, "code": UCUM_OF[match[2]]}


_QUANTITY = re.compile(r"((?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,30})?) (\S+)")
