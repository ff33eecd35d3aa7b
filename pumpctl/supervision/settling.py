"""The account of one program: how much went into the patient, written once.

Refuses to know why it ended. Uncertain counts as delivered: a program whose counters cannot be
read any more is booked in full (hazards.md rule 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pumpctl.core.alerts import ALERT_CODES
from pumpctl.core.delivered import Delivered
from pumpctl.core.exposure import H24_MS, Certainty, Segment
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.program import Program
from pumpctl.supervision.alarms import end_alarm
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.program_record import counters_body, program_body
from pumpctl.supervision.uncommanded import book_uncommanded
from pumpctl.supervision.ward import Ward

# Longer than any window (7 d) and than any order's course (35 d, U07): what is older decides nothing any more.
KEPT_MS = 36 * H24_MS
COMPLETED, STOPPED = "completed", "stopped"
LONGEST_PAUSE_MS = H24_MS  # no route may be resumed after so long (S05)
# Alarms about one program's way into the pump, and back: they end with it.
OF_THE_PROGRAM = ("dosing_unconfirmed", "start_refused", "next_phase_waits", "pause_refused", "keypad_change")


@dataclass(frozen=True, slots=True)
class Span:
    """When a dose was given, by the calendar of its start."""

    started_utc_ms: int
    ended_utc_ms: int
    certainty: Certainty


def commit(ward: Ward, infusion: Infusion, accuracy_permille: int, started_utc_ms: int) -> None:
    """From the intent on, the occurrence counts against every window: all its programs, one after the
    other, each with the most that the pump's accuracy allows (I3: the ledger never under-counts)."""
    start = started_utc_ms
    ward.ledger = ward.ledger.since(started_utc_ms - KEPT_MS)
    for program in (infusion.program, *infusion.remaining):
        end = start + program.expected_duration.ceiling()
        most_ul = -(-program.vtbi_ul * (1000 + accuracy_permille) // 1000)
        ward.ledger = ward.ledger.with_segment(_segment(program, start, end, most_ul, Certainty.RUNNING))
        start = end


def doubt(ward: Ward, infusion: Infusion) -> None:
    """Nobody knows whether or when it ran: it counts in full wherever it may touch."""
    key = infusion.program_id.hex()
    doubted = (replace(s, certainty=Certainty.UNCERTAIN) for s in ward.ledger.segments if s.key == key)
    ward.ledger = ward.ledger.with_segments(doubted)


def withdraw(ward: Ward, infusion: Infusion) -> None:
    """The program provably never moved, and what was to follow it never will: nothing to count."""
    forget(ward, (infusion.program, *infusion.remaining))


def forget(ward: Ward, programs: tuple[Program, ...]) -> None:
    """Programs that will not be given."""
    for program in programs:
        ward.ledger = ward.ledger.without(program.program_id.hex())


def settle(ward: Ward, channel: Channel, how: str, out: Outbox) -> None:
    """Close the account of the channel's program, if it may have started; forget the program."""
    infusion, delivered = channel.infusion, channel.infusion.delivered if channel.infusion else None
    _count_from_here(ward, channel, out)
    for code in (*OF_THE_PROGRAM, *ALERT_CODES):
        end_alarm(channel, code, out)
    channel.infusion, channel.read_back_equal, channel.program_sent = None, False, False
    channel.awaiting_since_ns, channel.pause_wanted = None, False
    channel.window, channel.excess, channel.pausing_since_ns = None, 0, None
    channel.lease_until_uptime_ms, channel.lease_ends_ns = None, None
    if infusion is None:
        return
    if delivered is None:
        withdraw(ward, infusion)
        return
    if how != COMPLETED:
        forget(ward, infusion.remaining)
    span = _span(infusion, out.now)
    least, most = delivered.least_ul, _most_ul(channel, delivered, out.now)
    book(ward, infusion.program, span, most)
    channel.last_account = (infusion.program, least, most)
    times = {"started_ms": span.started_utc_ms, "ended_ms": span.ended_utc_ms, "certainty": span.certainty.value}
    account = {"least_ul": least, "most_ul": most, **times, "how": how}
    body = {"channel": channel.name, "program": program_body(infusion.program), **account}
    if channel.still_base is not None:
        body["counters"] = counters_body(channel.still_base)
    out.record("settled", body)


def _most_ul(channel: Channel, delivered: Delivered, now: Now) -> int:
    """A pump that lost its past (another power-on) cannot be read again: the whole VTBI counts."""
    if channel.status is not None and channel.status.counters.boot_count != delivered.base.boot_count:
        return delivered.most_unread_ul
    return delivered.most_ul(now.therapy_ns)


def _count_from_here(ward: Ward, channel: Channel, out: Outbox) -> None:
    """What the last status shows is in the program's account, or else moved without one; the rest moves without one."""
    status, delivered = channel.status, channel.infusion.delivered if channel.infusion else None
    if status is None:
        return
    if delivered is not None and delivered.base.boot_count == status.counters.boot_count:
        channel.still_base = status.counters
        return
    if delivered is not None:
        channel.still_base = delivered.base
    book_uncommanded(ward, channel, status, out)


def book(ward: Ward, program: Program, span: Span, most_ul: int) -> None:
    """The one settlement of this dose: replaces what was committed for it."""
    segment = _segment(program, span.started_utc_ms, span.ended_utc_ms, most_ul, span.certainty)
    ward.ledger = ward.ledger.with_segment(segment)


def longest_ms(program: Program) -> int:
    """No longer than this is a program under way, its pauses included."""
    return program.expected_duration.ceiling() + LONGEST_PAUSE_MS


def _span(infusion: Infusion, now: Now) -> Span:
    """From the start on, as long as the clock says that nobody can set (H40).

    What was out of sight for longer than the program takes was given at some time in between; so was what only the
    wall clock could date, and cannot.
    """
    started = infusion.started_utc_ms or now.utc_ms
    longest = longest_ms(infusion.program)
    if not infusion.is_dated:
        return Span(started, started + longest, Certainty.UNDATED)
    elapsed = (now.therapy_ns - infusion.began_therapy_ns) // NS_PER_MS
    usual = infusion.program.expected_duration.ceiling() * 5 // 4
    certainty = Certainty.COMMITTED if elapsed <= usual else Certainty.UNDATED
    return Span(started, started + min(max(elapsed, 1), longest), certainty)


def _segment(program: Program, start_ms: int, end_ms: int, most_ul: int, certainty: Certainty) -> Segment:
    return Segment(
        key=program.program_id.hex(),
        patient_id=program.patient_id,
        order_digest=program.order_digest,
        occurrence=program.occurrence,
        route=program.route,
        start_utc_ms=start_ms,
        end_utc_ms=end_ms,
        most_ug=program.dose_after_ul(most_ul).ceiling(),
        certainty=certainty,
    )
