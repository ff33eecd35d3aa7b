"""Which channels may have one port: New Era pumps in safe mode at different addresses, no more than the line can serve.

Refuses every other sharing: on a line without addresses, bytes meant for one pump reach the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pumpctl.shell.new_era_settings import NewEraSettings

SLOWEST_BAUD = 19_200  # below it a STOP alone takes longer than supervision/line.py leaves for it
# docs/dialects/new_era.md section 7: the status of an infusing pump, and its thinking before each of three replies.
STATUS_BITS, THINKS_US = 720, 30_000
LONGEST_ROUND_US = 1_500_000  # half of what silence is told after (supervision/silence.py)


class OnAPort(Protocol):
    """What of a channel's settings its neighbours on the line must agree with."""

    @property
    def name(self) -> str: ...
    @property
    def dialect(self) -> str: ...
    @property
    def port(self) -> str: ...
    @property
    def baud(self) -> int: ...
    @property
    def new_era(self) -> NewEraSettings | None: ...


def most_on_a_line(baud: int) -> int:
    """So many pumps have their status read within LONGEST_ROUND_US."""
    return LONGEST_ROUND_US // (STATUS_BITS * 1_000_000 // baud + THINKS_US)


def why_not_together(channels: Sequence[OnAPort]) -> str | None:
    """What is wrong with two channels of one port; None when all may be as they are."""
    for port in dict.fromkeys(channel.port for channel in channels):
        here = [channel for channel in channels if channel.port == port]
        if len(here) > 1 and (reason := _why_not(here)) is not None:
            return f"channel: {', '.join(c.name for c in here[:3])} have the same port {port}: {reason}"
    return None


def _why_not(here: Sequence[OnAPort]) -> str | None:
    setups = [channel.new_era for channel in here if channel.new_era is not None]
    if len(setups) < len(here):
        return "only pumps of dialect new_era can share a line"
    addresses = [setup.address for setup in setups]
    if len(set(addresses)) < len(addresses):
        return "each needs an address of its own in [channel.new_era]"
    basic = [c.name for c, s in zip(here, setups, strict=True) if not s.safe_mode_s]
    if basic:
        # What ends a half line before a STOP is itself a request there, and the pump of address 0 would answer it.
        return f"in basic mode one pump's STOP disturbs another; set safe_mode_s in [channel.new_era] of {basic[0]}"
    if len({(c.baud, s.simulated) for c, s in zip(here, setups, strict=True)}) > 1:
        return "baud and simulated must be the same for all"
    baud = here[0].baud
    if baud < SLOWEST_BAUD:
        return f"a shared line needs {SLOWEST_BAUD} baud at least, so that a STOP leaves at once"
    if len(here) > most_on_a_line(baud):
        return f"at {baud} baud at most {most_on_a_line(baud)} can be asked often enough, not {len(here)}"
    return None
