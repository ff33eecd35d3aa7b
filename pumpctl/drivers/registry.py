"""The dialects that this daemon speaks. Refuses an unknown name with the known ones."""

from __future__ import annotations

from collections.abc import Callable

from pumpctl.configuration import ChannelConfiguration
from pumpctl.drivers.alaris import AlarisDriver
from pumpctl.drivers.companion import CompanionDriver
from pumpctl.drivers.miva import MivaDriver
from pumpctl.drivers.pump import Driver

DIALECTS: dict[str, Callable[[ChannelConfiguration], Driver]] = {
    "companion": lambda _: CompanionDriver(),
    "alaris": lambda _: AlarisDriver(),
    "miva": lambda _: MivaDriver(),
}


class UnknownDialect(ValueError):
    """No driver has this name."""


def driver_for(channel: ChannelConfiguration) -> Driver:
    """A fresh driver of that channel's dialect."""
    if channel.dialect not in DIALECTS:
        raise UnknownDialect(f"dialect {channel.dialect!r} is unknown; known: {', '.join(sorted(DIALECTS))}")
    return DIALECTS[channel.dialect](channel)
