"""When: a Timing and the native schedule, each way.

Refuses every pattern but once at an instant and once a day at a time: the native order has no
other, and none is approximated.
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
        _read_daily(repeat, sheet)
    else:
        raise FhirRefused(timing.path, "has neither an event nor a repeat", "say when, once or daily")
    if repeat is not None:
        _read_duration(repeat, sheet)


def timing(answers: dict[str, Answer]) -> Json:
    """Takes from `answers` what a Timing carries."""
    repeat = _duration(answers)
    if answers.pop("schedule.repeat") == "daily":
        return {"repeat": _daily(answers) | repeat}
    at = instant(answers, "schedule.at")
    if at is None:
        raise NoFhir("schedule.at is not a date and time with its UTC offset")
    once: Json = {"event": [at]}
    return once | {"repeat": repeat} if repeat else once


def _read_daily(repeat: Element, sheet: Sheet) -> None:
    for key in ("frequency", "period"):
        if repeat.number(key) != "1":
            raise FhirRefused(repeat.at(key), "is not 1", "send one order for each dose of the day")
    repeat.one_of("periodUnit", "d")
    sheet.put("schedule.repeat", "daily", repeat.at("periodUnit"))
    times = repeat.texts("timeOfDay")
    if len(times) > 1:
        raise FhirRefused(repeat.at("timeOfDay"), f"has {len(times)} members for one dose a day", "give one")
    if times:
        whole_minute = _WHOLE_MINUTE.fullmatch(times[0])
        local = whole_minute[1] if whole_minute else times[0]
        sheet.put("schedule.local_time", local, repeat.at("timeOfDay[0]"))
    bounds = repeat.child("boundsPeriod")
    if bounds is not None:
        sheet.put("schedule.first_date", bounds.text("start"), bounds.at("start"))
        sheet.put("schedule.last_date", bounds.text("end"), bounds.at("end"))


def _daily(answers: dict[str, Answer]) -> Json:
    repeat: Json = {}
    bounds: Json = {}
    for key, path in (("start", "schedule.first_date"), ("end", "schedule.last_date")):
        if _DATE.fullmatch(str(answers.get(path, ""))):
            bounds[key] = answers.pop(path)
    if bounds:
        repeat["boundsPeriod"] = bounds
    repeat |= {"frequency": Number(1), "period": Number(1), "periodUnit": "d"}
    if _MINUTE.fullmatch(str(answers.get("schedule.local_time", ""))):
        repeat["timeOfDay"] = [f"{answers.pop('schedule.local_time')}:00"]
    return repeat


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
