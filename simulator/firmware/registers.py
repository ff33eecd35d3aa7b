"""The program as the motor control holds it, and its way back into the words of the link.

Refuses to know frames and states. SPEC.md section 3: PROGRAM is re-encoded from the values that the motor
will use, so nothing of the received request is kept here but what has no motor value: the id and the dose
on the display. A value that went wrong on the way in, or later, therefore shows in the read-back.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.companion.codec import sealed
from protocols.companion.messages import Load, Program
from protocols.companion.vocabulary import LinkLoss, Phase
from simulator import motor
from simulator.instant import NS_PER_MS

_NO_DIGEST = bytes(16)


@dataclass(frozen=True, slots=True)
class ProgramRegisters:
    """Intervals as simulator/motor.py has them; the limit is the shortest interval ever allowed."""

    program_id: bytes
    loading: bool
    step_interval: int
    target_steps: int
    limit_interval: int
    after_target_interval: int  # 0: the motor is not driven after VTBI
    stops_at_lease_end: bool
    lease_ns: int
    display_dose_ug: int


def settle(load: Load, steps_per_ul: int) -> ProgramRegisters:
    """Turn an accepted LOAD into motor values."""
    return ProgramRegisters(
        program_id=load.program_id,
        loading=load.phase == Phase.LOADING,
        step_interval=motor.interval_of_flow(load.flow_ul_h, steps_per_ul),
        target_steps=load.vtbi_ul * steps_per_ul,
        limit_interval=motor.interval_of_flow(load.flow_limit_ul_h, steps_per_ul),
        after_target_interval=motor.interval_of_flow(load.kvo_ul_h, steps_per_ul) if load.kvo_ul_h else 0,
        stops_at_lease_end=load.link_loss == LinkLoss.STOP_AT_LEASE_END,
        lease_ns=load.lease_ms * NS_PER_MS,
        display_dose_ug=load.dose_ug,
    )


def flow_of(registers: ProgramRegisters, steps_per_ul: int) -> int:
    """The flow that the motor is set to."""
    return motor.flow_of_interval(registers.step_interval, steps_per_ul)


def flow_limit_of(registers: ProgramRegisters, steps_per_ul: int) -> int:
    """The fastest that this program may ever run."""
    return motor.flow_of_interval(registers.limit_interval, steps_per_ul)


def re_encode(registers: ProgramRegisters, steps_per_ul: int) -> Program:
    """What a companion reads back, digest included."""
    return sealed(
        Program(
            program_id=registers.program_id,
            digest=_NO_DIGEST,
            phase=Phase.LOADING if registers.loading else Phase.INFUSION,
            flow_ul_h=flow_of(registers, steps_per_ul),
            vtbi_ul=registers.target_steps // steps_per_ul,
            flow_limit_ul_h=flow_limit_of(registers, steps_per_ul),
            kvo_ul_h=motor.flow_of_interval(registers.after_target_interval, steps_per_ul),
            link_loss=LinkLoss.STOP_AT_LEASE_END if registers.stops_at_lease_end else LinkLoss.FINISH_LOADED,
            lease_ms=registers.lease_ns // NS_PER_MS,
            dose_ug=registers.display_dose_ug,
        )
    )
