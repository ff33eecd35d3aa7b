"""`pumpctl plan`: what a pump would be set to for an order, and when.

Refuses to plan what the rules do not accept.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from pumpctl.cli import findings
from pumpctl.cli.failure import ExitCode, Failure
from pumpctl.core.figures import figure
from pumpctl.core.units import MS_PER_HOUR, Duration, FlowRate, Mass, Volume

if TYPE_CHECKING:
    from pumpctl.core.capability import Capability
    from pumpctl.core.program import Plan, Program, Refusal, Rounding
    from pumpctl.core.schedule import Timetable
    from pumpctl.core.validation import Verdict

_HELP = "Show the pump programs of an order: flow, dose rate, VTBI, duration, rounding."


def register(app: typer.Typer) -> None:
    app.command("plan", help=_HELP)(plan)


def plan(
    order: findings.OrderFile,
    pump: Annotated[str, typer.Option(help="The pump to plan for, for instance companion.")],
    library: Annotated[Path | None, typer.Option(help="Another drug library than the packaged one.")] = None,
    at: Annotated[str | None, typer.Option(help="Time of judgement, with UTC offset; default now.")] = None,
    override: Annotated[list[str] | None, typer.Option(help="RULE=PERSON:reason; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Judge as `check` does; when accepted, compile for the pump."""
    from pumpctl.core.program import Refusal, compile_programs
    from pumpctl.core.rules.case import Context
    from pumpctl.core.schedule import expand
    from pumpctl.core.validation import Decision, judge

    capability = _capability(pump)
    at_utc_ms = findings.instant_of(at)
    drug_library = findings.load_library(library)
    parsed = findings.read_order(order)
    timetable = expand(parsed.schedule)
    verdict = judge(parsed, drug_library, Context(at_utc_ms, timetable=timetable))
    if override:
        overrides = findings.bind_overrides(verdict, override)
        verdict = judge(parsed, drug_library, Context(at_utc_ms, overrides=overrides, timetable=timetable))
    compiled = compile_programs(parsed, drug_library, capability, occurrence=1, attempt=1)
    if isinstance(compiled, Refusal):
        _refuse(capability, compiled, verdict, order, as_json)
    verdict = replace(verdict, findings=verdict.findings + compiled.advisories)
    if as_json:
        findings.print_json(findings.verdict_json(verdict) | _plan_json(capability, verdict, compiled, timetable))
    else:
        findings.print_verdict(verdict, order)
        if verdict.decision is Decision.ACCEPTED:
            _print_plan(capability, compiled, timetable)
    raise typer.Exit(findings.exit_code(verdict))


def _capability(pump: str) -> Capability:
    from pumpctl.core.capability import REFERENCE_PUMPS

    if pump not in REFERENCE_PUMPS:
        known = ", ".join(sorted(REFERENCE_PUMPS))
        raise Failure(ExitCode.USAGE, f"--pump {pump!r} is not known", f"known pumps: {known}")
    return REFERENCE_PUMPS[pump]


def _refuse(capability: Capability, refusal: Refusal, verdict: Verdict, order: Path, as_json: bool) -> NoReturn:
    """The pump cannot, or the order was refused anyway: all findings of both."""
    from pumpctl.core.validation import Decision

    own = tuple(finding for finding in refusal.findings if finding not in verdict.findings)
    whole = replace(verdict, decision=Decision.REFUSED, findings=own + verdict.findings)
    if as_json:
        findings.print_json(findings.verdict_json(whole) | {"pump": capability.model, "programs": []})
    else:
        findings.print_verdict(whole, order)
    raise typer.Exit(ExitCode.REFUSED)


def _plan_json(capability: Capability, verdict: Verdict, plan: Plan, timetable: Timetable) -> dict[str, Any]:
    """Programs only of an accepted order: a list that is there would be used."""
    from pumpctl.core.schedule import instant_text
    from pumpctl.core.validation import Decision

    accepted = verdict.decision is Decision.ACCEPTED
    return {
        "pump": capability.model,
        "programs": [_program_json(program, plan) for program in plan.programs] if accepted else [],
        "occurrences": [
            {"number": occurrence.number, "due": instant_text(occurrence.due_utc_ms)}
            for occurrence in timetable.occurrences
        ],
    }


def _program_json(program: Program, plan: Plan) -> dict[str, Any]:
    rounding = plan.roundings[program.phase_index]
    return {
        "phase": program.phase_index + 1,
        "kind": program.phase_kind.value,
        "container": program.container + 1,
        "profile": program.profile,
        "flow_rate_ul_h": program.flow_rate_ul_h,
        "vtbi_ul": program.vtbi_ul,
        "flow_limit_ul_h": program.flow_limit_ul_h,
        "kvo_ul_h": program.kvo_ul_h,
        "link_loss": program.link_loss.value,
        "lease_ms": program.lease_ms,
        "dose_ug": program.dose_ug,
        "dose_rate": _dose_rate(program),
        "duration": _duration(program),
        "concentration": figure(program.concentration, "mg/mL"),
        "rounding_error": _rounding_error(rounding),
    }


def _dose_rate(program: Program) -> str:
    return figure(program.dose_rate_at(program.flow_rate_ul_h), "mg/min")


def _duration(program: Program) -> str:
    duration = program.expected_duration
    return figure(duration, "h" if duration >= Duration(MS_PER_HOUR) else "min")


def _rounding_error(rounding: Rounding) -> str:
    stated = rounding.stated_flow
    lost = FlowRate(stated.num - rounding.flow_rate_ul_h * stated.den, stated.den)
    return f"flow {figure(lost, 'mL/h')} below the order"


def _print_plan(capability: Capability, plan: Plan, timetable: Timetable) -> None:
    from pumpctl.core.schedule import instant_text

    typer.echo(f"plan for {capability.model}, each occurrence:")
    for program in plan.programs:
        typer.echo(
            f"  phase {program.phase_index + 1} ({program.phase_kind.value}), container {program.container + 1}: "
            f"{figure(FlowRate(program.flow_rate_ul_h), 'mL/h')}, {_dose_rate(program)}, "
            f"VTBI {figure(Volume(program.vtbi_ul), 'mL')}, {_duration(program)}"
        )
        typer.echo(
            f"    dose {figure(Mass(program.dose_ug), 'g')}, pump's flow limit "
            f"{figure(FlowRate(program.flow_limit_ul_h), 'mL/h')}, KVO {figure(FlowRate(program.kvo_ul_h), 'mL/h')}, "
            f"{_rounding_error(plan.roundings[program.phase_index])}"
        )
    for occurrence in timetable.occurrences:
        typer.echo(f"  occurrence {occurrence.number:>2} due {instant_text(occurrence.due_utc_ms)}")
