"""The dialects that this daemon speaks. Refuses an unknown name with the known ones."""

from __future__ import annotations

from collections.abc import Callable

from pumpctl.configuration import ChannelConfiguration
from pumpctl.drivers.alaris import AlarisDriver
from pumpctl.drivers.companion import CompanionDriver
from pumpctl.drivers.miva import MivaDriver
from pumpctl.drivers.new_era import NewEraDriver
from pumpctl.drivers.pump import Driver


class UnknownDialect(ValueError):
    """No driver has this name."""


def _new_era(channel: ChannelConfiguration) -> Driver:
    if channel.new_era is None:
        raise UnknownDialect(f"channel {channel.name}: new_era needs to be told its address, syringe and mode")
    return NewEraDriver(channel.new_era, channel.serial)


DIALECTS: dict[str, Callable[[ChannelConfiguration], Driver]] = {
    "companion": lambda _: CompanionDriver(),
    "alaris": lambda _: AlarisDriver(),
    "miva": lambda _: MivaDriver(),
    "new_era": _new_era,
}


def driver_for(channel: ChannelConfiguration) -> Driver:
    """A fresh driver of that channel's dialect."""
    if channel.dialect not in DIALECTS:
        raise UnknownDialect(f"dialect {channel.dialect!r} is unknown; known: {', '.join(sorted(DIALECTS))}")
    return DIALECTS[channel.dialect](channel)
