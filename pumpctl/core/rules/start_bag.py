"""The bag in the hand against the order and the program: B01, B02, B03.

Refuses to know who may start and when. What was not entered is never taken as right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumpctl.core.figures import figure
from pumpctl.core.program import Program
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.phase import PhaseFigures
from pumpctl.core.rules.start_case import Start, folded
from pumpctl.core.schedule import instant_text, read_instant
from pumpctl.core.units import AnyQuantity, Basis, Mass, Misread, Volume, read_quantity

LABEL_PERCENT = 1  # B01
_BASES: dict[str | None, Basis] = {basis.value: basis for basis in Basis}
_NONE = re.compile(r"0(\.0+)? (mL|L)")


def every_program_has_its_bag(start: Start, _: Case) -> Iterator[Finding]:
    """B01: each program has a bag that was looked at."""
    given, wanted = len(start.bags), len(start.programs)
    if given < wanted:
        message = f"{wanted - given} of {wanted} bags of this occurrence were not checked; enter each bag's label"
        yield _hard("B01", message, f"{given} bags", f"{wanted} bags")


def no_program_has_two_bags(start: Start, _: Case) -> Iterator[Finding]:
    """B02: a bag more than there are programs would be a second concentration inside one."""
    given, wanted = len(start.check.bags), len(start.programs)
    if start.begins_occurrence and given > wanted:
        yield _hard(
            "B02", "more bags were checked than this occurrence has programs", f"{given} bags", f"{wanted} bags"
        )


def label_is_the_ordered_bag(start: Start, case: Case) -> Iterator[Finding]:
    """B01: patient, drug, content, final volume and diluent as ordered, content and volume within 1 %."""
    for path, program, bag in start.bags:
        label, phase = bag.label, case.figures.phases[program.phase_index]
        yield from _same(f"{path}.label.patient", label.patient, case.order.patient.id)
        yield from _same(f"{path}.label.drug", label.drug, case.order.product.drug)
        yield from _same(f"{path}.label.diluent", label.diluent, phase.diluent)
        if phase.content is None or phase.final_volume is None or phase.volume is None:
            continue  # U01 and U06 refuse
        content = read_quantity(label.content or "", Mass, _BASES.get(label.basis))
        part = _part_of(start, program, phase)
        ordered_content = Mass(phase.content.num * part[0], phase.content.den * part[1])
        ordered_volume = Volume(phase.final_volume.num * part[0], phase.final_volume.den * part[1])
        yield from _within(f"{path}.label.content", label.content, content, ordered_content, "g")
        volume = read_quantity(label.final_volume or "", Volume)
        yield from _within(f"{path}.label.final_volume", label.final_volume, volume, ordered_volume, "mL")


def bag_outlasts_the_infusion(start: Start, case: Case) -> Iterator[Finding]:
    """B01: beyond-use time not before the planned end; equal passes."""
    for (path, _, bag), ends_ms in zip(start.bags, start.ends_utc_ms(case.at_utc_ms), strict=False):
        where = f"{path}.beyond_use_at"
        beyond_use_ms = read_instant(bag.beyond_use_at or "")
        if isinstance(beyond_use_ms, Misread):
            yield _unread("B01", where, bag.beyond_use_at, beyond_use_ms)
        elif ends_ms > beyond_use_ms:
            ends, limit = instant_text(ends_ms), f"at most {instant_text(beyond_use_ms)}"
            yield _hard("B01", f"{where}: the bag must not be used so long; take a fresher one", ends, limit)


def bag_is_new(start: Start, case: Case) -> Iterator[Finding]:
    """B02: a bag hangs once, for one occurrence of one order."""
    occasion = (case.order.digest, start.occurrence.number)
    seen: set[str] = set()
    for path, _, bag in start.bags:
        key = folded(bag.bag_id or "")
        used_for = start.used_bags.get(key)
        if not key:
            yield _hard(
                "B02", f"{path}.bag_id is missing; enter the number on the bag", "missing", "a bag's own number"
            )
        elif key in seen or (used_for is not None and used_for != occasion):
            message = f"{path}: bag {bag.bag_id} was used before; take the bag that was made for this infusion"
            yield _hard("B02", message, bag.bag_id or "", "a bag that was not used before")
        seen.add(key)


def bag_holds_the_program(start: Start, _: Case) -> Iterator[Finding]:
    """B03: VTBI at most final volume - priming - residual, exactly; a shortfall is never caught up."""
    for path, program, bag in start.bags:
        final = read_quantity(bag.label.final_volume or "", Volume)
        losses: list[Volume] = []
        for name, text in (("priming_volume", bag.priming_volume), ("residual_volume", bag.residual_volume)):
            loss = Volume(0) if text and _NONE.fullmatch(text) else read_quantity(text or "", Volume)
            if isinstance(loss, Misread):
                yield _unread("B03", f"{path}.{name}", text, loss)
            else:
                losses.append(loss)
        if isinstance(final, Misread) or len(losses) < 2:
            continue  # B01 refuses, or the line above
        needed = Volume(program.vtbi_ul).plus(losses[0]).plus(losses[1])
        if needed > final:
            message = f"{path}: the volume to be infused, priming and residual together are more than the bag holds"
            yield _hard("B03", message, figure(needed, "mL"), f"at most {figure(final, 'mL')}")


def _part_of(start: Start, program: Program, phase: PhaseFigures) -> tuple[int, int]:
    """Of the ordered bag in this container: all, or the program's share of the phase's volume."""
    siblings = [other for other in start.programs if other.phase_index == program.phase_index]
    if phase.volume is None or (program.container == 0 and len(siblings) == 1):
        return 1, 1
    return program.vtbi_ul * phase.volume.den, phase.volume.num


def _same(path: str, entered: str | None, ordered: str | None) -> Iterator[Finding]:
    if entered is None or entered != ordered:
        message = f"{path} {'is missing; read it off the bag' if entered is None else 'is not what was ordered'}"
        yield _hard("B01", message, entered or "missing", ordered or "stated in the order")


def _within(
    path: str, text: str | None, entered: AnyQuantity | Misread, ordered: AnyQuantity, unit: str
) -> Iterator[Finding]:
    if isinstance(entered, Misread):
        yield _unread("B01", path, text, entered)
    elif entered.differs_by_more_than_percent(ordered, LABEL_PERCENT):
        shown, limit = figure(entered, unit), f"{figure(ordered, unit)} within {LABEL_PERCENT} %"
        yield _hard("B01", f"{path} is not what was ordered; this is another bag, or a slip", shown, limit)


def _unread(rule: str, path: str, text: str | None, misread: Misread) -> Finding:
    if text is None:
        return _hard(rule, f"{path} is missing; enter it at the bag check", "missing", "stated")
    return _hard(rule, f"{path} {misread.reason}", text, "a figure with its unit or a time with its offset")


def _hard(rule: str, message: str, value: str, limit: str) -> Finding:
    return Finding(rule, Severity.HARD, message, value, limit, "project")
