"""Numbers as a New Era pump writes them: at most four digits, at most three of them behind the point.

Refuses to round: what four digits cannot hold is an error of ours. Everything is a whole number of thousandths, so
mm become um, mL/h become uL/h, and flows and volumes in any of the pump's units become whole nL.
"""

from __future__ import annotations

import re

from protocols.errors import LocalProtocolError, RemoteProtocolError

MAX_THOUSANDTHS = 9_999_000
_NUMBER = re.compile(r"([0-9]{0,4})(?:\.([0-9]{0,3}))?")
_WITH_UNIT = re.compile(r"([0-9.]+)([A-Z]{2})")
_DISPENSED = re.compile(r"I([0-9.]+)W([0-9.]+)(UL|ML)")
# What a thousandth is: of UH nL/h, of MH uL/h, of UM nL/min, of MM uL/min; in nL/h.
RATE_UNITS = {"UH": 1, "MH": 1_000, "UM": 60, "MM": 60_000}
VOLUME_UNITS = {"UL": 1, "ML": 1_000}  # in nL


def thousandths(text: str) -> int:
    """The number that this text is. Raises RemoteProtocolError when the pump could not have meant it."""
    found = _NUMBER.fullmatch(text)
    if found is None or not 1 <= sum(letter.isdigit() for letter in text) <= 4:
        raise RemoteProtocolError(f"not a number of this pump: {text!r}")
    whole, behind = found.group(1) or "0", found.group(2) or ""
    return int(whole) * 1000 + int(behind.ljust(3, "0"))


def number_text(value: int) -> str:
    """Exactly this many thousandths, as short as can be. Raises LocalProtocolError when four digits cannot hold it."""
    whole, behind = divmod(value, 1000)
    text = str(whole)
    if behind:
        text += f".{behind:03}".rstrip("0")
    if not 0 <= value <= MAX_THOUSANDTHS or sum(letter.isdigit() for letter in text) > 4:
        raise LocalProtocolError(f"{value} thousandths do not fit into four digits")
    return text


def shown_text(value: int) -> str:
    """As the pump shows it: four digits with a point in each, what does not fit cut off, 9999. at most."""
    whole, behind = divmod(min(value, MAX_THOUSANDTHS), 1000)
    return f"{whole}.{f'{behind:03}'[: max(0, 4 - len(str(whole)))]}"


def rate_nl_h(text: str) -> int:
    """`25.50MH` as nL/h."""
    return _with_unit(text, RATE_UNITS)


def volume_nl(text: str) -> int:
    """`12.50ML` as nL."""
    return _with_unit(text, VOLUME_UNITS)


def dispensed_nl(text: str) -> tuple[int, int]:
    """`I1.250W0.000ML`: infused and withdrawn, as nL."""
    found = _DISPENSED.fullmatch(text)
    if found is None:
        raise RemoteProtocolError(f"not what DIS answers: {text!r}")
    unit = VOLUME_UNITS[found.group(3)]
    return thousandths(found.group(1)) * unit, thousandths(found.group(2)) * unit


def _with_unit(text: str, units: dict[str, int]) -> int:
    found = _WITH_UNIT.fullmatch(text)
    if found is None or found.group(2) not in units:
        raise RemoteProtocolError(f"not a number with its unit: {text!r}")
    return thousandths(found.group(1)) * units[found.group(2)]
