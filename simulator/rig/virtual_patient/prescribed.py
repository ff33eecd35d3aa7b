"""An order as doses over time: when each infusion is due, how fast and how long it runs, and what the rules say to it.

Refuses to know the patient's body, and to read a dose that the order leaves open. What is accepted counts as the
reference pump would be told; what is not, as it stands written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pumpctl.core.capability import COMPANION_REFERENCE
from pumpctl.core.library import Library
from pumpctl.core.order import Order
from pumpctl.core.program import Plan, Refusal, compile_case
from pumpctl.core.rules.case import Case, Context, open_case
from pumpctl.core.rules.finding import Severity
from pumpctl.core.schedule import expand
from pumpctl.core.units import MS_PER_HOUR, Concentration, FlowRate, Volume
from pumpctl.core.validation import Decision, Verdict, judge_case
from simulator.patient.course import MINUTES_PER_HOUR, Dose, Route


@dataclass(frozen=True, slots=True)
class Prescribed:
    """`doses`: hours since the first infusion is due; empty when the order leaves one of its figures open."""

    order: Order
    verdict: Verdict
    doses: tuple[Dose, ...]
    begin_h: tuple[float, ...]  # one each infusion


def prescribed(order: Order, library: Library, at_utc_ms: int | None) -> Prescribed:
    """Judged at this time or else when its first infusion is due: a simulation has no today."""
    timetable = expand(order.schedule)
    due = [occurrence.due_utc_ms for occurrence in timetable.occurrences]
    judged_utc_ms = at_utc_ms if at_utc_ms is not None else next(iter(due), 0)
    case = open_case(order, library, Context(judged_utc_ms, timetable=timetable))
    verdict, compiled = judge_case(case), compile_case(case, COMPANION_REFERENCE, 1, 1)
    if isinstance(compiled, Refusal):
        more = tuple(finding for finding in compiled.findings if finding not in verdict.findings)
        verdict = replace(verdict, decision=Decision.REFUSED, findings=more + verdict.findings)
    begin_h = tuple((utc_ms - due[0]) / MS_PER_HOUR for utc_ms in due)
    infusion = _infusion(case, compiled)
    doses = tuple(
        replace(dose, begin_h=dose.begin_h + hour, end_h=dose.end_h + hour) for hour in begin_h for dose in infusion
    )
    return Prescribed(order, verdict, doses, begin_h)


def findings_against(verdict: Verdict) -> tuple[str, ...]:
    """Ids of what keeps the order from being given, each once: all that is hard, else all that lacks an override."""
    wanted = Severity.HARD if verdict.decision is Decision.REFUSED else Severity.SOFT
    ids = (finding.rule for finding in verdict.findings if finding.severity is wanted and not finding.overridden)
    return tuple(dict.fromkeys(ids))


def _infusion(case: Case, compiled: Plan | Refusal) -> list[Dose]:
    """One occurrence, its parts one after the other without a wait."""
    parts = _programmed(compiled) if isinstance(compiled, Plan) else _written(case)
    if parts is None or case.order.route not in {route.value for route in Route}:
        return []
    route, at_h = Route(case.order.route), 0.0
    doses: list[Dose] = []
    for flow, volume, content in parts:
        flow_ul_h, volume_ul = flow.num / flow.den, volume.num / volume.den
        end_h = at_h + volume_ul / flow_ul_h
        mg_per_ul = content.num / content.den / 1000
        doses.append(Dose(at_h, end_h, route, flow_ul_h * mg_per_ul / MINUTES_PER_HOUR))
        at_h = end_h
    return doses


def _programmed(plan: Plan) -> list[tuple[FlowRate, Volume, Concentration]]:
    return [(FlowRate(one.flow_rate_ul_h), Volume(one.vtbi_ul), one.concentration) for one in plan.programs]


def _written(case: Case) -> list[tuple[FlowRate, Volume, Concentration]] | None:
    parts = [(phase.flow, phase.volume, phase.concentration) for phase in case.figures.phases]
    whole = [(f, v, c) for f, v, c in parts if f is not None and v is not None and c is not None and f.num and v.num]
    return whole if len(whole) == len(parts) else None
