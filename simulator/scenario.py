"""A scenario file: which fault, when, for how long.

Refuses to repair: a key it does not know, a time without a unit or a volume without one ends the command.

    [[fault]]
    what = "occlusion"        # as `pumpsim inject` takes it
    at = "5m"                 # therapy time since the start, or:
    at_program_volume = "50 mL"
    for = "10m"               # therapy time; without it until healed
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from simulator.failure import USAGE, Failure
from simulator.faults import MAX_PENDING, AtProgramVolume, AtTherapy, ScheduledFault, When, parse_fault
from simulator.instant import NS_PER_S

MAX_SCENARIO_BYTES = 64 * 1024
_NS_OF_UNIT = {"ms": NS_PER_S // 1000, "s": NS_PER_S, "m": 60 * NS_PER_S, "min": 60 * NS_PER_S, "h": 3600 * NS_PER_S}
_UL_OF_UNIT = {"uL": 1, "mL": 1000}
_MAX_SPAN_NS = 366 * 24 * 3600 * NS_PER_S
_NUMBER_AND_UNIT = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))? ?([A-Za-z]{1,3})", re.ASCII)
_KEYS = frozenset({"what", "at", "at_program_volume", "for"})


def parse_span_ns(text: str) -> int:
    """`90s`, `5m`, `1.5h`. Raises ValueError with a line for people."""
    span_ns = _scaled(text, _NS_OF_UNIT, "a time as 90s, 5m or 1.5h")
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
        if not isinstance(value, str):
            raise ValueError(f"{key} is a text with its unit, not {value!r}")  # noqa: TRY004 - as above
    if "what" not in entries:
        raise ValueError("no `what`")
    if ("at" in entries) == ("at_program_volume" in entries):
        raise ValueError("give either `at` or `at_program_volume`")
    for_ns = parse_span_ns(entries["for"]) if "for" in entries else None
    return ScheduledFault(parse_fault(entries["what"]), _when(entries), for_ns)


def _when(entries: Mapping[str, Any]) -> When:
    if "at" in entries:
        return AtTherapy(parse_span_ns(entries["at"]))
    return AtProgramVolume(_scaled(entries["at_program_volume"], _UL_OF_UNIT, "a volume as 500 uL or 50 mL"))


def _scaled(text: str, units: Mapping[str, int], example: str) -> int:
    """Exact: a number that is not whole in the smallest unit is refused."""
    match = _NUMBER_AND_UNIT.fullmatch(text)
    if match is None or match[3] not in units:
        raise ValueError(f"{text!r} is not {example}")
    fraction = match[2] or ""
    scaled, rest = divmod(int(match[1] + fraction) * units[match[3]], 10 ** len(fraction))
    if rest:
        raise ValueError(f"{text!r} is finer than this simulator counts")
    return scaled
