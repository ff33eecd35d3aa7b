"""Which stops of a patient wait for whom before anything may be started again.

Refuses to lift one: people do, through operating.py.
"""

from __future__ import annotations

from pumpctl.supervision.channel import Channel
from pumpctl.supervision.ward import Ward

# Faults of matter clear by one person at the pump; doubts about the dose need a second (project).
PUMP_ALARMS = frozenset(
    {
        "occlusion_downstream",
        "occlusion_upstream",
        "air_in_line",
        "door_open",
        "reservoir_empty",
        "battery_empty",
        "motor_stall",
        "over_temperature",
        "lease_ended",
        "self_test",
    }
)
ONE_PERSON = PUMP_ALARMS | frozenset(
    {
        "no_progress",
        "pump_reset",
        "stopped_at_pump",
        "program_gone",
        "operator_stop",
        "guard_stopped",
        "pause_too_long",
        "battery_critical",
        "order_cancelled",
    }
)


def needs_two_persons(channel: Channel) -> list[str]:
    """The codes latched here that a clinician and a second person clear together."""
    return [reason.code for reason in channel.latched if reason.code not in ONE_PERSON]


def uncleared_stops(ward: Ward, patient_id: str) -> tuple[str, ...]:
    """S06: of this patient, on whatever channel."""
    return tuple(
        f"{code} on {channel.name}"
        for channel in ward.channels.values()
        if channel.patient_id == patient_id
        for code in needs_two_persons(channel)
    )
