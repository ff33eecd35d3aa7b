"""The verdict on an order: every finding of every rule, and what they come to.

Refuses to know what any rule is about. A rule that raises, a required rule that is absent and a
limit of the library that no rule judges each deny: silence must never mean consent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from pumpctl.core.library import Library
from pumpctl.core.order import Order, Override
from pumpctl.core.rules.case import Case, Context, open_case
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.limits import library_findings
from pumpctl.core.rules.softening import TO_SOFT, softened
from pumpctl.core.rules.table import REQUIRED_IDS, RULES, Judge, Rule
from pumpctl.core.schedule import DAY_MS, read_instant
from pumpctl.core.units import Misread


class Decision(Enum):
    ACCEPTED = "accepted"
    NEEDS_OVERRIDE = "needs_override"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Findings are sorted by severity, rule and message."""

    decision: Decision
    findings: tuple[Finding, ...]
    order_digest: str
    library_hash: str


def judge(order: Order, library: Library, context: Context, rules: tuple[Rule, ...] = RULES) -> Verdict:
    """Judge the order at the context's time."""
    return judge_case(open_case(order, library, context), context.overrides, rules)


def judge_case(case: Case, overrides: tuple[Override, ...] = (), rules: tuple[Rule, ...] = RULES) -> Verdict:
    """judge() for a caller that has the case open."""
    present, judges = (_DEFAULT_IDS, _DEFAULT_JUDGES) if rules is RULES else (_ids(rules), _judges(rules))
    findings = _of_library(case, present)
    for rule, judge_one in judges:
        try:
            findings += judge_one(case)
        except Exception as error:  # whatever went wrong in a rule, that rule denies the order
            findings.append(_failed(rule, error))
    findings += _absent(present, case.library)
    if case.is_emergency:
        findings = [softened(finding) for finding in findings]
    if overrides or case.order.overrides:
        findings = list(_with_overrides(findings, case, (*case.order.overrides, *overrides)))
    findings.sort(key=_rank)
    return Verdict(_decide(findings), tuple(findings), case.order.digest, case.library.content_hash)


def bind(verdict: Verdict, rule: str, person: str, reason: str) -> tuple[Override, ...]:
    """Overrides for the SOFT findings of this rule in this verdict, with the values seen; none when it has none.

    Q10 names all that an emergency has softened (clinical.md, Q10): one override for each of those findings.
    """
    named = {rule}
    if rule == EMERGENCY and any(finding.rule == EMERGENCY for finding in verdict.findings):
        named = TO_SOFT
    seen = {
        (finding.rule, finding.value)
        for finding in verdict.findings
        if finding.rule in named and finding.severity is Severity.SOFT and not finding.overridden
    }
    return tuple(
        Override(rule=one, order_digest=verdict.order_digest, value=value, person=person, reason=reason)
        for one, value in sorted(seen)
    )


def _ids(rules: tuple[Rule, ...]) -> frozenset[str]:
    return frozenset({rule.id for rule in rules})


def _judges(rules: tuple[Rule, ...]) -> tuple[tuple[str, Judge], ...]:
    return tuple([(rule.id, judge_one) for rule in rules for judge_one in rule.judges])


_DEFAULT_IDS, _DEFAULT_JUDGES = _ids(RULES), _judges(RULES)


def _of_library(case: Case, present: frozenset[str]) -> list[Finding]:
    """The rows of rules that are present; _absent() denies for the others."""
    try:
        return [finding for finding in library_findings(case) if finding.rule in present]
    except Exception as error:  # not to know whether a limit holds is not to hold it
        return [_failed(rule, error) for rule in sorted(case.library.rule_ids & present)]


def _failed(rule: str, error: Exception) -> Finding:
    message = f"rule {rule} failed ({type(error).__name__}: {error}); the order is refused, report this"
    return Finding(rule, Severity.HARD, message, "failed", "judged", "project")


def _absent(present: frozenset[str], library: Library) -> list[Finding]:
    if present >= REQUIRED_IDS and library.rule_ids <= present:
        return []
    return [
        Finding(
            rule,
            Severity.HARD,
            f"rule {rule} is not in this build; every order is refused",
            "absent",
            "present",
            "project",
        )
        for rule in sorted((REQUIRED_IDS | library.rule_ids) - present)
    ]


def _with_overrides(findings: list[Finding], case: Case, overrides: tuple[Override, ...]) -> Iterator[Finding]:
    # One Q02 override covers all SOFT findings of the halved limits: the one that saw the clearance itself.
    causes = {limit.text for limit in case.library.reduced_clearance}
    clearance_seen = {finding.value for finding in findings if finding.rule == HALVED and finding.limit in causes}
    for finding in findings:
        about = [override for override in overrides if override.rule == finding.rule]
        if finding.severity is not Severity.SOFT or not about:
            yield finding
            continue
        values = {finding.value, *clearance_seen} if finding.rule == HALVED else {finding.value}
        refusals = [_why_not(override, case, values) for override in about]
        if None in refusals:
            yield replace(finding, overridden=True)
        else:
            reasons = "; ".join(reason for reason in refusals if reason is not None)
            yield replace(finding, message=f"{finding.message} (override does not apply: {reasons})")


HALVED, EMERGENCY = "Q02", "Q10"
LONGEST_DAYS = 35  # clinical.md, head; counted from where the version that it binds begins (project)


def _why_not(override: Override, case: Case, values: set[str]) -> str | None:
    if override.order_digest != case.order.digest:
        return "given for another version of the order"
    if _folded(override.person) == _folded(case.order.prescriber):
        return "the prescriber cannot be the second person"
    if override.expires_at is not None:
        expires_utc_ms = read_instant(override.expires_at)
        if isinstance(expires_utc_ms, Misread):
            return f"its expires_at {expires_utc_ms.reason}"
        if case.at_utc_ms > expires_utc_ms:
            return f"expired {override.expires_at}"
        begins_utc_ms = case.figures.times.valid_from  # None: T02 refuses
        if begins_utc_ms is not None and expires_utc_ms > begins_utc_ms + LONGEST_DAYS * DAY_MS:
            return f"its expires_at is more than {LONGEST_DAYS} days after the order's valid_from"
    if override.value not in values:
        return f"given for {override.value}"
    return None


def _folded(name: str) -> str:
    """One person written two ways is one person."""
    return " ".join(name.split()).casefold()


def _decide(findings: list[Finding]) -> Decision:
    standing = [finding.severity for finding in findings if not finding.overridden]
    if Severity.HARD in standing:
        return Decision.REFUSED
    return Decision.NEEDS_OVERRIDE if Severity.SOFT in standing else Decision.ACCEPTED


_ORDER = {severity: place for place, severity in enumerate(Severity)}


def _rank(finding: Finding) -> tuple[int, str, str, str, str]:
    return (_ORDER[finding.severity], finding.rule, finding.message, finding.value, finding.limit)
