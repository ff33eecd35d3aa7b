"""What a companion pump refuses of LOAD and PRIME, in the order of SPEC.md section 3.

Refuses to know states, sessions and frames. It never rounds and never lowers: it says no.
"""

from __future__ import annotations

from protocols.companion.codec import program_digest
from protocols.companion.messages import Load, Prime
from protocols.companion.vocabulary import NOT_CONNECTED, STOPPING_ALARMS, Alarm, LinkLoss, Phase, RefusalReason
from simulator.profile import PumpProfile

MAX_PRIME_UL = 5_000
_NO_PROGRAM_ID = bytes(8)
_PHASES = frozenset(Phase)
_LINK_LOSSES = frozenset(LinkLoss)


def refusal_of_load(load: Load, profile: PumpProfile, reservoir_ul: int, alarms: Alarm) -> RefusalReason | None:
    """The first reason against it, None when there is none."""
    checks = (
        (load.digest == program_digest(load), RefusalReason.WRONG_DIGEST),
        (load.program_id != _NO_PROGRAM_ID, RefusalReason.WRONG_PROGRAM),
        (load.phase in _PHASES and load.link_loss in _LINK_LOSSES, RefusalReason.BAD_VALUE),
        (_flow_in_range(load.flow_ul_h, profile), RefusalReason.FLOW_OUT_OF_RANGE),
        (load.flow_ul_h <= load.flow_limit_ul_h, RefusalReason.FLOW_ABOVE_LIMIT),
        (_settable(load, profile), RefusalReason.NOT_SETTABLE),
        (load.vtbi_ul <= reservoir_ul, RefusalReason.VTBI_ABOVE_RESERVOIR),
        (load.kvo_ul_h == 0, RefusalReason.KVO_NOT_ZERO),
        (_lease_in_range(load, profile), RefusalReason.LEASE_OUT_OF_RANGE),
        (not alarms & STOPPING_ALARMS, RefusalReason.ALARM_ACTIVE),
    )
    return _first_reason(checks)


def refusal_of_prime(prime: Prime, profile: PumpProfile, reservoir_ul: int, alarms: Alarm) -> RefusalReason | None:
    """The first reason against it, None when there is none."""
    checks = (
        (prime.not_connected == NOT_CONNECTED, RefusalReason.PRIME_REFUSED),
        (1 <= prime.volume_ul <= min(MAX_PRIME_UL, reservoir_ul), RefusalReason.PRIME_REFUSED),
        (_flow_in_range(prime.flow_ul_h, profile), RefusalReason.PRIME_REFUSED),
        (prime.flow_ul_h % profile.flow_step_ul_h == 0, RefusalReason.NOT_SETTABLE),
        (prime.volume_ul % profile.volume_step_ul == 0, RefusalReason.NOT_SETTABLE),
        (not alarms & STOPPING_ALARMS, RefusalReason.ALARM_ACTIVE),
    )
    return _first_reason(checks)


def _first_reason(checks: tuple[tuple[bool, RefusalReason], ...]) -> RefusalReason | None:
    return next((reason for holds, reason in checks if not holds), None)


def _flow_in_range(flow_ul_h: int, profile: PumpProfile) -> bool:
    return profile.min_flow_ul_h <= flow_ul_h <= profile.max_flow_ul_h


def _settable(load: Load, profile: PumpProfile) -> bool:
    in_steps = load.flow_ul_h % profile.flow_step_ul_h == 0 and load.vtbi_ul % profile.volume_step_ul == 0
    return in_steps and load.vtbi_ul > 0


def _lease_in_range(load: Load, profile: PumpProfile) -> bool:
    if load.link_loss == LinkLoss.STOP_AT_LEASE_END:
        return 1 <= load.lease_ms <= profile.max_lease_ms
    return load.lease_ms == 0
