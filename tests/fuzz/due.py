"""When an order is due, worked out the second time (T01), and how long it runs (U07).

Refuses to know pumpctl/core/schedule.py: zoneinfo and the two sentences of T01 are all it uses. A local time that
happens twice is the first of the two, one that does not exist is the first valid instant after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.fuzz.figure import Unread, read_instant_us

MAX_COURSE_DAYS = 35  # U07
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_MAX_GAP_S = 86_400  # no clock was ever put forward by more than a day


@dataclass(frozen=True, slots=True)
class Due:
    """`flaw` is the rule that the schedule breaks by itself, or None. Numbered from 1 in their order."""

    at_us: tuple[int, ...] = ()
    flaw: str | None = None


def due(schedule: dict[str, Any]) -> Due:
    if schedule["repeat"] == "once":
        at_us = read_instant_us(schedule.get("at"))
        return Due((at_us,)) if isinstance(at_us, int) else Due(flaw="T02")
    keys = ("local_time", "time_zone", "first_date", "last_date")
    weekdays = schedule.get("weekdays")
    return _repeated(schedule["repeat"], tuple(weekdays or ()), *(schedule.get(key) for key in keys))


@lru_cache(maxsize=1024)
def _repeated(
    repeat: str,
    weekdays: tuple[str, ...],
    local_time: str | None,
    time_zone: str | None,
    first_date: str | None,
    last_date: str | None,
) -> Due:
    if last_date is None:
        return Due(flaw="U07")
    clock, zone, first, last = _time(local_time), _zone(time_zone), _date(first_date), _date(last_date)
    if isinstance(clock, Unread) or isinstance(zone, Unread) or isinstance(first, Unread) or isinstance(last, Unread):
        return Due(flaw="T02")
    days = (last - first).days + 1
    if days < 1 or (repeat == "weekly" and not set(weekdays) & set(WEEKDAYS)):
        return Due(flaw="T02")
    if days > MAX_COURSE_DAYS:
        return Due(flaw="U07")
    dates = [first + timedelta(n) for n in range(days) if _is_on(repeat, weekdays, first, n)]
    return Due(tuple(_first_valid_us(datetime.combine(day, clock), zone) for day in dates))


def _is_on(repeat: str, weekdays: tuple[str, ...], first: date, day: int) -> bool:
    match repeat:
        case "weekly":
            return WEEKDAYS[(first + timedelta(day)).weekday()] in weekdays
        case "two_of_three_days":
            return day % 3 < 2
        case _:
            return True


def _first_valid_us(local: datetime, zone: ZoneInfo) -> int:
    """fold is 0, so of two instants the first; a local time that does not come back is in a gap."""
    for second in range(_MAX_GAP_S):
        wanted = local + second * _SECOND
        instant = wanted.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == wanted:
            return (instant - _EPOCH) // _US
    raise ValueError(f"{zone} has no {local} and nothing for a day after it")


def _time(text: str | None) -> time | Unread:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", text or "", re.ASCII)
    if not found:
        return Unread("no local time")
    hour, minute, second = (int(part or 0) for part in found.groups())
    return time(hour, minute, second)


def _date(text: str | None) -> date | Unread:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text or "", re.ASCII):
        return Unread("no date")
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return Unread("no such date")


@lru_cache(maxsize=64)
def _zone(text: str | None) -> ZoneInfo | Unread:
    try:
        return ZoneInfo(text or "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return Unread("no time zone")
