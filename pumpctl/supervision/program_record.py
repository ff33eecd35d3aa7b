"""A program as a journal record, and back: exact, so that a restarted daemon knows it again.

Refuses to compile: what was running is what was recorded, whatever a newer library would say.
"""

from __future__ import annotations

from typing import Any

from pumpctl.core.delivered import Counters
from pumpctl.core.library import LinkLoss, PhaseKind
from pumpctl.core.program import Program
from pumpctl.core.units import Concentration, DoseRate


def program_body(program: Program) -> dict[str, Any]:
    """Integers and texts only: exact ratios as [numerator, denominator]."""
    return {
        "program_id": program.program_id.hex(),
        "order_digest": program.order_digest,
        "occurrence": program.occurrence,
        "phase_index": program.phase_index,
        "phase_kind": program.phase_kind.value,
        "container": program.container,
        "attempt": program.attempt,
        "patient_id": program.patient_id,
        "route": program.route,
        "profile": program.profile,
        "flow_rate_ul_h": program.flow_rate_ul_h,
        "vtbi_ul": program.vtbi_ul,
        "flow_limit_ul_h": program.flow_limit_ul_h,
        "link_loss": program.link_loss.value,
        "lease_ms": program.lease_ms,
        "concentration": [program.concentration.num, program.concentration.den],
        "hard_max_dose_rate": [program.hard_max_dose_rate.num, program.hard_max_dose_rate.den],
        "library_hash": program.library_hash,
        "kvo_ul_h": program.kvo_ul_h,
    }


def program_of(body: dict[str, Any]) -> Program:
    """The program that program_body recorded."""
    fields: dict[str, Any] = {
        **body,
        "program_id": bytes.fromhex(body["program_id"]),
        "phase_kind": PhaseKind(body["phase_kind"]),
        "link_loss": LinkLoss(body["link_loss"]),
        "concentration": Concentration(*body["concentration"]),
        "hard_max_dose_rate": DoseRate(*body["hard_max_dose_rate"]),
    }
    return Program(**fields)


def counters_body(counters: Counters) -> dict[str, int | None]:
    return {
        "boot_count": counters.boot_count,
        "motor_ul": counters.motor_ul,
        "encoder_ul": counters.encoder_ul,
        "flow_ul": counters.flow_ul,
    }
