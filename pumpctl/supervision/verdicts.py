"""Whether an accepted order still stands at this instant, with every dose known by now.

Refuses to remember an older verdict: acceptance is judged again before flow may rise.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pumpctl.core.instant import Now
from pumpctl.core.reason import Reason
from pumpctl.core.rules.case import Context
from pumpctl.core.rules.finding import Severity
from pumpctl.core.validation import Verdict, judge
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.ward import AcceptedOrder, Ward

BLOCKING = frozenset({Severity.HARD, Severity.SOFT})


def verdict_now(ward: Ward, accepted: AcceptedOrder, now: Now) -> Verdict:
    """The order judged at `now` against the library and the ledger."""
    context = Context(at_utc_ms=now.utc_ms, ledger=ward.ledger, overrides=accepted.overrides)
    return judge(accepted.order, ward.library, context)


def reasons_against(ward: Ward, infusion: Infusion, now: Now) -> tuple[Reason, ...]:
    """Why this program's order may not be given now; empty: it may."""
    accepted = ward.orders.get(infusion.program.order_digest)
    if accepted is None:
        return (Reason("no_order", "no accepted order stands behind this program"),)
    if accepted.cancelled:
        return (Reason("order_cancelled", "the order was cancelled"),)
    return blocking(verdict_now(ward, accepted, now))


def blocking(verdict: Verdict) -> tuple[Reason, ...]:
    """The findings that refuse: HARD ones, and SOFT ones without an override."""
    return tuple(
        Reason(finding.rule, finding.message)
        for finding in verdict.findings
        if finding.severity in BLOCKING and not finding.overridden
    )


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """The JSON of `pumpctl check` (design section 5)."""
    return {
        "verdict": verdict.decision.value,
        "order_digest": verdict.order_digest,
        "library_hash": verdict.library_hash,
        "findings": [{**asdict(finding), "severity": finding.severity.value} for finding in verdict.findings],
    }
