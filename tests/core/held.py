"""What a ledger holds of one patient in its fullest window, for tests that ask it of a ledger alone.

Refuses to judge: pumpctl/core/rules/windows.py does that, with the order's own doses beside these.
"""

from __future__ import annotations

from pumpctl.core.exposure import Ledger, largest_in_window
from pumpctl.core.units import Mass


def held(ledger: Ledger, patient_id: str, window_ms: int, from_utc_ms: int) -> Mass:
    """The largest mass in any window (t - window_ms, t] that ends at or after `from_utc_ms`, by every route."""
    pieces = [
        (segment.start_utc_ms, segment.end_utc_ms, segment.most_ug, segment.at_once)
        for segment in ledger.segments
        if segment.patient_id == patient_id
    ]
    return Mass(*largest_in_window(pieces, window_ms, from_utc_ms))
