"""The bag and the first piece of the fluid path: what a turn of the rotor really draws.

Refuses to know pressure and time. Volume moved by the rotor first takes up the slack of a fresh set, then
draws from the bag, then runs dry.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draw:
    """The three parts of one displacement, in the order in which they happen, in uL."""

    slack_ul: float
    wet_ul: float
    dry_ul: float


def draw(displaced_ul: float, slack_left_ul: float, content_ul: float) -> Draw:
    """Split what the rotor displaced."""
    slack_ul = min(displaced_ul, slack_left_ul)
    wet_ul = min(displaced_ul - slack_ul, content_ul)
    return Draw(slack_ul, wet_ul, displaced_ul - slack_ul - wet_ul)
