"""The delivery states of one channel and every legal move between them.

Refuses to know pumps, orders and time: it is a table. A pair that the table does not hold is a
refusal, never a default. STOP is legal in every state (hazards.md rule 2), so it is not left to
somebody remembering to write it down: the table is built with it.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType


class DeliveryState(Enum):
    """What the daemon believes is happening; only a pump's own word makes it believe."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    PROGRAMMING = "programming"
    READY = "ready"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    STARTING = "starting"
    INFUSING = "infusing"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    PHASE_COMPLETE = "phase_complete"
    COMPLETED = "completed"

    __hash__ = object.__hash__  # Enum's own is Python, and this is looked up in sets at every event


class Trigger(Enum):
    """What happened, in the past tense of the field."""

    FOUND_IDLE = "found_idle"  # reconciled: the pump runs nothing and owes us nothing
    FOUND_INFUSING_OURS = "found_infusing_ours"  # same program id, rate, VTBI and serial; maybe at its end by now
    FOUND_PAUSED_OURS = "found_paused_ours"
    PROGRAM_REQUESTED = "program_requested"
    READ_BACK_EQUAL = "read_back_equal"
    SHOWN_AT_PUMP = "shown_at_pump"
    CONFIRMATION_GIVEN = "confirmation_given"  # a person pressed the pump's button
    START_PROVEN = "start_proven"
    START_NOT_EFFECTIVE = "start_not_effective"  # not sent, denied, or proven without effect
    RESUME_NOT_EFFECTIVE = "resume_not_effective"
    PAUSE_REQUESTED = "pause_requested"
    PAUSE_PROVEN = "pause_proven"
    RESUME_REQUESTED = "resume_requested"
    STOP_REQUESTED = "stop_requested"
    STOP_PROVEN = "stop_proven"
    VTBI_REACHED = "vtbi_reached"
    PHASE_VTBI_REACHED = "phase_vtbi_reached"  # another program of this occurrence follows
    CLEARED = "cleared"
    PUMP_LOST_ITS_PAST = "pump_lost_its_past"  # link back or pump restarted: reconcile first


_S, _T = DeliveryState, Trigger

_EXPLICIT: dict[tuple[DeliveryState, Trigger], DeliveryState] = {
    (_S.UNKNOWN, _T.FOUND_IDLE): _S.IDLE,
    (_S.UNKNOWN, _T.FOUND_INFUSING_OURS): _S.INFUSING,
    (_S.UNKNOWN, _T.FOUND_PAUSED_OURS): _S.PAUSED,
    (_S.IDLE, _T.PROGRAM_REQUESTED): _S.PROGRAMMING,
    (_S.COMPLETED, _T.PROGRAM_REQUESTED): _S.PROGRAMMING,
    (_S.PHASE_COMPLETE, _T.PROGRAM_REQUESTED): _S.PROGRAMMING,
    (_S.PROGRAMMING, _T.READ_BACK_EQUAL): _S.READY,
    (_S.READY, _T.SHOWN_AT_PUMP): _S.AWAITING_CONFIRMATION,
    (_S.AWAITING_CONFIRMATION, _T.CONFIRMATION_GIVEN): _S.STARTING,
    (_S.STARTING, _T.START_PROVEN): _S.INFUSING,
    (_S.STARTING, _T.START_NOT_EFFECTIVE): _S.AWAITING_CONFIRMATION,
    (_S.STARTING, _T.RESUME_NOT_EFFECTIVE): _S.PAUSED,
    (_S.INFUSING, _T.PAUSE_REQUESTED): _S.PAUSING,
    (_S.PAUSING, _T.PAUSE_PROVEN): _S.PAUSED,
    # A pump may be paused at its own key, or finish while a pause is on its way.
    (_S.INFUSING, _T.PAUSE_PROVEN): _S.PAUSED,
    (_S.PAUSED, _T.RESUME_REQUESTED): _S.AWAITING_CONFIRMATION,
    (_S.INFUSING, _T.VTBI_REACHED): _S.COMPLETED,
    (_S.INFUSING, _T.PHASE_VTBI_REACHED): _S.PHASE_COMPLETE,
    (_S.PAUSING, _T.VTBI_REACHED): _S.COMPLETED,
    (_S.PAUSING, _T.PHASE_VTBI_REACHED): _S.PHASE_COMPLETE,
    (_S.STOPPING, _T.STOP_PROVEN): _S.STOPPED,
    (_S.STOPPED, _T.CLEARED): _S.IDLE,
}

TRANSITIONS = MappingProxyType(
    _EXPLICIT
    | {(state, _T.STOP_REQUESTED): _S.STOPPING for state in _S}
    | {(state, _T.PUMP_LOST_ITS_PAST): _S.UNKNOWN for state in _S if state not in {_S.STOPPING, _S.STOPPED}}
)


def step(state: DeliveryState, trigger: Trigger) -> DeliveryState | None:
    """The next state, or None where the move is illegal: the caller owes a reason."""
    return TRANSITIONS.get((state, trigger))
