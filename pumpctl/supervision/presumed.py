"""What is presumed given when the past is lost: all that the caps allow.

Refuses to guess less. A retired journal may have held any dose, so from that instant every cap of the library counts as
used, for as long as its window reaches (hazards H69, H71).
"""

from __future__ import annotations

from pumpctl.core.exposure import Certainty, Segment
from pumpctl.core.limit import Measure
from pumpctl.core.quantity import Mass
from pumpctl.core.rules.finding import Severity
from pumpctl.supervision.ward import Ward

# D7 counts subcutaneous doses alone and D24 all routes: as one of these it fills both, for seven days and for one.
ROUTE = "sc"


def presume_used(ward: Ward, utc_ms: int) -> None:
    """Into the ledger of each patient of this daemon, at `utc_ms`: one more microgram than any cap allows."""
    used_ug = _largest_cap_ug(ward) + 1
    segments = [
        Segment(
            key=f"presumed:{patient_id}:{utc_ms}",
            patient_id=patient_id,
            order_digest="",
            occurrence=0,
            route=ROUTE,
            start_utc_ms=utc_ms,
            end_utc_ms=utc_ms,
            most_ug=used_ug,
            certainty=Certainty.COMMITTED,
        )
        for patient_id in sorted({channel.patient_id for channel in ward.channels.values()})
    ]
    ward.ledger = ward.ledger.with_segments(segments)


def _largest_cap_ug(ward: Ward) -> int:
    return max(
        limit.above.ceiling()
        for limit in ward.library.limits
        if limit.measure in {Measure.DOSE_24H, Measure.DOSE_7D}
        and limit.severity is Severity.HARD
        and isinstance(limit.above, Mass)
    )
