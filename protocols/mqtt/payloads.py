"""What each retained MQTT message says: models that refuse whatever the contract does not hold.

Refuses to know who tells and who listens. Names end in their unit; null is "not known" and never stands for zero.
A key that is not here is refused, so that a reader of schema 1 never meets a key he was not told of.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

STATE_SCHEMA = "pumpctl/state/1"
ALARM_SCHEMA = "pumpctl/alarm/1"
AUDIT_HEAD_SCHEMA = "pumpctl/audit-head/1"

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Millis = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
ProgramId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Priority = Literal["high", "medium", "low"]


class Availability(Enum):
    """The daemon at the broker, as plain text; `offline` is its will, too."""

    ONLINE = "online"
    OFFLINE = "offline"


class LinkText(Enum):
    """The pump at the daemon, as plain text."""

    UP = "up"
    DOWN = "down"


class Payload(BaseModel):
    """Frozen, exact types, no key but its own, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, populate_by_name=True)


class ActiveAlarm(Payload):
    """One alarm that is on. `message` is a line for people."""

    code: Code
    priority: Priority
    message: str


class Latch(Payload):
    """Why a pump cannot be started until a person clears it."""

    code: Code
    message: str


class State(Payload):
    """The newest state of one pump. Flows are what the pump said last, and null once it does not answer for 3 s."""

    schema_: Literal["pumpctl/state/1"] = Field(alias="schema")
    channel: Name
    life: Annotated[int, Field(ge=1, description="journal sequence number with which this daemon's life began")]
    seq: Annotated[int, Field(ge=1, description="counts the states of this channel in this life")]
    at_ms: Millis = Field(description="when this was told, ms since 1970, by the host's wall clock")
    state: Literal[
        "unknown",
        "idle",
        "programming",
        "ready",
        "awaiting_confirmation",
        "starting",
        "infusing",
        "pausing",
        "paused",
        "stopping",
        "stopped",
        "phase_complete",
        "completed",
    ]
    link: Literal["down", "identifying", "up", "silent", "refused"]
    link_reason: str
    away: bool = Field(description="the patient is away from the daemon, as a person announced")
    status_age_ms: Millis | None = Field(description="age of the pump's last status; null when there was none")
    status_at: str | None = Field(description="when that status was asked for, ISO 8601 with offset")
    flow_ml_h: Amount | None = Field(description="measured by the pump")
    commanded_flow_ml_h: Amount | None
    dose_rate_mg_min: Amount | None = Field(description="magnesium sulfate, from the measured flow")
    pressure_mmhg: int | None
    reservoir_ml: Amount | None
    battery_percent: Annotated[float, Field(ge=0, le=100)] | None
    serial: str | None = Field(description="serial number of the pump, once it has answered with it")
    program_id: ProgramId | None
    order: Digest | None = Field(description="digest of the order")
    occurrence: Annotated[int, Field(ge=1)] | None
    program_flow_ml_h: Amount | None
    vtbi_ml: Amount | None = Field(description="volume to be infused of this program")
    delivered_least_ml: Amount | None
    delivered_most_ml: Amount | None
    progress_percent: Amount | None = Field(description="of the VTBI, by what was delivered at least")
    alarm_text: Annotated[str, Field(max_length=255)] = Field(
        description="the active alarms as one line for people, the loudest first; empty when there is none"
    )
    alarms: list[ActiveAlarm]
    latched: list[Latch]

    @model_validator(mode="after")
    def _nothing_is_guessed(self) -> State:
        live = (self.flow_ml_h, self.commanded_flow_ml_h, self.pressure_mmhg)
        if self.link != "up" and any(figure is not None for figure in (*live, self.dose_rate_mg_min)):
            raise ValueError("figures of a pump that does not answer are null")
        if self.status_age_ms is None and any(figure is not None for figure in (*live, self.reservoir_ml)):
            raise ValueError("figures without a status are null")
        least, most = self.delivered_least_ml, self.delivered_most_ml
        if least is not None and most is not None and least > most:
            raise ValueError("delivered_least_ml is above delivered_most_ml")
        return self


class Alarm(Payload):
    """One active alarm, retained while it is on; an empty message ends it."""

    schema_: Literal["pumpctl/alarm/1"] = Field(alias="schema")
    channel: Name
    code: Code
    priority: Priority
    message: str
    since_ms: Millis = Field(description="when it was raised, ms since 1970")


class AuditHead(Payload):
    """The end of the journal's hash chain: who keeps these elsewhere can prove that none was taken back."""

    schema_: Literal["pumpctl/audit-head/1"] = Field(alias="schema")
    seq: Annotated[int, Field(ge=1, description="sequence number of the last record")]
    hash: Digest = Field(description="SHA-256 of the last record, as `pumpctl journal export` has it")
    epoch: str = Field(pattern=r"^[0-9a-f]{32}$", description="the name of this journal")
    at_ms: Millis = Field(description="when the last record was made, ms since 1970")
