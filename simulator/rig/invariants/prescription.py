"""What people have ordered, read from the orders they wrote, and which of them the daemon has accepted.

Refuses to share the daemon's parser: volumes, flows and dates are read here once more, plainly. An order that is not
native JSON is known by its acceptance alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, cast

from pumpctl.effects import Record, Refuse, Reply
from simulator.rig.world.seen import Asked, Happening, LifeBegan

_UL = {"mL": 1_000, "uL": 1, "L": 1_000_000}
_UG = {"g": 1_000_000, "mg": 1_000, "ug": 1}


@dataclass(frozen=True, slots=True)
class PhaseOrdered:
    """`flow_ul_h` None when the order says none; `ug_per_ul` is its concentration."""

    volume_ul: Fraction
    flow_ul_h: Fraction | None
    ug_per_ul: Fraction


@dataclass(frozen=True, slots=True)
class Prescription:
    """An order as written."""

    patient_id: str
    route: str
    valid_from_ms: int
    valid_until_ms: int
    phases: tuple[PhaseOrdered, ...]

    @property
    def volume_ul(self) -> Fraction:
        """Of one occurrence."""
        return sum((phase.volume_ul for phase in self.phases), Fraction(0))


@dataclass(frozen=True, slots=True)
class Submission:
    """How an order was handed in, and when by the true calendar."""

    text: str
    overrides: tuple[str, ...]
    utc_ms: int


@dataclass(slots=True)
class Prescriptions:
    """By the digest that the daemon gave in its answer."""

    accepted: dict[str, Prescription | None] = field(default_factory=dict[str, Prescription | None])
    cancelled: set[str] = field(default_factory=set[str])
    submitted: dict[str, Submission] = field(default_factory=dict[str, Submission])  # the last accepted, by channel
    _asked: dict[int, Asked] = field(default_factory=dict[int, Asked])

    def note(self, happening: Happening, utc_ms: int) -> None:
        """Requests, their answers, and what the journal says of a cancellation."""
        match happening:
            case Asked(number, "order.submit" | "order.cancel"):
                self._asked[number] = happening
            case Reply(number, result):
                asked = self._asked.pop(number, None)
                if asked is not None and asked.method == "order.submit":
                    self.accepted[str(result["order"])] = prescription(str(asked.params["text"]))
                    overrides = tuple(asked.params.get("overrides") or ())
                    submission = Submission(str(asked.params["text"]), overrides, utc_ms)
                    self.submitted[str(result["channel"])] = submission
                elif asked is not None:
                    self.cancelled.add(str(result["order"]))
            case Refuse(number):
                self._asked.pop(number, None)
            case Record(_, kind, body):
                self._recorded(kind, body)
            case LifeBegan(past):
                for record in past.records:
                    self._recorded(record.kind, record.body)
            case _:
                return

    def _recorded(self, kind: str, body: Mapping[str, Any]) -> None:
        """A person whose answer was lost with the daemon has ordered all the same."""
        if kind == "order_accepted" and str(body["order"]) not in self.accepted:
            self.accepted[str(body["order"])] = prescription(str(body["text"]))
        elif kind == "order_cancelled":
            self.cancelled.add(str(body["order"]))


def prescription(text: str) -> Prescription | None:
    """Read a native order; None for any other text."""
    try:
        order: object = json.loads(text)
    except ValueError:
        return None
    if not isinstance(order, dict) or "phases" not in order:
        return None
    read = cast("Mapping[str, Any]", order)
    return Prescription(
        patient_id=read["patient"]["id"],
        route=read["route"],
        valid_from_ms=_ms(read["valid_from"]),
        valid_until_ms=_ms(read["valid_until"]),
        phases=tuple(_phase(phase) for phase in read["phases"]),
    )


def _phase(phase: Mapping[str, Any]) -> PhaseOrdered:
    flow = phase.get("flow")
    return PhaseOrdered(
        _amount(phase["volume"], _UL),
        None if flow is None else _amount(flow.removesuffix("/h"), _UL),
        _amount(phase["bag"]["concentration"].removesuffix("/mL"), _UG) / 1_000,
    )


def _amount(text: str, units: Mapping[str, int]) -> Fraction:
    number, unit = text.split()
    return Fraction(number) * units[unit]


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)
