"""What the daemon leaves to chance: link sessions, the epoch of a new journal, the spread of retries and answers.

Refuses to know what they are for. Nothing that decides draws a number; who needs one is handed it from here.
"""

from __future__ import annotations

import secrets  # noqa: TID251 (this file is the door)

from pumpctl.shell.anchor import EPOCH_BYTES


def fresh_session() -> int:
    """A link session: 32 bits other than 0 (SPEC.md section 2)."""
    return secrets.randbits(32) or 1


def fresh_epoch() -> bytes:
    """The name of a new journal, so that no other journal continues it."""
    return secrets.token_bytes(EPOCH_BYTES)


def spread(delay_s: float) -> float:
    """Between half and all of `delay_s`: retries of many daemons do not fall on one instant."""
    return delay_s * (500 + secrets.randbelow(501)) / 1000


def birth_delay_s() -> float:
    """1 to 10 s: a Home Assistant that has just come up takes nothing at once, and many daemons share a broker."""
    return 1 + secrets.randbelow(9001) / 1000
