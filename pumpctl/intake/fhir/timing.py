"""When: a Timing and the native schedule, each way.

Refuses every pattern but once at an instant, daily, and weekly on named days: what FHIR can only
say roughly (two of three days, at night) is not written, and nothing is approximated.
"""

from __future__ import annotations

import re

from pumpctl.intake.fhir.codes import UNITS
from pumpctl.intake.fhir.element import Element, FhirRefused
from pumpctl.intake.fhir.json_text import Number
from pumpctl.intake.fhir.quantity import Json, instant, quantity
from pumpctl.intake.fhir.sheet import Answer, NoFhir, Sheet

DURATION = "phases[0].duration"
DURATION_UNITS = ("s", "min", "h", "d")


def read_timing(timing: Element, sheet: Sheet) -> None:
    events = timing.texts("event")
    repeat = timing.child("repeat")
    if len(events) > 1:
        raise FhirRefused(timing.at("event"), f"has {len(events)} members", "send one order for each instant")
    if events:
        sheet.put("schedule.repeat", "once", timing.at("event"))
        sheet.put("schedule.at", events[0], timing.at("event[0]"))
    elif repeat is not None:
        _read_repeat(repeat, sheet)
    else:
        raise FhirRefused(timing.path, "has neither an event nor a repeat", "say when, once or daily")
    if repeat is not None:
        _read_duration(repeat, sheet)


def timing(answers: dict[str, Answer]) -> Json:
    """Takes from `answers` what a Timing carries."""
    duration = _duration(answers)
    pattern = answers.pop("schedule.repeat")
    match pattern:
        case "once":
            at = instant(answers, "schedule.at")
            if at is None:
                raise NoFhir("schedule.at is not a date and time with its UTC offset")
            once: Json = {"event": [at]}
            return once | {"repeat": duration} if duration else once
        case "daily":
            return {"repeat": _bounds(answers) | (_time_of_day(answers) or ONCE_A_DAY) | duration}
        case "weekly":
            return {"repeat": _bounds(answers) | _days_of_week(answers) | _time_of_day(answers) | duration}
        case _:
            raise NoFhir(f"schedule.repeat is {pattern}, for which FHIR has no exact words")


def _read_repeat(repeat: Element, sheet: Sheet) -> None:
    times, days = repeat.texts("timeOfDay"), repeat.texts("dayOfWeek")
    if len(times) > 1:
        raise FhirRefused(repeat.at("timeOfDay"), f"has {len(times)} members", "send one order for each dose of a day")
    if days:
        # FHIR: frequency and period cannot stand beside dayOfWeek. They stay unread, and so refused.
        sheet.put("schedule.repeat", "weekly", repeat.at("dayOfWeek"))
        for index, day in enumerate(days):
            where = f"{repeat.at('dayOfWeek')}[{index}]"
            if day not in DAYS:
                raise FhirRefused(where, f"is {day!a}; only {', '.join(DAYS)} can be mapped", "correct it")
            sheet.put(f"schedule.weekdays[{index}]", DAYS[day], where)
    else:
        _read_daily(repeat, has_time=bool(times))
        sheet.put("schedule.repeat", "daily", repeat.at("timeOfDay" if times else "frequency"))
    for time in times:
        whole_minute = _WHOLE_MINUTE.fullmatch(time)
        sheet.put("schedule.local_time", whole_minute[1] if whole_minute else time, repeat.at("timeOfDay[0]"))
    bounds = repeat.child("boundsPeriod")
    if bounds is not None:
        sheet.put("schedule.first_date", bounds.text("start"), bounds.at("start"))
        sheet.put("schedule.last_date", bounds.text("end"), bounds.at("end"))


def _read_daily(repeat: Element, *, has_time: bool) -> None:
    """A time of day alone means every day; many senders add once a day beside it, and that says the same."""
    if has_time and not any(key in repeat for key in ONCE_A_DAY):
        return
    for key in ("frequency", "period"):
        if repeat.number(key) != "1":
            raise FhirRefused(repeat.at(key), "is not 1", "send one order for each dose of the day")
    repeat.one_of("periodUnit", "d")


ONCE_A_DAY: Json = {"frequency": Number(1), "period": Number(1), "periodUnit": "d"}
DAYS = {
    "mon": "monday",
    "tue": "tuesday",
    "wed": "wednesday",
    "thu": "thursday",
    "fri": "friday",
    "sat": "saturday",
    "sun": "sunday",
}


def _bounds(answers: dict[str, Answer]) -> Json:
    bounds: Json = {}
    for key, path in (("start", "schedule.first_date"), ("end", "schedule.last_date")):
        if _DATE.fullmatch(str(answers.get(path, ""))):
            bounds[key] = answers.pop(path)
    return {"boundsPeriod": bounds} if bounds else {}


def _time_of_day(answers: dict[str, Answer]) -> Json:
    if not _MINUTE.fullmatch(str(answers.get("schedule.local_time", ""))):
        return {}
    return {"timeOfDay": [f"{answers.pop('schedule.local_time')}:00"]}


def _days_of_week(answers: dict[str, Answer]) -> Json:
    codes = {day: code for code, day in DAYS.items()}
    paths = [path for path in answers if path.startswith("schedule.weekdays")]
    days = [codes.get(str(answers.pop(path))) for path in paths]
    if not days or None in days:
        raise NoFhir("schedule.weekdays are not days from monday to sunday")
    return {"dayOfWeek": days}


def _read_duration(repeat: Element, sheet: Sheet) -> None:
    number, unit = repeat.number("duration"), repeat.text("durationUnit")
    if number is None and unit is None:
        return
    if number is None or unit not in DURATION_UNITS:
        why = "needs a number and one of s, min, h, d as its unit"
        raise FhirRefused(repeat.at("duration"), why, "state how long one infusion runs")
    sheet.put(DURATION, f"{number} {UNITS[unit]}", repeat.at("duration"))


def _duration(answers: dict[str, Answer]) -> Json:
    value = quantity(str(answers.get(DURATION, "")))
    if value is None or value["code"] not in DURATION_UNITS:
        return {}
    del answers[DURATION]
    return {"duration": value["value"], "durationUnit": value["code"]}


_WHOLE_MINUTE = re.compile(r"([0-9]{2}:[0-9]{2}):00")
_MINUTE = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DATE = re.compile(r"2[01][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
