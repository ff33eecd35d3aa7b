"""Observations of the patient, by named people: taken, recorded, acted on; and asked for when they are due.

Refuses to weigh one report against another: a sign of too much magnesium stops every pump of this patient at once and
latches (Q25, S06), whatever is running. What an intravenous infusion still lacks is told, then stopped (H37, H38).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.observation import FIGURES, SIGNS, Lapse, Meaning, Report, lapse, meaning, read_report
from pumpctl.core.program import Program
from pumpctl.core.quantity import Pressure, Quantity
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.schedule import read_instant
from pumpctl.core.units import Misread, read_quantity
from pumpctl.drivers.pump import LOADING_KINDS
from pumpctl.supervision.alarms import end_alarm, raise_alarm
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.requests import (
    USAGE,
    Refusal,
    Wish,
    channel_named,
    optional_text,
    owe,
    take_only,
)
from pumpctl.supervision.stopping import request_stop
from pumpctl.supervision.ward import Ward

MAX_SIGNS = 8
AHEAD_MS = 5 * 60_000  # T02
NOTHING = Reason("nothing_observed", "name at least one thing that was seen: see `pumpctl observe --help`")
_KINDS = ("patellar_reflex", *FIGURES)
_RUNS = frozenset({DeliveryState.STARTING, DeliveryState.INFUSING, DeliveryState.PAUSING})


@dataclass(frozen=True, slots=True)
class _Circumstances:
    """Against what a report is judged on one channel."""

    profile: str | None
    at_home: bool
    baseline: Quantity | None


def observe(ward: Ward, wish: Wish, out: Outbox) -> None:
    """One report. What of it can be read is acted on even when the rest cannot."""
    take_only(wish, "channel", "person", "signs", "serum_at", *_KINDS)
    channel = channel_named(ward, wish)
    told = {kind: text for kind in _KINDS if (text := optional_text(wish, kind)) is not None}
    report = read_report(told, _signs(wish))
    patients = [channel, *ward.others_of(channel)]
    found = [_judged(ward, each, report) for each in patients]
    stop = tuple(dict.fromkeys(reason for each in found for reason in each.stop))
    for each in patients if stop else ():
        request_stop(each, stop, Priority.HIGH, out)
    problems = (*report.unreadable, *_serum_time(wish, told, out))
    if not stop and (problems or not (told or report.signs)):
        raise Refusal(USAGE, problems or (NOTHING,))
    for each, judged in zip(patients, found, strict=True):
        _note(each, report, judged, out)
    body = {"channel": channel.name, "person": wish.actor, "told": told, "signs": list(report.signs)}
    seq = out.record("observed", {**body, "serum_at": wish.params.get("serum_at")}, anchored=bool(stop))
    out.event(channel.name, "observed", body)
    result = {"channel": channel.name, "stopped": [r.message for r in stop]}
    advice = dict.fromkeys(reason.message for each in found for reason in each.tell)
    owe(ward, wish, out, seq, {**result, "advice": [*advice, *(problem.message for problem in problems)]})


def watch_observations(channel: Channel, out: Outbox) -> None:
    """An intravenous infusion whose patient nobody looks at: MEDIUM, then a stop."""
    match observation_lapse(channel, out.now.therapy_ns):
        case Lapse.NONE:
            end_alarm(channel, "observation_overdue", out)
        case Lapse.OVERDUE:
            raise_alarm(channel, "observation_overdue", Priority.MEDIUM, _wanted(channel, out.now.therapy_ns), out)
        case Lapse.STOP if channel.stop is None:
            reason = Reason("observation_lapsed", _wanted(channel, out.now.therapy_ns))
            request_stop(channel, (reason,), Priority.HIGH, out)
        case Lapse.STOP:
            return


def observation_lapse(channel: Channel, therapy_ns: int) -> Lapse:
    """Where this channel stands. Nothing is due at home, nor while nothing runs."""
    program = _running_iv(channel)
    if program is None:
        return Lapse.NONE
    oldest_ns = max(therapy_ns - since_ns for since_ns in _looked_for(channel).values())
    return lapse(oldest_ns, loading=program.phase_kind in LOADING_KINDS)


def replay_observed(channel: Channel, body: dict[str, Any], therapy_ns: int) -> None:
    """From its record: when each sign was last seen, and the baseline."""
    _remember(channel, read_report(body["told"], body["signs"]), therapy_ns)


def _running_iv(channel: Channel) -> Program | None:
    infusion = channel.infusion
    running = infusion is not None and infusion.may_have_started and channel.state in _RUNS
    return infusion.program if infusion is not None and running and infusion.program.route == "iv" else None


def _looked_for(channel: Channel) -> dict[str, int]:
    """Since when each sign has not been looked for again: its last report, or the start, whichever is later."""
    began_ns = channel.infusion.began_therapy_ns if channel.infusion else 0
    return {sign: max(channel.observed.get(sign, began_ns), began_ns) for sign in SIGNS}


def _wanted(channel: Channel, therapy_ns: int) -> str:
    ages = {sign: (therapy_ns - since_ns) // 60_000_000_000 for sign, since_ns in _looked_for(channel).items()}
    oldest = max(ages.values())
    named = ", ".join(sign.replace("_", " ") for sign, age in ages.items() if age == oldest)
    return f"not observed for {oldest} min: {named}; look at the patient and report it with `pumpctl observe`"


def _judged(ward: Ward, channel: Channel, report: Report) -> Meaning:
    seen = _circumstances(ward, channel)
    rows = (
        limit for limit in ward.library.limits if seen.profile is None or seen.profile in limit.profiles
    )  # without a program, any profile's
    return meaning(report, rows, seen.baseline, at_home=seen.at_home)


def _circumstances(ward: Ward, channel: Channel) -> _Circumstances:
    """Where nothing is known of the infusion, the lower limits of the home hold."""
    program = channel.infusion.program if channel.infusion else None
    if program is None:
        return _Circumstances(None, at_home=True, baseline=channel.baseline_pressure)
    accepted = ward.orders.get(program.order_digest)
    told = accepted.order.observations or () if accepted else ()
    recorded = [each.value or "" for each in told if each.kind == "baseline_systolic_pressure"]
    baselines = [read for text in recorded if not isinstance(read := read_quantity(text, Pressure), Misread)]
    highest = max(baselines, default=None)  # a high baseline makes a fall larger
    return _Circumstances(program.profile, program.route == "sc", channel.baseline_pressure or highest)


def _note(channel: Channel, report: Report, judged: Meaning, out: Outbox) -> None:
    _remember(channel, report, out.now.therapy_ns)
    told = {reason.code: reason for reason in judged.tell}
    for kind, code in (("serum_magnesium", "serum_magnesium_raised"), ("urine", "urine_low")):
        if code in told:
            raise_alarm(channel, code, Priority.MEDIUM, told[code].message, out)
        elif kind in report.figures:
            end_alarm(channel, code, out)


def _remember(channel: Channel, report: Report, therapy_ns: int) -> None:
    channel.observed.update(dict.fromkeys(report.seen, therapy_ns))
    channel.baseline_pressure = report.figures.get("baseline_systolic_pressure", channel.baseline_pressure)


def _signs(wish: Wish) -> list[str]:
    found = wish.params.get("signs")
    signs = cast("list[Any]", found) if isinstance(found, list) else []
    if (found is not None and not isinstance(found, list)) or len(signs) > MAX_SIGNS:
        raise Refusal(USAGE, (Reason("bad_parameter", f"signs must be a list of at most {MAX_SIGNS}"),))
    return [str(sign) for sign in signs]


def _serum_time(wish: Wish, told: dict[str, str], out: Outbox) -> tuple[Reason, ...]:
    """A level without its time says nothing about now; but it stops all the same when it is high."""
    text = optional_text(wish, "serum_at")
    if "serum_magnesium" not in told:
        return ()
    drawn = Misread("is missing") if text is None else read_instant(text)
    if isinstance(drawn, Misread):
        return (Reason("bad_parameter", f"serum_at: when the sample was drawn {drawn.reason}"),)
    if drawn > out.now.utc_ms + AHEAD_MS:
        return (Reason("T02", f"serum_at: {text} lies in the future"),)
    return ()
