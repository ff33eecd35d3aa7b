"""A scenario file: which fault, when, for how long.

Refuses to repair: a key it does not know, a time without a unit or a volume without one ends the command.

    [[fault]]
    what = "siphon"           # as `pumpsim inject` takes it
    by = "50 mL/h"            # for the kinds that have a size; without it their own default
    at = "5m"                 # therapy time since the start, or:
    at_program_volume = "50 mL"
    for = "10m"               # therapy time; without it until healed
    every = "30m"             # it returns, counted from its first beginning
    times = 3                 # so often in all
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from simulator.failure import USAGE, Failure
from simulator.faults import (
    MAX_PENDING,
    MAX_TIMES,
    AtProgramVolume,
    AtTherapy,
    ScheduledFault,
    When,
    parse_fault,
    scaled,
)
from simulator.instant import NS_PER_S

MAX_SCENARIO_BYTES = 64 * 1024
_NS_OF_UNIT = {"ms": NS_PER_S // 1000, "s": NS_PER_S, "m": 60 * NS_PER_S, "min": 60 * NS_PER_S, "h": 3600 * NS_PER_S}
_UL_OF_UNIT = {"uL": 1, "mL": 1000}
_MAX_SPAN_NS = 366 * 24 * 3600 * NS_PER_S
_KEYS = frozenset({"what", "by", "at", "at_program_volume", "for", "every", "times"})


def parse_span_ns(text: str) -> int:
    """`90s`, `5m`, `1.5h`. Raises ValueError with a line for people."""
    span_ns = scaled(text, _NS_OF_UNIT, "a time as 90s, 5m or 1.5h")
    if span_ns < 0:
        raise ValueError(f"{text!r} is not a time as 90s, 5m or 1.5h")
    if span_ns > _MAX_SPAN_NS:
        raise ValueError(f"{text!r} is longer than 366 days")
    return span_ns


def read_scenario(path: Path) -> tuple[ScheduledFault, ...]:
    """The faults of a file, in its order."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SCENARIO_BYTES + 1)
    except OSError as error:
        raise Failure(USAGE, f"scenario {path}: {error.strerror}; name a readable TOML file") from None
    if len(text) > MAX_SCENARIO_BYTES:
        raise Failure(USAGE, f"scenario {path}: larger than {MAX_SCENARIO_BYTES} bytes; split it")
    try:
        return parse_scenario(text.decode())
    except (ValueError, RecursionError) as error:
        raise Failure(USAGE, f"scenario {path}: {error}") from None


def parse_scenario(text: str) -> tuple[ScheduledFault, ...]:
    """Raises ValueError (TOMLDecodeError is one) with a line for people."""
    document = tomllib.loads(text)
    if unknown := sorted(document.keys() - {"fault"}):
        raise ValueError(f"unknown key {unknown[0]!r}; a scenario is a list of [[fault]] tables")
    tables: object = document.get("fault", [])
    if not isinstance(tables, list):
        raise ValueError("write each fault as a [[fault]] table")  # noqa: TRY004 - one kind of error for one caller
    faults = tuple(_fault(number, table) for number, table in enumerate(cast("list[object]", tables), start=1))
    if len(faults) > MAX_PENDING:
        raise ValueError(f"{len(faults)} faults, at most {MAX_PENDING}")
    return faults


def _fault(number: int, table: object) -> ScheduledFault:
    if not isinstance(table, Mapping):
        raise ValueError("write each fault as a [[fault]] table")  # noqa: TRY004 - as above
    entries = cast("Mapping[str, Any]", table)
    try:
        return _scheduled(entries)
    except ValueError as error:
        raise ValueError(f"fault {number}: {error}") from None


def _scheduled(entries: Mapping[str, Any]) -> ScheduledFault:
    if unknown := sorted(entries.keys() - _KEYS):
        raise ValueError(f"unknown key {unknown[0]!r}; known are {', '.join(sorted(_KEYS))}")
    for key, value in entries.items():
        if key != "times" and not isinstance(value, str):
            raise ValueError(f"{key} is a text with its unit, not {value!r}")
    if "what" not in entries:
        raise ValueError("no `what`")
    if ("at" in entries) == ("at_program_volume" in entries):
        raise ValueError("give either `at` or `at_program_volume`")
    for_ns = parse_span_ns(entries["for"]) if "for" in entries else None
    every_ns, times = _repeated(entries, for_ns)
    return ScheduledFault(parse_fault(entries["what"], entries.get("by")), _when(entries), for_ns, every_ns, times)


def _repeated(entries: Mapping[str, Any], for_ns: int | None) -> tuple[int, int]:
    if ("every" in entries) != ("times" in entries):
        raise ValueError("give `every` and `times` together")
    if "every" not in entries:
        return 0, 1
    every_ns, times = parse_span_ns(entries["every"]), entries["times"]
    if type(times) is not int or not 1 <= times <= MAX_TIMES:
        raise ValueError(f"times is a whole number from 1 to {MAX_TIMES}, not {times!r}")
    if every_ns == 0 or every_ns < (for_ns or 0):
        raise ValueError("`every` is longer than 0s and not shorter than `for`: it would end the next one")
    return every_ns, times


def _when(entries: Mapping[str, Any]) -> When:
    if "at" in entries:
        return AtTherapy(parse_span_ns(entries["at"]))
    volume_ul = scaled(entries["at_program_volume"], _UL_OF_UNIT, "a volume as 500 uL or 50 mL")
    if volume_ul < 0:
        raise ValueError(f"at_program_volume {entries['at_program_volume']} is less than nothing")
    return AtProgramVolume(volume_ul)
