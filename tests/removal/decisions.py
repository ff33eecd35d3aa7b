"""The decisions of what decides that stand in no table of the program: core, supervision, the driver, the guard.

Refuses to name what a table names. A hazard whose control files own no control at all fails (test_listing.py).
"""

from __future__ import annotations

import inspect
from dataclasses import replace

from pumpctl.core.delivered import Counters, Delivered
from pumpctl.core.observation import Lapse, Meaning
from pumpctl.core.rules.finding import Severity
from pumpctl.core.units import Misread
from pumpctl.core.validation import Decision as Verdict
from pumpctl.guard.decision import Watch
from pumpctl.supervision.channel import Channel, StopPursuit
from pumpctl.supervision.line import SharedLine
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.stopping import PROOF_NS, REPEAT_NS
from pumpctl.supervision.ward import Ward
from tests.removal.control import Anything
from tests.removal.decided import Decision, always, changed, instead_of, undone, unless_raised

MOST = (1 << 32) - 1


def _any_reading(_why: Misread, _text: str, kind: Anything, *_rest: Anything) -> Anything:
    return kind(1)


def _believed(
    _original: Anything, self: Delivered, counters: Counters, asked_ns: int, moving_ul_h: int, **_more: Anything
) -> Delivered:
    """Late, repeated, falling: whatever it says."""
    smallest, largest = counters.since(self.base)
    read = replace(self, asked_therapy_ns=asked_ns, moving_ul_h=moving_ul_h)
    return replace(read, smallest_ul=smallest, largest_ul=largest)


def _told_only(original: Anything, *args: Anything) -> Anything:
    return replace(original(*args), severity=Severity.ADVISORY)


def _any_token(original: Anything, ward: Ward, channel: Channel, confirmation: Anything, out: Outbox) -> None:
    if channel.infusion is not None:
        channel.infusion.used_token = None
    original(ward, channel, confirmation, out)


def _not_yet_durable(original: Anything, ward: Ward, channel: Channel, out: Outbox) -> bool:
    if channel.infusion is not None and channel.infusion.dosing is not None:
        channel.infusion.dosing.durable = True
    return bool(original(ward, channel, out))


def _however_late(original: Anything, ward: Ward, channel: Channel, out: Outbox) -> bool:
    if channel.infusion is not None and channel.infusion.dosing is not None:
        channel.infusion.dosing.intended_ns = out.now.link_ns
    return bool(original(ward, channel, out))


def _by_an_older_status(original: Anything, ward: Ward, channel: Channel, status: Anything, out: Outbox) -> None:
    if channel.stop is not None:
        channel.stop.taken_ns = (
            None if channel.stop.taken_ns is None else min(channel.stop.taken_ns, status.asked.link_ns)
        )
    original(ward, channel, status, out)


def _without_an_answer(original: Anything, ward: Ward, channel: Channel, status: Anything, out: Outbox) -> None:
    if channel.stop is not None:
        channel.stop.taken_ns = channel.stop.taken_ns or 0
    original(ward, channel, status, out)


def _as_they_stand(_original: Anything, line: SharedLine, *_rest: Anything) -> list[str]:
    return sorted(line.channels)


def _never_mute(original: Anything, line: SharedLine, now_ns: int, *, answered: Anything) -> None:
    original(line, now_ns, answered=answered and True)
    line.mute.clear()


def _at_full_pace(_original: Anything, _channel: Channel, stop: StopPursuit) -> int:
    return REPEAT_NS if stop.taken_ns is None else PROOF_NS


CORE = (
    Decision("pumpctl.core.validation", "_absent", always([])),
    Decision("pumpctl.core.validation", "_failed", _told_only),
    Decision("pumpctl.core.validation", "_why_not", always(None)),
    Decision("pumpctl.core.validation", "_decide", always(Verdict.ACCEPTED)),
    Decision("pumpctl.core.rules.limits", "library_findings", always([])),
    Decision("pumpctl.core.rules.limits", "phase_findings", always([])),
    Decision("pumpctl.core.rules.limits", "_taken_together", always([])),
    Decision("pumpctl.core.program", "exceeds_dose_rate", always(answer=False)),
    Decision("pumpctl.core.program", "_pump_cannot", always([])),
    Decision("pumpctl.core.program", "_rounding_broke", always([])),
    Decision("pumpctl.core.program", "_flow_limit", always(MOST)),
    Decision("pumpctl.core.window", "excess_after", always(0)),
    Decision("pumpctl.core.delivered", "Counters.fell_since", always(answer=False)),
    Decision("pumpctl.core.delivered", "Delivered.read", _believed),
    Decision("pumpctl.core.delivered", "Delivered._widening_ul", always(0)),
    Decision("pumpctl.core.repeats", "repeats_too_often", always(answer=False)),
    Decision("pumpctl.core.units", "read_quantity", instead_of(Misread, _any_reading)),
    Decision("pumpctl.core.order_text", "_unique", unless_raised(Exception, otherwise={})),
    Decision("pumpctl.core.order_text", "_refuse_constant", always(None)),
    Decision("pumpctl.core.library", "_defining", unless_raised(Exception, otherwise=())),
    Decision("pumpctl.core.exposure", "largest_in_window", always((0, 1))),
    Decision("pumpctl.core.exposure", "Ledger.begun", always(frozenset[int]())),
    Decision("pumpctl.core.exposure", "Ledger.starts_utc_ms", always({})),
    Decision("pumpctl.core.exposure", "Segment.at_once", always(answer=False)),
    Decision("pumpctl.core.order", "Order.digest", always("0" * 64)),
    Decision("pumpctl.core.schedule", "expand", changed(flaws=())),
    Decision("pumpctl.core.schedule", "read_instant", instead_of(Misread, always(0))),
    Decision("pumpctl.core.clock_drift", "drift_permille", always(None)),
    Decision("pumpctl.core.energy", "battery_runs_ms", always(1 << 62)),
    Decision("pumpctl.core.observation", "meaning", always(Meaning((), ()))),
    Decision("pumpctl.core.observation", "lapse", always(Lapse.NONE)),
)
SUPERVISION = (
    Decision("pumpctl.supervision.ward", "Ward.busy_elsewhere", always(None)),
    Decision("pumpctl.supervision.ward", "Ward.journal_reasons", always(())),
    Decision("pumpctl.supervision.verdicts", "reasons_against", always(())),
    Decision("pumpctl.supervision.latches", "needs_two_persons", always([])),
    Decision("pumpctl.supervision.latches", "uncleared_stops", always(())),
    Decision("pumpctl.supervision.uncommanded", "moved_uncommanded_ul", always(0)),
    Decision("pumpctl.supervision.stopping", "_repeated", always([])),
    Decision("pumpctl.supervision.silence", "lease_is_over", always(answer=False)),
    Decision("pumpctl.supervision.identity", "_not_ours", always(None)),
    Decision("pumpctl.supervision.clock_watch", "is_behind", always(answer=False)),
    Decision("pumpctl.supervision.door", "intend", _any_token, acts=True, what="one press, one command"),
    Decision("pumpctl.supervision.door", "raise_flow", _not_yet_durable, acts=True, what="the intent is durable"),
    Decision("pumpctl.supervision.door", "raise_flow", _however_late, acts=True, what="the intent is not too old"),
    Decision("pumpctl.supervision.stopping", "prove_stop", _by_an_older_status, acts=True, what="a later status"),
    Decision("pumpctl.supervision.stopping", "prove_stop", _without_an_answer, acts=True, what="an answered STOP"),
    Decision("pumpctl.supervision.line", "SharedLine.is_free", always(answer=True)),
    Decision("pumpctl.supervision.line", "SharedLine.order", _as_they_stand),
    Decision("pumpctl.supervision.line", "SharedLine.ended", _never_mute, acts=True),
    Decision("pumpctl.supervision.stopping", "_repeat_ns", _at_full_pace),
    *undone("pumpctl.supervision.line", "SharedLine.stops_written"),
    *undone("pumpctl.supervision.door", "_refused"),
    *undone("pumpctl.supervision.stopping", "withdraw_intent", "pursue_stop", "_write"),
    *undone("pumpctl.supervision.settling", "commit", "doubt", "withdraw", "book", "_count_from_here"),
    *undone("pumpctl.supervision.silence", "watch_silence"),
    *undone("pumpctl.supervision.wall_clock", "stepped", "look_ahead", "look_back", "replay_step"),
    *undone("pumpctl.supervision.uncommanded", "add_external"),
    *undone("pumpctl.supervision.presumed", "presume_used"),
    *undone("pumpctl.supervision.identity", "arm_guard", "ask_who_it_is"),
    *undone("pumpctl.supervision.bag_checks", "use_bag"),
)
DRIVER = (
    Decision("pumpctl.drivers.companion", "_fields", always(())),
    Decision("pumpctl.drivers.companion", "CompanionDriver.wake", always([])),
)
# Every duty of the guard that answers nothing: what it is told, what it judges, what it does.
GUARD = undone(
    "pumpctl.guard.decision",
    *(
        f"Watch.{name}"
        for name, member in vars(Watch).items()
        if inspect.isfunction(member) and inspect.signature(member).return_annotation == "None" and name != "__init__"
    ),
)
DECISIONS = (*CORE, *SUPERVISION, *DRIVER, *GUARD)
