"""The bag and the first piece of the fluid path: what a turn of the rotor, or free flow, really draws.

Refuses to know pressure. Volume moved by the rotor first takes up the slack of a fresh set, then draws from the bag,
then runs dry. Free flow draws from the same bag beside it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draw:
    """The three parts of one displacement, in the order in which they happen, and what flowed freely beside, in uL.

    `stretches`: seconds, and what entered the line evenly in them."""

    slack_ul: float
    wet_ul: float
    dry_ul: float
    siphoned_ul: float
    stretches: tuple[tuple[float, float], ...]


def draw(displaced_ul: float, slack_left_ul: float, content_ul: float, turning_s: float, elapsed_s: float) -> Draw:
    """Split what the rotor displaced evenly over the first `turning_s` of `elapsed_s`."""
    if displaced_ul == 0.0:
        return Draw(0.0, 0.0, 0.0, 0.0, ((elapsed_s, 0.0),))
    slack_ul = min(displaced_ul, slack_left_ul)
    wet_ul = min(displaced_ul - slack_ul, content_ul)
    dry_ul = displaced_ul - slack_ul - wet_ul
    if wet_ul == displaced_ul and turning_s == elapsed_s:
        return Draw(0.0, wet_ul, 0.0, 0.0, ((elapsed_s, wet_ul),))
    s_per_ul = turning_s / displaced_ul
    parts = ((slack_ul * s_per_ul, 0.0), (wet_ul * s_per_ul, wet_ul), (dry_ul * s_per_ul, 0.0))
    stretches = (*(part for part in parts if part[0]), (elapsed_s - turning_s, 0.0))
    return Draw(slack_ul, wet_ul, dry_ul, 0.0, stretches)


def draw_beside_siphon(
    displaced_ul: float,
    slack_left_ul: float,
    content_ul: float,
    turning_s: float,
    elapsed_s: float,
    siphon_ul_s: float,
) -> Draw:
    """The same while the bag also runs out freely."""
    rotor_ul_s = displaced_ul / turning_s if turning_s else 0.0
    slack_ul = min(displaced_ul, slack_left_ul)
    slack_s = slack_ul / rotor_ul_s if rotor_ul_s else 0.0
    wet_ul = dry_ul = siphoned_ul = 0.0
    stretches: list[tuple[float, float]] = []
    spans = ((slack_s, 0.0), (turning_s - slack_s, rotor_ul_s), (elapsed_s - turning_s, 0.0))
    for span_s, turned_ul_s in spans:
        inflow_ul_s = turned_ul_s + siphon_ul_s
        fed_s = max(0.0, min(span_s, (content_ul - wet_ul - siphoned_ul) / inflow_ul_s))
        wet_ul += turned_ul_s * fed_s
        siphoned_ul += siphon_ul_s * fed_s
        dry_ul += turned_ul_s * (span_s - fed_s)
        stretches += [(fed_s, inflow_ul_s * fed_s), (span_s - fed_s, 0.0)]
    return Draw(slack_ul, wet_ul, dry_ul, siphoned_ul, tuple(stretches))
