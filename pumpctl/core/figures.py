"""How a number is shown to a person: leading zero, no trailing zero, unit last.

Refuses to know what the number means. Nothing that decides reads a text made here.
"""

from __future__ import annotations

from pumpctl.core.units import UNITS, Quantity

EXACT_DIGITS = 6  # a number that ends within so many digits is shown whole
FEWEST_DIGITS = 3
MOST_DIGITS = 15


def figure(value: Quantity, unit: str) -> str:
    """For instance "3.33 mg/min"."""
    return f"{_digits(*_in_unit(value, unit), FEWEST_DIGITS)} {unit}"


def figure_against(value: Quantity, limit: Quantity, unit: str) -> str:
    """As figure(), with as many digits as it takes to look different from a different limit."""
    shown_limit = figure(limit, unit)
    for digits in range(FEWEST_DIGITS, MOST_DIGITS + 1):
        shown = f"{_digits(*_in_unit(value, unit), digits)} {unit}"
        if shown != shown_limit or value == limit:
            return shown
    return f"{shown_limit} and a little"


def _in_unit(value: Quantity, unit: str) -> tuple[int, int]:
    num, den = UNITS[type(value)][unit]
    return value.num * den, value.den * num


def _digits(num: int, den: int, significant: int) -> str:
    whole, rest = divmod(num, den)
    if rest == 0 and whole < 10**EXACT_DIGITS:
        return str(whole)
    exact = num * 10**EXACT_DIGITS
    if exact % den == 0 and len(str(exact // den).rstrip("0")) <= EXACT_DIGITS:
        return _point(exact // den, EXACT_DIGITS)
    places = max(0, significant - _magnitude(num, den))
    return _point((2 * num * 10**places + den) // (2 * den), places)


def _magnitude(num: int, den: int) -> int:
    """How many digits stand before the decimal point; negative counts the zeros after it."""
    if num >= den:
        return len(str(num // den))
    places = 0
    while num and num * 10 < den and places < MOST_DIGITS:
        num *= 10
        places += 1
    return -places


def _point(scaled: int, places: int) -> str:
    text = str(scaled).rjust(places + 1, "0")
    whole, decimals = (text[:-places], text[-places:]) if places else (text, "")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole
