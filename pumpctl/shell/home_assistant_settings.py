"""Whether Home Assistant is told of the pumps, and under which name of its own.

Refuses to know what it is told, and a prefix that a broker would read as a pattern.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from protocols.mqtt.home_assistant import PREFIX


class HomeAssistantSettings(BaseModel):
    """`prefix`: the discovery prefix in Home Assistant's MQTT settings. The table alone, empty, is enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}$")] = PREFIX
