"""Three controls to try the trials on: one that a test watches, one that nobody does, one whose absence is an error.

Refuses to know anything of the product.
"""

from __future__ import annotations

from tests.removal.__main__ import remove
from tests.removal.stand_ins import of_functions

CASES = "tests/removal/doctored_cases.py"


def watched(value: int) -> str | None:
    return "too much" if value > 10 else None


def unwatched(value: int) -> str | None:
    return "too little" if value < 1 else None


def leant_on(value: int) -> str:
    return f"{value} it is"


def verdict(value: int) -> tuple[str, ...]:
    return tuple(found for each in CONTROLS if (found := each(value)) is not None)


def loud(value: int) -> str:
    """What the product makes of it; without the control there is nothing to make anything of."""
    return leant_on(value).upper()


CONTROLS = (watched, unwatched)


def main() -> int:
    controls = of_functions("doctored", ((each.__name__, each) for each in (*CONTROLS, leant_on)))
    return remove((controls,), [""], (CASES,), as_json=False)
