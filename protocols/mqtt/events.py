"""What an event says: one journal record, with what identifies a person left out.

Refuses to tell what is not in the table: neither the patient nor who asked, no serial number, no text of an order; a
line for people is told as it stands. A record of a kind that is not known here, or that says something impossible, is
told as no more than that. Nothing is left out altogether: who sees every sequence number has missed nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field, ValidationError, model_validator

from protocols.mqtt.payloads import Code, Digest, Millis, Name, Payload, Priority, ProgramId

EVENT_SCHEMA = "pumpctl/event/1"
OTHER, UNREADABLE = "other", "unreadable"

_PROGRAM = ("program_id", "order", "occurrence", "flow_rate_ul_h", "vtbi_ul")
_REASONS = ("reasons", "messages")

# By kind of record: what is told of it besides its place, its time and its channel.
TOLD: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "daemon_started": (),
        "journal_retired": (),
        "wall_clock_stepped": ("step_ms",),
        "wall_clock_confirmed": ("moved_ms",),
        "order_accepted": ("order",),
        "order_cancelled": ("order",),
        "bag_checked": ("order", "occurrence"),
        "programmed": ("program_id", "order", "occurrence", "attempt"),
        "confirmed_at_terminal": ("program_id", "resume"),
        "dosing_intent": (*_PROGRAM, "resume"),
        "dosing_outcome": ("program_id", "outcome", "resume", *_REASONS),
        "start_refused": ("program_id", *_REASONS),
        "supervision_resumed": ("program_id", "found"),
        "progress": ("program_id", "least_ul", "most_ul"),
        "pause_requested": (),
        "paused": ("program_id",),
        "resume_requested": (),
        "stop_requested": (*_REASONS, "latches"),
        "stop_proven": (*_REASONS, "latched"),
        "counters_taken": (),
        "settled": (*_PROGRAM, "least_ul", "most_ul", "started_ms", "ended_ms", "certainty", "how"),
        "external_dose": ("order", "occurrence", "moved_ul", "most_ug"),
        "priming": ("volume_ul", "flow_ul_h"),
        "primed": ("moved_ul",),
        "prime_refused": _REASONS,
        "observed": ("observed", "signs"),
        "alarm_raised": ("code", "priority", "message"),
        "alarm_acknowledged": ("code",),
        "alarm_rings_again": ("code",),
        "alarm_ended": ("code",),
        "cleared": ("codes",),
        "away": ("until_ms",),
        "port_refused": ("code",),
    }
)
EVENT_TYPES: Final[tuple[str, ...]] = (*TOLD, OTHER, UNREADABLE)

Volume = Annotated[int, Field(ge=0, description="microlitres")]


class Event(Payload):
    """One record of the journal. `seq` is its number there: the same number is the same event, told once more."""

    schema_: Literal["pumpctl/event/1"] = Field(alias="schema")
    seq: Annotated[int, Field(ge=1, description="journal sequence number; no number is left out")]
    at_ms: int = Field(description="when it was recorded, ms since 1970")
    channel: Name | None = Field(description="the pump; null for what concerns the whole daemon")
    event_type: str = Field(json_schema_extra={"enum": list(EVENT_TYPES)})
    program_id: ProgramId | None = None
    order: Digest | Literal[""] | None = Field(
        default=None, description="digest of the order; empty when none is known"
    )
    occurrence: Annotated[int, Field(ge=0)] | None = None
    attempt: Annotated[int, Field(ge=1)] | None = None
    resume: bool | None = None
    outcome: Literal["not_sent", "unconfirmed", "denied", "confirmed"] | None = None
    found: str | None = Field(default=None, description="what the pump was doing")
    reasons: list[Code] | None = None
    messages: list[str] | None = Field(default=None, description="the reasons, as lines for people")
    latches: bool | None = Field(default=None, description="a person has to clear it before anything is started")
    latched: bool | None = None
    flow_rate_ul_h: Volume | None = None
    flow_ul_h: Volume | None = None
    vtbi_ul: Volume | None = None
    least_ul: Volume | None = None
    most_ul: Volume | None = None
    moved_ul: Volume | None = None
    volume_ul: Volume | None = None
    most_ug: Annotated[int, Field(ge=0, description="micrograms of magnesium sulfate")] | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    until_ms: Millis | None = None
    step_ms: int | None = None
    moved_ms: int | None = None
    certainty: Literal["committed", "running", "uncertain", "undated", "planned"] | None = None
    how: Literal["completed", "stopped"] | None = None
    observed: dict[str, str] | None = Field(default=None, description="what was seen at the patient, as it was typed")
    signs: list[str] | None = None
    code: Code | None = None
    codes: list[Code] | None = None
    priority: Priority | None = None
    message: str | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_says(self) -> Event:
        if self.event_type not in EVENT_TYPES:
            raise ValueError(f"no such event: {self.event_type}")
        known = {"schema_", "seq", "at_ms", "channel", "event_type", *TOLD.get(self.event_type, ())}
        foreign = sorted(name for name in self.model_fields_set - known if getattr(self, name) is not None)
        if foreign:
            raise ValueError(f"{self.event_type} does not say {', '.join(foreign)}")
        return self

    def told(self) -> dict[str, Any]:
        """As it is told: what the event does not say is left out, the channel is not."""
        return {**self.model_dump(by_alias=True, exclude_none=True), "channel": self.channel}


def event_of(seq: int, utc_ms: int, kind: str, body: object) -> Event:
    """What is told of this record. `body` is whatever was found there."""
    if not isinstance(body, Mapping):
        return _without(seq, utc_ms, UNREADABLE)
    found = _flattened(cast("Mapping[str, Any]", body))
    known = {name: found[name] for name in TOLD.get(kind, ()) if found.get(name) is not None}
    event_type = kind if kind in TOLD else OTHER
    where = found.get("channel")
    place = {"schema": EVENT_SCHEMA, "seq": seq, "at_ms": utc_ms, "channel": where, "event_type": event_type}
    try:
        return Event.model_validate({**place, **known})
    except ValidationError:
        return _without(seq, utc_ms, UNREADABLE)


def _without(seq: int, utc_ms: int, event_type: str) -> Event:
    place = {"schema": EVENT_SCHEMA, "seq": seq, "at_ms": utc_ms, "channel": None, "event_type": event_type}
    return Event.model_validate(place)


def _flattened(body: Mapping[str, Any]) -> dict[str, Any]:
    """A record's own names, with its program's among them and its reasons apart in codes and lines."""
    found = {"observed": body.get("told"), **body}
    program = body.get("program")
    if isinstance(program, Mapping):
        ours = cast("Mapping[str, Any]", program)
        found |= {**ours, "order": ours.get("order_digest")}
    reasons = body.get("reasons")
    if isinstance(reasons, list):
        each = cast("list[Any]", reasons)
        told = [cast("Mapping[str, Any]", reason) for reason in each if isinstance(reason, Mapping)]
        found["reasons"] = [reason["code"] for reason in told if "code" in reason] or each
        found["messages"] = [reason["message"] for reason in told if "message" in reason] or None
    return found
