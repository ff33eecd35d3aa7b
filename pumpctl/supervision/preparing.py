"""One occurrence of an accepted order, its bag in somebody's hand, made into a program in the pump.

Refuses to start anything: a person at the pump does. What is judged here is judged again at the door; here it is
told early, with every reason, to the person who did the check.
"""

from __future__ import annotations

from typing import Any

from pumpctl.core.delivery import Trigger, step
from pumpctl.core.order import Override
from pumpctl.core.order_text import OrderUnreadable
from pumpctl.core.program import Program, compile_programs
from pumpctl.core.program import Refusal as ProgramRefusal
from pumpctl.core.reason import Reason
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.start_case import Start
from pumpctl.core.rules.start_table import START_RULES
from pumpctl.core.rules.windows import START_WINDOW_MS
from pumpctl.core.schedule import Occurrence
from pumpctl.core.starting import StartCheck, parse_check
from pumpctl.core.validation import Decision, Verdict
from pumpctl.effects import Reply
from pumpctl.supervision.alarms import end_alarm
from pumpctl.supervision.bag_checks import MAX_USED_BAGS, keep_check, start_prepared
from pumpctl.supervision.channel import Channel, Link
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.override_texts import bound_overrides, override_texts
from pumpctl.supervision.requests import NEEDS_OVERRIDE, REFUSED, USAGE, Refusal, Wish, optional_whole, take_only, text
from pumpctl.supervision.verdicts import blocking, start_verdict, verdict_json
from pumpctl.supervision.ward import AcceptedOrder, CheckedStart, Preparation, Ward

# A start later than its window, agreed to by a second person, is not open for ever (project).
AGREED_LATE_MS = 30 * 60_000
# Why the last program is not in the pump: told until the next one is on its way.
TOLD_UNTIL_PREPARED = (
    "program_refused",
    "not_programmed",
    "start_window_over",
    "next_phase_expired",
    "link_lost_before_start",
    "program_gone",
    "foreign_program",
)
START_IDS = frozenset(row.id for row in START_RULES)
NO_CHECK = Reason(
    "no_bag_check",
    "no bag check was given: read the bag's label, look at the site, ask the patient, write it down as in "
    "deploy/examples/checks, and give it with `pumpctl order prepare ORDER --check F`",
)


def prepare_order(ward: Ward, wish: Wish, out: Outbox) -> None:
    """Load an occurrence of an accepted order, with its bag check."""
    take_only(wish, "order", "person", "check", "check_name", "overrides", "occurrence")
    accepted = order_named(ward, text(wish, "order"))
    wanted = Preparation(
        accepted.digest, check_of(wish), wish.actor, override_texts(wish), optional_whole(wish, "occurrence")
    )
    told = _prepare(ward, wanted, out)
    out.add(Reply(wish.request_id, {"order": accepted.digest, "channel": accepted.channel, **told}))


def prepare_if_due(ward: Ward, wanted: Preparation, out: Outbox) -> dict[str, Any]:
    """The same for an order just accepted: not being able to load it now is told, and no refusal."""
    try:
        return _prepare(ward, wanted, out)
    except Refusal as refusal:
        told = [{"code": reason.code, "message": reason.message} for reason in refusal.reasons]
        return {"prepared": None, "not_prepared": told, "advice": _advice(_of_this_pump(ward, wanted, out))}


def order_named(ward: Ward, digest: str) -> AcceptedOrder:
    """The order whose digest begins with this text, of at least eight characters."""
    found = [accepted for known, accepted in ward.orders.items() if known.startswith(digest)]
    if len(digest) < 8 or len(found) != 1:
        raise Refusal(REFUSED, (Reason("unknown_order", f"{digest!r} names no single order; see order list"),))
    return found[0]


def check_of(wish: Wish) -> StartCheck | None:
    """The bag check that was given, if one was."""
    source, name = wish.params.get("check"), wish.params.get("check_name", "check")
    if source is None:
        return None
    if not isinstance(source, str) or not isinstance(name, str):
        raise Refusal(USAGE, (Reason("bad_parameter", "check and check_name must be texts"),))
    try:
        return parse_check(source, name)
    except OrderUnreadable as error:
        raise Refusal(USAGE, (Reason("check_unreadable", f"{error}; {error.next_step}"),)) from error


def _prepare(ward: Ward, wanted: Preparation, out: Outbox) -> dict[str, Any]:
    """Program it, or say every reason why not."""
    accepted = ward.orders[wanted.digest]
    channel = ward.channels[accepted.channel]
    occurrence = _wanted_occurrence(accepted, wanted.number, out.now.utc_ms)
    reasons = _in_the_way(ward, channel, accepted)
    if wanted.check is None:
        reasons.append(NO_CHECK)
    if reasons or wanted.check is None or channel.identity is None:
        raise Refusal(REFUSED, tuple(reasons))
    attempt = accepted.attempts.get(occurrence.number, 0) + 1
    plan = compile_programs(accepted.order, ward.library, channel.identity.capability, occurrence.number, attempt)
    if isinstance(plan, ProgramRefusal):
        raise Refusal(REFUSED, tuple(Reason(finding.rule, finding.message) for finding in plan.findings))
    start = start_prepared(ward, channel, occurrence, plan.programs, wanted.check)
    verdict, overrides = _judged(ward, accepted, start, wanted.overrides, out)
    if blocking(verdict):
        exit_code = NEEDS_OVERRIDE if verdict.decision is Decision.NEEDS_OVERRIDE else REFUSED
        raise Refusal(exit_code, blocking(verdict), verdict_json(verdict))
    accepted.attempts[occurrence.number] = attempt
    keep_check(accepted, occurrence.number, CheckedStart(wanted.check, overrides), wanted.person, out)
    told = _load(channel, occurrence, plan.programs, attempt, out)
    return {
        "prepared": {**told, "programs": len(plan.programs)},
        "not_prepared": [],
        "advice": _advice(_of_this_start(verdict) + plan.advisories),
    }


def _load(
    channel: Channel, occurrence: Occurrence, programs: tuple[Program, ...], attempt: int, out: Outbox
) -> dict[str, Any]:
    first, *following = programs
    latest_ms = max(occurrence.due_utc_ms + START_WINDOW_MS, out.now.utc_ms + AGREED_LATE_MS)
    channel.infusion = Infusion(first, occurrence.due_utc_ms, latest_ms, remaining=tuple(following))
    channel.read_back_equal, channel.program_sent = False, False
    # A person stands there with the bag: what the pump still latches is acknowledged; what has its cause stays (0C).
    channel.acknowledge_wanted = channel.status is not None and bool(channel.status.stopping_alarms)
    channel.move(Trigger.PROGRAM_REQUESTED)
    channel.awaiting_since_ns = out.now.link_ns
    for code in TOLD_UNTIL_PREPARED:
        end_alarm(channel, code, out)
    told = {"channel": channel.name, "program_id": first.program_id.hex(), "occurrence": occurrence.number}
    out.record("programmed", {**told, "order": first.order_digest, "attempt": attempt})
    return told


def _judged(
    ward: Ward, accepted: AcceptedOrder, start: Start, given: tuple[str, ...], out: Outbox
) -> tuple[Verdict, tuple[Override, ...]]:
    """The verdict on this start, with the overrides given for it bound to what is seen now."""
    seen = start_verdict(ward, accepted, start, (), out.now)
    overrides = bound_overrides(seen, given)
    return (start_verdict(ward, accepted, start, overrides, out.now) if overrides else seen), overrides


def _advice(findings: tuple[Finding, ...]) -> list[dict[str, str]]:
    """What blocks nothing and is told."""
    return [{"rule": finding.rule, "message": finding.message} for finding in findings]


def _of_this_start(verdict: Verdict) -> tuple[Finding, ...]:
    return tuple(
        finding for finding in verdict.findings if finding.rule in START_IDS and finding.severity is Severity.ADVISORY
    )


def _of_this_pump(ward: Ward, wanted: Preparation, out: Outbox) -> tuple[Finding, ...]:
    """What the pump on this channel does more strictly than the profile asks (U04), though nothing is loaded yet."""
    accepted = ward.orders[wanted.digest]
    identity = ward.channels[accepted.channel].identity
    if identity is None:
        return ()
    number = _wanted_occurrence(accepted, wanted.number, out.now.utc_ms).number
    plan = compile_programs(accepted.order, ward.library, identity.capability, number, attempt=1)
    return () if isinstance(plan, ProgramRefusal) else plan.advisories


def _wanted_occurrence(accepted: AcceptedOrder, number: int | None, utc_ms: int) -> Occurrence:
    """The one that is meant, or the nearest in time: whether it may start is for S01 and S02 to say."""
    if number is None:
        return min(accepted.occurrences, key=lambda occurrence: abs(occurrence.due_utc_ms - utc_ms))
    for occurrence in accepted.occurrences:
        if occurrence.number == number:
            return occurrence
    told = f"the order has occurrences 1 to {len(accepted.occurrences)}, not {number}"
    raise Refusal(REFUSED, (Reason("no_such_occurrence", told),))


def _in_the_way(ward: Ward, channel: Channel, accepted: AcceptedOrder) -> list[Reason]:
    """What keeps any program from being loaded here now."""
    reasons = list(ward.journal_reasons())
    if accepted.cancelled:
        reasons.append(Reason("order_cancelled", "the order was cancelled"))
    if channel.link is not Link.UP or not channel.reconciled:
        reasons.append(Reason("identity_unproven", f"{channel.name} does not answer for itself: {channel.link_reason}"))
    if step(channel.state, Trigger.PROGRAM_REQUESTED) is None:
        reasons.append(Reason("channel_busy", f"{channel.name} is {channel.state.value}"))
    if channel.latched:
        reasons.append(Reason("latched", ", ".join(reason.code for reason in channel.latched)))
    elsewhere = ward.busy_elsewhere(channel)
    if elsewhere is not None:
        reasons.append(Reason("another_infusion", f"magnesium of this patient runs or is unresolved on {elsewhere}"))
    if len(ward.used_bags) >= MAX_USED_BAGS:
        reasons.append(Reason("too_many_bags", f"{MAX_USED_BAGS} used bags are remembered already"))
    return reasons
