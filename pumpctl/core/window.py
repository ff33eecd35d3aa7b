"""How long volume is watched before it is judged. Refuses to judge it: that is the interlocks' (interlocks.py)."""

from __future__ import annotations

from pumpctl.core.instant import MS_PER_H, NS_PER_MS

# hazards.md rule 4: a window must fit the volume increment.
WINDOW_INCREMENTS = 20


def window_ns(flow_ul_h: int, volume_step_ul: int, poll_therapy_ns: int) -> int:
    """Therapy time: two polls, or until 20 increments are due at this flow, whichever is longer."""
    increments_ns = -(-WINDOW_INCREMENTS * volume_step_ul * MS_PER_H * NS_PER_MS // max(1, flow_ul_h))
    return max(2 * poll_therapy_ns, increments_ns)


def excess_after(before: int, moved_ul: int, due_ul_h: int, lasted_ns: int, accuracy_permille: int) -> int:
    """How far the volume is ahead of the flow and the declared accuracy, summed up; never below nothing.

    EXCESS_PER_UL a microlitre, so that nothing is rounded however many windows there are. A pump that keeps to its
    accuracy comes back to nothing again and again; one that does not only rises (hazard H02).
    """
    due = due_ul_h * lasted_ns * (1000 + accuracy_permille)
    return max(0, before + moved_ul * EXCESS_PER_UL - due)


EXCESS_PER_UL = 1000 * MS_PER_H * NS_PER_MS
