"""The rows of the drug library as controls: each compiled limit in turn finds nothing.

Refuses to know what a row limits. A row is known by what stands in it: tests read the library as often as they like.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import cast

from pumpctl.core.library import Library
from pumpctl.core.limit import Limit
from pumpctl.core.quantity import Quantity
from pumpctl.core.rules.patient import CASE_MEASURES
from tests.removal.control import Control, Fired, Group
from tests.removal.stand_ins import as_it_is, silenced, stand_in

FILE = "protocols/therapy/magnesium_sulfate.toml"


def group(library: Library) -> Group:
    controls = tuple(Control(name, FILE, lambda name=name: _disable(name)) for name in map(name_of, library.limits))
    return Group("library rows", controls, _watch)


def measures() -> Group:
    """What is measured of the patient and over time: heard where a row of the library on it is broken."""
    named = tuple((f"measure {m.value}", cast("FunctionType", function)) for m, function in CASE_MEASURES.items())
    controls = tuple(silenced(name, "pumpctl/core/rules/patient.py", each, list[Quantity]) for name, each in named)

    def watch(fired: Fired) -> None:
        def tell(limit: Limit) -> bool:
            fired(f"measure {limit.measure.value}")
            return True

        _when_broken(tell)

    return Group("decisions", controls, watch)


def name_of(limit: Limit) -> str:
    """Two rows of one name would be one row written twice (test_listing.py)."""
    profiles = "+".join(sorted(limit.profiles))
    return f"{limit.rule} {limit.measure.value} {limit.severity.value} {limit.text} ({limit.when.value}; {profiles})"


def _watch(fired: Fired) -> None:
    def tell(limit: Limit) -> bool:
        fired(name_of(limit))
        return True

    _when_broken(tell)


def _disable(name: str) -> None:
    def is_another(limit: Limit) -> bool:
        return name_of(limit) != name

    _when_broken(is_another)


def _when_broken(still: Callable[[Limit], bool]) -> None:
    """A limit that is broken is so only if `still` says so, too."""
    is_broken = cast("FunctionType", Limit.is_broken)
    original = as_it_is(is_broken)

    def broken(limit: Limit, most: Quantity, least: Quantity) -> bool:
        return bool(original(limit, most, least)) and still(limit)

    stand_in(is_broken, broken)
