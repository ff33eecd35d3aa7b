"""When an order is due: its occurrences, numbered from 1, as instants (T01).

Refuses to know what time it is, and doses. The rules of local time come from the host's time zone
table: a local time that happens twice is the first of the two, one that does not exist is the
first valid instant after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal, TypeAlias, assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import DAILY, FR, MO, SA, SU, TH, TU, WE, WEEKLY, rrule, rruleset, weekday

from pumpctl.core.order import Schedule
from pumpctl.core.units import Duration, Misread

MAX_DAYS = 35  # U07 refuses a longer course, so nothing longer is ever expanded
DAY_S = 24 * 3_600
DAY_MS = DAY_S * 1000
NIGHT_BEGINS, NIGHT_ENDS = time(18), time(6)  # Q24; both may be a start
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)


_Repeat: TypeAlias = Literal["daily", "nightly", "weekly", "two_of_three_days"]


@dataclass(frozen=True, slots=True)
class Occurrence:
    number: int
    due_utc_ms: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a schedule cannot be read: rule id, field, reason."""

    rule: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Timetable:
    """`course` is None when no end is stated; `occurrences` is empty when there is a flaw.

    `shortest_gap_ms` lies between two occurrences (clock changes shorten one); None with fewer than two.
    """

    occurrences: tuple[Occurrence, ...]
    course: Duration | None
    flaws: tuple[Flaw, ...]
    shortest_gap_ms: int | None = None


def expand(schedule: Schedule) -> Timetable:
    """Every occurrence of the order, at most 35."""
    return _once(schedule) if schedule.repeat == "once" else _repeated(schedule, schedule.repeat)


def read_instant(text: str) -> int | Misread:
    """ "2026-12-01T20:00:00+01:00" as milliseconds since 1970; a time without its offset is refused (T02)."""
    if _INSTANT.fullmatch(text) is None:
        if _INSTANT.fullmatch(f"{text}Z") is None:
            return Misread("is not a date and time like 2026-12-01T20:00:00+01:00")
        return Misread("has no UTC offset; end it in Z or +01:00")
    try:
        since = datetime.fromisoformat(text) - _EPOCH
        return (since.days * DAY_S + since.seconds) * 1000 + since.microseconds // 1000
    except ValueError as error:
        return Misread(f"is not a time: {error}")


def instant_text(utc_ms: int) -> str:
    """For people and JSON."""
    return (_EPOCH + timedelta(milliseconds=utc_ms)).isoformat().replace("+00:00", "Z")


# Years 2000 to 2199: none outside is meant, and arithmetic at the calendar's ends overflows.
_INSTANT = re.compile(
    r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_DATE = re.compile(r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}")
_WEEKDAYS: dict[str, weekday] = dict(
    zip(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        (MO, TU, WE, TH, FR, SA, SU),
        strict=True,
    )
)


def _once(schedule: Schedule) -> Timetable:
    repeating = ("local_time", "time_zone", "first_date", "last_date", "weekdays")
    spare = [name for name in repeating if getattr(schedule, name) is not None]
    flaws = [Flaw("T02", f"schedule.{name}", "belongs to a repeated order, not to repeat = once") for name in spare]
    at = Misread("is missing") if schedule.at is None else read_instant(schedule.at)
    if isinstance(at, Misread):
        flaws.append(Flaw("T02", "schedule.at", at.reason))
    if flaws or isinstance(at, Misread):
        return Timetable((), Duration(0), tuple(flaws))
    return Timetable((Occurrence(1, at),), Duration(0), ())


def _repeated(schedule: Schedule, repeat: _Repeat) -> Timetable:
    flaws: list[Flaw] = []
    if schedule.at is not None:
        flaws.append(Flaw("T02", "schedule.at", "belongs to repeat = once, not to a repeated order"))
    first = _read_date(schedule.first_date, "first_date", "T02", flaws)
    last = _read_date(schedule.last_date, "last_date", "U07", flaws)
    local = _read_time(schedule, flaws)
    zone = _read_zone(schedule.time_zone, flaws)
    weekdays = _read_weekdays(schedule, flaws)
    if first is not None and last is not None and last < first:
        flaws.append(Flaw("T02", "schedule.last_date", "is before first_date"))
    if flaws or first is None or last is None or local is None or zone is None:
        return Timetable((), None, tuple(flaws))
    days = (last - first).days + 1
    course = Duration(days * DAY_MS)
    if days > MAX_DAYS:
        return Timetable((), course, ())
    begin, end = datetime.combine(first, local), datetime.combine(last, local)
    due = [local_instant(day, zone) for day in _days(repeat, begin, end, weekdays)]
    if not due:
        return Timetable((), course, (Flaw("T02", "schedule.weekdays", "none of them lies between the two dates"),))
    gaps = [later - earlier for earlier, later in pairwise(due)]
    occurrences = tuple(Occurrence(number, utc_ms) for number, utc_ms in enumerate(due, 1))
    return Timetable(occurrences, course, (), min(gaps, default=None))


def _days(repeat: _Repeat, begin: datetime, end: datetime, weekdays: list[weekday]) -> list[datetime]:
    """The local dates and times from `begin` to `end`, both included; at most MAX_DAYS since they are days apart."""
    match repeat:
        case "daily" | "nightly":
            return list(rrule(DAILY, dtstart=begin, until=end))
        case "weekly":
            return list(rrule(WEEKLY, dtstart=begin, until=end, byweekday=weekdays))
        case "two_of_three_days":
            both = rruleset()
            both.rrule(rrule(DAILY, interval=3, dtstart=begin, until=end))
            both.rrule(rrule(DAILY, interval=3, dtstart=begin + timedelta(days=1), until=end))
            return list(both)
        case _:
            assert_never(repeat)


def local_instant(local: datetime, zone: ZoneInfo) -> int:
    """The instant of a local date and time, by the rule in this file's head."""
    first = local.replace(tzinfo=zone, fold=0)
    instant = first.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return (instant - _EPOCH) // _MS
    # The clock jumped over it: the first valid instant is that of the jump, between the two readings.
    low = (first.replace(fold=1).astimezone(UTC) - _EPOCH) // _SECOND
    high = (instant - _EPOCH) // _SECOND
    before = _offset(low, zone)
    while high - low > 1:  # bounded: the gap in seconds halves each time
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high * 1000


def _offset(utc_s: int, zone: ZoneInfo) -> timedelta | None:
    return (_EPOCH + timedelta(seconds=utc_s)).astimezone(zone).utcoffset()


def _read_date(text: str | None, name: str, rule: str, flaws: list[Flaw]) -> date | None:
    if text is None:
        flaws.append(Flaw(rule, f"schedule.{name}", "is missing"))
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        flaws.append(Flaw(rule, f"schedule.{name}", "does not exist in the calendar"))
        return None
    flaws.append(Flaw(rule, f"schedule.{name}", "is not a date like 2026-12-01"))
    return None


def _read_time(schedule: Schedule, flaws: list[Flaw]) -> time | None:
    text = schedule.local_time
    if text is None or not _TIME.fullmatch(text) or text[:2] > "23" or text[3:] > "59":
        flaws.append(Flaw("T02", "schedule.local_time", "is not a time of day like 20:00"))
        return None
    local = time(int(text[:2]), int(text[3:]))
    if schedule.repeat == "nightly" and NIGHT_ENDS < local < NIGHT_BEGINS:
        flaws.append(Flaw("T02", "schedule.local_time", "is not at night, 18:00 to 06:00, as repeat = nightly says"))
        return None
    return local


def _read_weekdays(schedule: Schedule, flaws: list[Flaw]) -> list[weekday]:
    given = schedule.weekdays
    if schedule.repeat != "weekly":
        if given is not None:
            flaws.append(Flaw("T02", "schedule.weekdays", f"belongs to repeat = weekly, not to {schedule.repeat}"))
        return []
    unknown = [name for name in given or () if name not in _WEEKDAYS]
    if not given or unknown or len(set(given)) != len(given):
        reason = "must name each day once, like monday" if given else "is missing; name the days, like monday"
        flaws.append(Flaw("T02", "schedule.weekdays", reason))
        return []
    return [_WEEKDAYS[name] for name in given]


def _read_zone(text: str | None, flaws: list[Flaw]) -> ZoneInfo | None:
    try:
        if text:
            return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        flaws.append(Flaw("T02", "schedule.time_zone", f"{text} is not in this host's time zone table"))
        return None
    flaws.append(Flaw("T02", "schedule.time_zone", "is missing"))
    return None
