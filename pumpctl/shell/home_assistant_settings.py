"""Whether Home Assistant is told of the pumps, under which name of its own, and of which pumps.

Refuses to know what it is told of each, and a prefix that a broker would read as a pattern.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from protocols.mqtt.home_assistant import PREFIX, Pump, announcements
from protocols.mqtt.topics import Announcement, Topics
from pumpctl import __version__
from pumpctl.configuration import ControllerConfiguration, Mode


class HomeAssistantSettings(BaseModel):
    """`prefix`: the discovery prefix in Home Assistant's MQTT settings. The table alone, empty, is enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}$")] = PREFIX


def announced(
    settings: HomeAssistantSettings | None, topics: Topics, configuration: ControllerConfiguration
) -> tuple[Announcement, ...]:
    """What Home Assistant is told of the pumps; nothing where nobody asked for it."""
    if settings is None:
        return ()
    simulated = configuration.mode is Mode.RIG
    pumps = [Pump(each.name, each.dialect, each.serial, simulated) for each in configuration.channels]
    return announcements(topics, pumps, __version__, settings.prefix)
