"""The dialects that this daemon speaks. Refuses an unknown name with the known ones."""

from __future__ import annotations

from collections.abc import Callable

from pumpctl.drivers.companion import CompanionDriver
from pumpctl.drivers.pump import Driver

DIALECTS: dict[str, Callable[[], Driver]] = {"companion": CompanionDriver}


class UnknownDialect(ValueError):
    """No driver has this name."""


def driver_for(dialect: str) -> Driver:
    """A fresh driver of that dialect."""
    if dialect not in DIALECTS:
        raise UnknownDialect(f"dialect {dialect!r} is unknown; known: {', '.join(sorted(DIALECTS))}")
    return DIALECTS[dialect]()
