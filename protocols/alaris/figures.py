"""Numbers as the Alaris protocol writes them, exactly: text to integers and back.

Refuses to round: a value that the text cannot hold, or a text finer than our unit, is an error and says whose.
"""

from __future__ import annotations

import re

from protocols.errors import LocalProtocolError, RemoteProtocolError

RATE_STEP_UL_H = 10  # two decimals of ml/h: set with `3.50`, and `0.1` was echoed as `0.10`
VOLUME_STEP_UL = 1  # three decimals of ml
_DECIMAL = re.compile(r"(-?)([0-9]{1,7})(?:\.([0-9]{1,6}))?", re.ASCII)
MORE_THAN_A_DAY = "24+"


def rate_text(flow_rate_ul_h: int) -> str:
    """ml/h with two decimals."""
    if flow_rate_ul_h < 0 or flow_rate_ul_h % RATE_STEP_UL_H:
        raise LocalProtocolError(f"{flow_rate_ul_h} uL/h cannot be written in steps of {RATE_STEP_UL_H}")
    whole, rest = divmod(flow_rate_ul_h // RATE_STEP_UL_H, 100)
    return f"{whole}.{rest:02}"


def volume_text(volume_ul: int) -> str:
    """ml with three decimals."""
    if volume_ul < 0:
        raise LocalProtocolError(f"{volume_ul} uL is no volume")
    whole, rest = divmod(volume_ul, 1000)
    return f"{whole}.{rest:03}"


def hundredths_text(hundredths: int) -> str:
    """Two decimals, as a pressure has them; may be negative."""
    whole, rest = divmod(abs(hundredths), 100)
    return f"{'-' if hundredths < 0 else ''}{whole}.{rest:02}"


def thousandths(text: str) -> int:
    """A decimal in thousandths of its unit (ml/h in uL/h, ml in uL): the pump's own number and no other."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise RemoteProtocolError(f"{text!r} is not a decimal")
    fraction = found[3] or ""
    if fraction[3:].strip("0"):
        raise RemoteProtocolError(f"{text!r} is finer than a thousandth")
    value = int(found[2]) * 1000 + int(fraction[:3].ljust(3, "0"))
    return -value if found[1] else value


def not_negative(text: str) -> int:
    """thousandths() of what cannot be less than nothing."""
    value = thousandths(text)
    if value < 0 or text.startswith("-"):
        raise RemoteProtocolError(f"{text!r} is less than nothing")
    return value


def time_left_text(left_ms: int) -> str:
    """`00:04:09`, or `24+`."""
    seconds = left_ms // 1000
    if seconds >= 24 * 3600:
        return MORE_THAN_A_DAY
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}"
