"""Overrides as people give them beside an order or a check: RULE=PERSON:reason.

Refuses to decide whether one applies: it is bound to the values seen, and the verdict says.
"""

from __future__ import annotations

import re
from typing import Any

from pumpctl.core.order import MAX_OVERRIDES, Override
from pumpctl.core.reason import Reason
from pumpctl.core.validation import Verdict, bind
from pumpctl.supervision.requests import USAGE, Refusal, Wish

_OVERRIDE = re.compile(r"(?P<rule>[A-Z][A-Z0-9]*[a-z]?)=(?P<person>[^:]{1,200}):(?P<reason>.{1,200})")


def override_texts(wish: Wish) -> tuple[str, ...]:
    """The request's overrides, each of the right form."""
    given: Any = wish.params.get("overrides") or []
    if not isinstance(given, list) or len(given) > MAX_OVERRIDES:  # pyright: ignore[reportUnknownArgumentType]
        raise Refusal(USAGE, (Reason("bad_parameter", f"overrides must be a list of at most {MAX_OVERRIDES}"),))
    texts = tuple(str(each) for each in given)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    for each in texts:
        if _OVERRIDE.fullmatch(each) is None:
            raise Refusal(USAGE, (Reason("bad_parameter", f"{each!r} is not RULE=PERSON:reason"),))
    return texts


def bound_overrides(seen: Verdict, texts: tuple[str, ...]) -> tuple[Override, ...]:
    """Bound to the values of this verdict; a rule that has nothing to override there binds nothing."""
    matches = [match for each in texts if (match := _OVERRIDE.fullmatch(each)) is not None]
    return tuple(
        override
        for match in matches
        for override in bind(seen, match["rule"], match["person"].strip(), match["reason"].strip())
    )
