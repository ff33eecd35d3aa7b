"""The names of the MQTT topics, all of them in one place.

Refuses to know what is told there and to make a name that a broker would read as a pattern. A base keeps our topics
apart from other programs', an instance one daemon from another; a channel's name is unique in its daemon alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BASE = "pumpctl"
HOME_ASSISTANT_STATUS = "homeassistant/status"  # what Home Assistant says of itself: its birth message is "online"
ONLINE, OFFLINE = "online", "offline"

_BASE = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,3}")
_LEVEL = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Announcement:
    """A retained message that does not change in a daemon's life: told on each connection, and when it is asked for."""

    topic: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one daemon. ValueError for a name that is more or less than whole levels."""

    base: str
    instance: str

    def __post_init__(self) -> None:
        if _BASE.fullmatch(self.base) is None:
            raise ValueError(f"an MQTT base is one to four names between slashes, not {self.base!r}")
        _level(self.instance)

    @property
    def availability(self) -> str:
        """`online` or `offline`: the daemon at the broker."""
        return f"{self.base}/{self.instance}/availability"

    @property
    def audit_head(self) -> str:
        """The head of the journal's hash chain."""
        return f"{self.base}/{self.instance}/audit-head"

    def state(self, channel: str) -> str:
        """The newest state of one pump."""
        return self._of(channel, "state")

    def link(self, channel: str) -> str:
        """`up` or `down`: the pump at the daemon."""
        return self._of(channel, "link")

    def event(self, channel: str) -> str:
        """What was recorded of one pump, one record a message."""
        return self._of(channel, "event")

    def alarm(self, channel: str, code: str) -> str:
        """One active alarm of one pump; empty when it has ended."""
        return self._of(channel, f"alarm/{_level(code)}")

    def _of(self, channel: str, leaf: str) -> str:
        return f"{self.base}/{_level(channel)}/{leaf}"


def _level(name: str) -> str:
    if _LEVEL.fullmatch(name) is None:
        raise ValueError(f"not one level of an MQTT topic: {name!r}")
    return name
