"""What the guard and those who talk to it must agree on: file names, limits, one JSON object a message.

Refuses to know what the messages mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

SOCKET_NAME = "stop.sock"
LOCK_NAME = "guard.lock"
SLOT_NAME = "guard.slot"
PORCH_NAME = "guard.sock"

PORCH_DESCRIPTORS = 3  # message socket, heartbeat pipe, the daemon's pidfd

MESSAGE_LIMIT_BYTES = 4096  # two frames of at most 256 bytes in hex, names, punctuation: with room to spare
FRAME_LIMIT_BYTES = 256  # SPEC.md section 1: an encoded frame is at most 255 bytes
CHANNEL_LIMIT = 256  # the settings let a daemon have no more


def encode(message: Mapping[str, object]) -> bytes:
    """One line, ASCII, no line break inside."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, object]:
    """The JSON object of a line, or an empty one: the caller's `match` refuses whatever it does not know."""
    try:
        body: object = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", body) if isinstance(body, dict) else {}
