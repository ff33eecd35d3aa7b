"""Whether an accepted order still stands at this instant, with every dose known by now.

Refuses to remember an older verdict: acceptance is judged again before flow may rise.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pumpctl.core.instant import Now
from pumpctl.core.order import Override
from pumpctl.core.reason import Reason
from pumpctl.core.rules.case import Context
from pumpctl.core.rules.finding import Severity
from pumpctl.core.rules.start_case import Start
from pumpctl.core.start_verdict import judge_start
from pumpctl.core.validation import Verdict, judge
from pumpctl.supervision.bag_checks import start_confirmed
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.latches import uncleared_stops
from pumpctl.supervision.observing import reported_of
from pumpctl.supervision.ward import AcceptedOrder, Ward

BLOCKING = frozenset({Severity.HARD, Severity.SOFT})


def verdict_now(ward: Ward, accepted: AcceptedOrder, now: Now) -> Verdict:
    """The order judged at `now` against the library and the ledger."""
    return judge(accepted.order, ward.library, _context(ward, accepted, accepted.overrides, now))


def start_verdict(
    ward: Ward, accepted: AcceptedOrder, start: Start, overrides: tuple[Override, ...], now: Now
) -> Verdict:
    """The order and this start of it, judged at `now`. `overrides` were given for the start."""
    context = _context(ward, accepted, (*accepted.overrides, *overrides), now)
    return judge_start(accepted.order, ward.library, context, start)


def reasons_against(ward: Ward, channel: Channel, infusion: Infusion, now: Now) -> tuple[Reason, ...]:
    """Why this program may not be started or resumed now; empty: it may."""
    accepted = ward.orders.get(infusion.program.order_digest)
    if accepted is None:
        return (Reason("no_order", "no accepted order stands behind this program"),)
    if accepted.cancelled:
        return (Reason("order_cancelled", "the order was cancelled"),)
    checked = accepted.checks.get(infusion.program.occurrence)
    if checked is None:
        return (Reason("no_bag_check", "no bag check stands behind this program"),)
    start = start_confirmed(ward, channel, infusion, accepted, checked.check, now)
    return blocking(start_verdict(ward, accepted, start, checked.overrides, now))


def _context(ward: Ward, accepted: AcceptedOrder, overrides: tuple[Override, ...], now: Now) -> Context:
    return Context(
        at_utc_ms=now.utc_ms,
        ledger=ward.ledger,
        overrides=overrides,
        accepted_utc_ms=accepted.accepted_utc_ms,
        uncleared_stops=uncleared_stops(ward, accepted.order.patient.id),
        reported=reported_of(ward.channels[accepted.channel], now.therapy_ns),
    )


def blocking(verdict: Verdict) -> tuple[Reason, ...]:
    """The findings that refuse: HARD ones, and SOFT ones without an override."""
    return tuple(
        Reason(finding.rule, finding.message)
        for finding in verdict.findings
        if finding.severity in BLOCKING and not finding.overridden
    )


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """The JSON of `pumpctl check`."""
    return {
        "verdict": verdict.decision.value,
        "order_digest": verdict.order_digest,
        "library_hash": verdict.library_hash,
        "findings": [{**asdict(finding), "severity": finding.severity.value} for finding in verdict.findings],
    }
