"""One run as a value: who lies at which pump, what is ordered, what people do, and what goes wrong, when.

Refuses to draw and to perform. A plan is all there is to know about a run: it goes to a worker, into a file and back,
and the same plan gives the same bytes on the wire.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_PLAN_BYTES = 1 << 20
MAX_SPAN_NS = 40 * 86_400 * 1_000_000_000  # longer than any order is valid
MAX_ENTRIES = 1_000  # of each list: a run with more has no use


class Part(BaseModel):
    """What a plan is made of: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


SpanNs = Field(ge=0, le=MAX_SPAN_NS)


class Course(Part):
    """An order given at a bed. `after_ns`: since the course before it ended, the first one since the run began.

    The nurse tries to have it loaded `tries` times, and presses the pump's button `press_after_ns` after it waits.
    """

    order: dict[str, Any]
    overrides: tuple[str, ...] = ()
    after_ns: int = SpanNs
    press_after_ns: int = SpanNs
    tries: int = Field(default=3, ge=1, le=10)


class Bed(Part):
    """A channel, its pump and its patient. `clears`: how often persons clear a latch and go on."""

    channel: str
    patient_id: str
    profile: str
    courses: tuple[Course, ...] = Field(max_length=MAX_ENTRIES)
    clears: int = Field(default=0, ge=0, le=10)
    clear_after_ns: int = SpanNs


class Deed(Enum):
    """What a person does at an instant, whatever comes of it."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CANCEL = "cancel"
    STOP_KEY = "stop_key"  # the pump's own
    PAUSE_KEY = "pause_key"
    CONFIRM_KEY = "confirm_key"


class Act(Part):
    """A deed, since the run began."""

    at_ns: int = SpanNs
    deed: Deed
    channel: str


class Incident(Part):
    """Something goes wrong: `kind` as kinds.py names it, `for_ns` long (None: until healed), or `count` times.

    `by`: its size in the kind's own unit, None for the usual one.
    """

    at_ns: int = SpanNs
    kind: str
    channel: str
    for_ns: int | None = Field(default=None, ge=0, le=MAX_SPAN_NS)
    count: int = Field(default=1, ge=1, le=1_000_000)
    by: int | None = None


class RunPlan(Part):
    """`seed`: of the line, the pumps and the sessions. The run is over `limit_ns` after it began at the latest."""

    format: int = Field(default=1, ge=1, le=1)
    seed: int = Field(ge=0)
    start_utc_ms: int = Field(ge=0)
    limit_ns: int = SpanNs
    beds: tuple[Bed, ...] = Field(min_length=1, max_length=8)
    acts: tuple[Act, ...] = Field(default=(), max_length=MAX_ENTRIES)
    incidents: tuple[Incident, ...] = Field(default=(), max_length=MAX_ENTRIES)


class Scenario(Part):
    """A plan in a file: what it broke when it was saved, and how to have it performed again."""

    broke: str
    replay: str
    plan: RunPlan


class PlanUnreadable(ValueError):
    """Not a scenario: one line for people."""


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file, or PlanUnreadable."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_PLAN_BYTES + 1)
    except OSError as error:
        raise PlanUnreadable(f"{path}: {error.strerror}") from None
    if len(text) > MAX_PLAN_BYTES:
        raise PlanUnreadable(f"{path}: larger than {MAX_PLAN_BYTES} bytes")
    try:
        return Scenario.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the file"
        raise PlanUnreadable(f"{path}: {place}: {first['msg']}") from None


def scenario_text(scenario: Scenario) -> str:
    """As `read_scenario` reads it."""
    return scenario.model_dump_json(indent=1, exclude_defaults=True) + "\n"
