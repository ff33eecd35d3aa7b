"""The dose ledger: how much of the salt a patient may have had, and when.

Refuses to know limits, orders and pumps. A segment holds the MOST that it may have delivered,
spread evenly over its time; an uncertain or undated one counts in full wherever its time touches a
window, since nobody knows when it ran (clinical.md section 1). Windows are half-open, (t - W, t], and
the maximum over all t is exact: the sum is linear between the instants where a segment enters
or leaves, so only those are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from math import lcm
from typing import TypeAlias

MAX_SEGMENTS = 4096  # a year of daily infusions in several parts; more means that nobody prunes
H24_MS = 24 * 3_600_000
D7_MS = 7 * H24_MS


class Certainty(Enum):
    """How a segment is known. UNCERTAIN and UNDATED change the arithmetic: Segment.at_once."""

    COMMITTED = "committed"
    RUNNING = "running"
    UNCERTAIN = "uncertain"
    UNDATED = "undated"  # given and over, but nobody knows when between its start and its end
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Segment:
    """`key` names it: a segment with the same key replaces it. Equal start and end: given at once."""

    key: str
    patient_id: str
    order_digest: str
    occurrence: int
    route: str
    start_utc_ms: int
    end_utc_ms: int
    most_ug: int
    certainty: Certainty

    def __post_init__(self) -> None:
        if self.most_ug < 0 or self.end_utc_ms < self.start_utc_ms:
            raise ValueError(f"segment {self.key}: ends before it starts, or a negative mass")

    @property
    def at_once(self) -> bool:
        """Whether all of it may have come at any one instant of its time."""
        return self.certainty is Certainty.UNCERTAIN or self.certainty is Certainty.UNDATED


# (start, end, most, uncertain): an amount spread evenly from start to end, or one that may all have come at any
# instant between them.
Piece: TypeAlias = tuple[int, int, int, bool]


class LedgerFull(Exception):
    """More segments than the ledger's bound: nothing may be forgotten, so nothing may be added."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A value: every change is a new ledger."""

    segments: tuple[Segment, ...] = ()

    def with_segment(self, segment: Segment) -> Ledger:
        """Add the segment, or replace the one of the same key."""
        return self.with_segments((segment,))

    def with_segments(self, segments: Iterable[Segment]) -> Ledger:
        by_key = {segment.key: segment for segment in self.segments}
        by_key.update((segment.key, segment) for segment in segments)
        if len(by_key) > MAX_SEGMENTS:
            raise LedgerFull(f"more than {MAX_SEGMENTS} segments")
        return Ledger(tuple(by_key.values()))

    def without(self, key: str) -> Ledger:
        return Ledger(tuple(segment for segment in self.segments if segment.key != key))

    def since(self, utc_ms: int) -> Ledger:
        """Forget what ended at or before `utc_ms`."""
        return Ledger(tuple(segment for segment in self.segments if segment.end_utc_ms > utc_ms))

    def moved(self, by_ms: int, now_utc_ms: int, under_way: frozenset[str]) -> Ledger:
        """The calendar was moved by this much and is right as it is now: dates of before are dates of another one.

        Whether it was wrong when a dose was written nobody knows, so of its two dates the later counts, never one
        after now: whatever window ends from here on holds the later one if it holds the earlier (H40). What is
        `under_way` began by the calendar that was left.
        """
        return Ledger(
            tuple(
                replace(each, start_utc_ms=each.start_utc_ms + shift_ms, end_utc_ms=each.end_utc_ms + shift_ms)
                for each in self.segments
                for shift_ms in (by_ms if each.key in under_way else _shift_ms(each, by_ms, now_utc_ms),)
            )
        )

    def begun(self, order_digest: str) -> frozenset[int]:
        """The occurrences of this order that are more than planned."""
        return frozenset(
            segment.occurrence
            for segment in self.segments
            if segment.order_digest == order_digest and segment.certainty is not Certainty.PLANNED
        )

    def starts_utc_ms(self, patient_id: str, route: str) -> dict[tuple[str, int], int]:
        """When each occurrence (order digest, number) that is not merely planned began."""
        starts: dict[tuple[str, int], int] = {}
        for segment in self.segments:
            if (
                segment.patient_id == patient_id
                and segment.route == route
                and segment.certainty is not Certainty.PLANNED
            ):
                occasion = (segment.order_digest, segment.occurrence)
                starts[occasion] = min(segment.start_utc_ms, starts.get(occasion, segment.start_utc_ms))
        return starts


EMPTY_LEDGER = Ledger()


def _shift_ms(segment: Segment, by_ms: int, now_utc_ms: int) -> int:
    """`by_ms` or as much of it as now allows; back only what would lie ahead, which cannot be its date."""
    if segment.certainty is Certainty.PLANNED:
        return 0
    ahead_ms = (segment.start_utc_ms if segment.at_once else segment.end_utc_ms) - now_utc_ms
    return min(by_ms, max(0, -ahead_ms)) if by_ms > 0 else min(by_ms, -ahead_ms) if ahead_ms > 0 else 0


def largest_in_window(pieces: Iterable[Piece], window_ms: int, from_utc_ms: int) -> tuple[int, int]:
    """The maximum as an exact ratio: (numerator, denominator) in the unit of the pieces' amounts."""
    relevant = [piece for piece in pieces if piece[2] and piece[1] > from_utc_ms - window_ms]
    divisor = lcm(*{end - start for start, end, _, at_once in relevant if end > start and not at_once})
    # (instant, order, slope change, jump): at one instant a departure takes effect before an arrival is added,
    # because the window is open at its old end and closed at its new one.
    steps: list[tuple[int, int, int, int]] = [(from_utc_ms, 2, 0, 0)]
    for start, end, most, at_once in relevant:
        if at_once or start == end:
            steps += ((start, 1, 0, most * divisor), (end + window_ms, 0, 0, -most * divisor))
        else:
            slope = most * (divisor // (end - start))
            steps += ((start, 1, slope, 0), (end, 1, -slope, 0))
            steps += ((start + window_ms, 1, -slope, 0), (end + window_ms, 1, slope, 0))
    steps.sort()
    return _largest(steps, from_utc_ms), divisor


def _largest(steps: list[tuple[int, int, int, int]], from_utc_ms: int) -> int:
    largest = held = slope = 0
    then = steps[0][0]
    for instant, _, slope_change, jump in steps:
        if instant != then:
            held += slope * (instant - then)
            then = instant
            if instant > from_utc_ms and held > largest:  # just before what leaves at this instant has left
                largest = held
        held += jump
        slope += slope_change
        if jump >= 0 and instant >= from_utc_ms and held > largest:
            largest = held
    return largest
