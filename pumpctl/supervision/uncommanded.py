"""Volume that nobody commanded: a siphon, a bolus or a prime at the pump's own keys, a drip after the end.

Refuses to guess where it went: whatever moved outside a program went into the patient of the channel, at the highest
concentration that may hang there, all of it at the last instant that it can have moved (hazards H06, H16, H20). While
a program of ours may be running, its own account counts instead (delivered.py reads the same counters).
"""

from __future__ import annotations

from typing import Any

from pumpctl.core.delivered import Counters
from pumpctl.core.exposure import D7_MS, Certainty, Segment
from pumpctl.core.instant import MS_PER_H
from pumpctl.core.interlocks import WALL_STEP_LIMIT_MS
from pumpctl.core.limit import Measure
from pumpctl.core.program import Program
from pumpctl.core.rules.finding import Severity
from pumpctl.core.units import Concentration, Volume, mass_in
from pumpctl.drivers.pump import StatusRead
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.program_record import counters_body
from pumpctl.supervision.ward import Ward

# Any magnesium route of this library counts over 24 h; subcutaneous doses count over 7 days as well (D24, D7).
WORST_ROUTE = "sc"


def moved_uncommanded_ul(channel: Channel, counters: Counters) -> int:
    """Since the pump was last read as still. A pump switched on anew counts from zero: all that it shows has moved."""
    base = channel.still_base
    if base is None:
        return 0
    if base.boot_count != counters.boot_count:
        base = Counters(counters.boot_count, 0, 0, None if counters.flow_ul is None else 0)
    return max(0, counters.since(base)[1])


def book_uncommanded(ward: Ward, channel: Channel, status: StatusRead, out: Outbox) -> None:
    """Into the ledger with what moved; from here it is counted anew."""
    moved_ul = moved_uncommanded_ul(channel, status.counters)
    channel.still_base = status.counters
    if channel.priming is not None and channel.priming.sent_ns is not None:
        # A person said that nobody is connected: what was asked for went into the line, what came after it did not.
        primed_ul = min(moved_ul, channel.priming.volume_ul)
        moved_ul -= primed_ul
        if moved_ul == 0:  # else the dose's own record names the counters: a torn tail must not keep them and lose it
            record_primed(channel, primed_ul, status, out)
    channel.priming = None
    if moved_ul == 0:
        return
    program, concentration = _hanging(ward, channel)
    accuracy = channel.identity.capability.accuracy_permille if channel.identity else 1000
    most_ul = -(-moved_ul * (1000 + accuracy) // 1000)
    body = {
        "channel": channel.name,
        "patient_id": channel.patient_id,
        "route": program.route if program else WORST_ROUTE,
        "order": program.order_digest if program else "",
        "occurrence": program.occurrence if program else 0,
        "moved_ul": moved_ul,
        "most_ug": mass_in(concentration, Volume(most_ul)).ceiling(),
        "counters": counters_body(status.counters),
    }
    add_external(ward, body, out.now.utc_ms)
    out.record("external_dose", body)


def record_primed(channel: Channel, moved_ul: int, status: StatusRead, out: Outbox) -> None:
    """The end of a prime, and where the counters stood: the next life must not find this volume and book it."""
    counters = counters_body(status.counters)
    out.record("primed", {"channel": channel.name, "moved_ul": moved_ul, "counters": counters})


def add_external(ward: Ward, body: dict[str, Any], utc_ms: int) -> None:
    """Into the ledger, new or from its record. What comes within an hour is one segment: a siphon must not fill it."""
    key = f"external:{body['channel']}:{utc_ms // MS_PER_H}"
    for place, span in enumerate(_when(ward, body, utc_ms)):
        known = next((segment for segment in ward.ledger.segments if segment.key == f"{key}:{place}"), None)
        start, end = span if known is None else _together(known, span)
        segment = Segment(
            key=f"{key}:{place}",
            patient_id=body["patient_id"],
            order_digest=body["order"],
            occurrence=body["occurrence"],
            route=body["route"],
            start_utc_ms=start,
            end_utc_ms=end,
            most_ug=body["most_ug"] + (known.most_ug if known else 0),
            # How much is certain; an uncertain segment would refuse every further start as unresolved (S02).
            certainty=Certainty.COMMITTED if start == end else Certainty.UNDATED,
        )
        ward.ledger = ward.ledger.with_segment(segment)


def _together(known: Segment, span: tuple[int, int]) -> tuple[int, int]:
    """Two doses as one: all of it at the later instant, or at some time in what both span."""
    start, end = span
    if start == end >= known.end_utc_ms and not known.at_once:
        return span
    return min(start, known.start_utc_ms), max(end, known.end_utc_ms)


def _when(ward: Ward, body: dict[str, Any], utc_ms: int) -> tuple[tuple[int, int], ...]:
    """The spans in which it came. While the wall clock stands moved it may be right before the move or after it (H40).

    Two instants further apart than any window are two doses to the ledger: it never counts both. Not before what it
    followed: that began where the ledger says, and an earlier instant would make it look longer ago (S03).
    """
    if abs(ward.wall_step_ms) <= WALL_STEP_LIMIT_MS:
        return ((utc_ms, utc_ms),)
    starts = ward.ledger.starts_utc_ms(body["patient_id"], body["route"])
    began = starts.get((body["order"], body["occurrence"]), 0)
    earlier, later = sorted(max(began, instant) for instant in (utc_ms, utc_ms - ward.wall_step_ms))
    return ((earlier, later),) if later - earlier <= D7_MS else ((earlier, earlier), (later, later))


def _hanging(ward: Ward, channel: Channel) -> tuple[Program | None, Concentration]:
    """The last program that ran here (its occurrence has begun, so this is no further start), and the strongest bag."""
    ran = channel.last_account[0] if channel.last_account else None
    loaded = channel.infusion.program if channel.infusion else None
    known = [program.concentration for program in (ran, loaded) if program is not None]
    return ran, max(known) if known else strongest(ward)


def strongest(ward: Ward) -> Concentration:
    """Nothing stronger may hang on any pump of this library (L02, L03)."""
    return max(
        limit.above
        for limit in ward.library.limits
        if limit.measure is Measure.CONCENTRATION
        and limit.severity is Severity.HARD
        and isinstance(limit.above, Concentration)
    )
