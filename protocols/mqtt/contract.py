"""The MQTT contract in one table: each topic, what is said there, and how long it is true.

Refuses to send: the link takes its periods and expiries from here; docs/mqtt.md and the published JSON Schema are made
of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from pydantic import BaseModel, TypeAdapter

from protocols.mqtt.events import Event
from protocols.mqtt.payloads import Alarm, AuditHead, Availability, LinkText, State
from protocols.mqtt.topics import HOME_ASSISTANT_STATUS, Topics

PERIOD_S: Final = 30  # what has not changed is told this often (mqtt.md)
STATE_EXPIRY_S: Final = 2 * PERIOD_S
ALARM_EXPIRY_S: Final = 20 * PERIOD_S  # renewed each period; it outlives a dead daemon by minutes, not for ever (H66)
AUDIT_HEAD_FASTEST_S: Final = 5
SCHEMA_ID: Final = "pumpctl/mqtt/1"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the contract. `expiry_s` 0: none."""

    topic: str
    model: type[BaseModel] | type[Enum]
    retained: bool
    expiry_s: int
    when: str


_OURS = Topics("BASE", "INSTANCE")

ROWS: Final = (
    Row(
        _OURS.availability,
        Availability,
        retained=True,
        expiry_s=0,
        when="`online` when all the rest has been told after a connection; `offline` at a clean end, and as the will",
    ),
    Row(
        _OURS.link("CHANNEL"),
        LinkText,
        retained=True,
        expiry_s=0,
        when="on change; `down` from the start until the pump has answered with its serial number",
    ),
    Row(
        _OURS.state("CHANNEL"),
        State,
        retained=True,
        expiry_s=STATE_EXPIRY_S,
        when=f"on change, at most 4 a second, and every {PERIOD_S} s",
    ),
    Row(
        _OURS.event("CHANNEL"),
        Event,
        retained=False,
        expiry_s=0,
        when="each journal record of this pump, once it is durable, in order",
    ),
    Row(
        _OURS.event("INSTANCE"),
        Event,
        retained=False,
        expiry_s=0,
        when="each journal record that concerns the whole daemon: `channel` is null",
    ),
    Row(
        _OURS.alarm("CHANNEL", "CODE"),
        Alarm,
        retained=True,
        expiry_s=ALARM_EXPIRY_S,
        when=f"when it is raised or its priority rises, again every {PERIOD_S} s; an empty message when it is over",
    ),
    Row(
        _OURS.audit_head,
        AuditHead,
        retained=True,
        expiry_s=0,
        when=f"when the journal has grown, at most every {AUDIT_HEAD_FASTEST_S} s",
    ),
)


def topic_table() -> str:
    """The rows as docs/mqtt.md shows them."""
    lines = ["| topic | payload | retained | expires | told |", "|---|---|---|---|---|"]
    for row in ROWS:
        form = "text" if issubclass(row.model, Enum) else f"JSON, `{row.model.__name__}`"
        retained, expires = "yes" if row.retained else "no", f"{row.expiry_s} s" if row.expiry_s else "never"
        lines.append(f"| `{row.topic}` | {form} | {retained} | {expires} | {row.when} |")
    heard = f"| `{HOME_ASSISTANT_STATUS}` | text | - | - | heard, not told: see below |"
    return "\n".join([*lines, heard]) + "\n"


def schema_document() -> dict[str, Any]:
    """The JSON Schema of every payload, as `$defs` by their names in the table."""
    models = dict.fromkeys(row.model for row in ROWS)
    mode: Literal["validation"] = "validation"
    _, document = TypeAdapter.json_schemas([(model, mode, TypeAdapter[Any](model)) for model in models])
    return {"$id": SCHEMA_ID, "title": "What pumpctl says by MQTT", **document}
