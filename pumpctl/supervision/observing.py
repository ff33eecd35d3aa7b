"""Observations of the patient, by named people: taken, recorded, acted on; and asked for when they are due.

Refuses to weigh one report against another: a sign of too much magnesium stops every pump of this patient at once and
latches (Q25, S06), whatever is running. What an intravenous infusion still lacks is told, then stopped (H37, H38).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.core.library import PhaseKind
from pumpctl.core.limit import Limit, Measure
from pumpctl.core.observation import (
    BASELINE,
    FIGURES,
    SIGNS,
    BrokenSign,
    Lapse,
    Meaning,
    Report,
    Reported,
    lapse,
    meaning,
    merged,
    read_report,
    worst_signs,
)
from pumpctl.core.program import Program
from pumpctl.core.quantity import Pressure, Quantity
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.rules.reading import figures_of
from pumpctl.core.rules.signs import BEFORE_START_MS
from pumpctl.core.schedule import read_instant
from pumpctl.core.units import Misread, read_quantity
from pumpctl.drivers.pump import LOADING_KINDS
from pumpctl.supervision.alarms import end_alarm, raise_alarm
from pumpctl.supervision.channel import Channel, Sighting
from pumpctl.supervision.infusion import Infusion
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
NS_PER_MIN = 60 * NS_PER_S
NOTHING = Reason("nothing_observed", "name at least one thing that was seen: see `pumpctl observe --help`")
_KINDS = ("patellar_reflex", *FIGURES)
_RUNS = frozenset({DeliveryState.STARTING, DeliveryState.INFUSING, DeliveryState.PAUSING})


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
    seq = out.record("observed", {**body, "serum_at": wish.params.get("serum_at")})
    result = {"channel": channel.name, "stopped": [r.message for r in stop]}
    advice = dict.fromkeys(reason.message for each in found for reason in each.tell)
    owe(ward, wish, out, seq, {**result, "advice": [*advice, *(problem.message for problem in problems)]})


def watch_observations(ward: Ward, channel: Channel, out: Outbox) -> None:
    """An intravenous infusion whose patient nobody looks at: MEDIUM, then a stop."""
    _watch_overridden(ward, channel, out)
    match observation_lapse(ward, channel, out.now.therapy_ns):
        case Lapse.NONE:
            end_alarm(channel, "observation_overdue", out)
        case Lapse.OVERDUE:
            told = _wanted(ward, channel, out.now.therapy_ns)
            raise_alarm(channel, "observation_overdue", Priority.MEDIUM, told, out)
        case Lapse.STOP if channel.stop is None:
            reason = Reason("observation_lapsed", _wanted(ward, channel, out.now.therapy_ns))
            request_stop(channel, (reason,), Priority.HIGH, out)
        case Lapse.STOP:
            return


def observation_lapse(ward: Ward, channel: Channel, therapy_ns: int) -> Lapse:
    """Where this channel stands. Nothing is due at home, nor while nothing runs."""
    infusion = _running_iv(channel)
    if infusion is None:
        return Lapse.NONE
    oldest_ns = therapy_ns - min(_looked_for(ward, channel, infusion).values())
    return lapse(oldest_ns, _rows(ward, infusion.program))


def reported_of(channel: Channel, therapy_ns: int) -> Reported:
    """For the verdict on a start. Ages are rounded up; only this life's clock has measured them."""
    ages_ms = {
        kind: -((each.therapy_ns - therapy_ns) // NS_PER_MS)
        for kind, each in channel.observed.items()
        if not each.by_calendar
    }
    return Reported(_values(channel.observed), ages_ms)


def replay_observed(ward: Ward, channel: Channel, body: dict[str, Any], therapy_ns: int) -> None:
    """From its record: what was seen of each sign last and when, and the baseline; of the patient, not of one pump."""
    report = read_report(body["told"], body["signs"])
    for each in (channel, *ward.others_of(channel)):
        _remember(each, report, therapy_ns, by_calendar=True)


def _running_iv(channel: Channel) -> Infusion | None:
    infusion = channel.infusion
    running = infusion is not None and infusion.may_have_started and channel.state in _RUNS
    return infusion if infusion is not None and running and infusion.program.route == "iv" else None


def _looked_for(ward: Ward, channel: Channel, infusion: Infusion) -> dict[str, int]:
    """Since when each sign has not been looked for again (clinical.md section 5).

    Every 5 min while loading: from the start of that on. Every 60 min after: from when it was last seen, before the
    start or in the phase before. Whoever overrode that it was not seen then has agreed to the 15 min of Q25, no more.
    """
    began_ns, started_utc_ms = infusion.began_therapy_ns, infusion.started_utc_ms or 0
    loading = infusion.program.phase_kind in LOADING_KINDS
    earliest_ns = began_ns if loading else began_ns - BEFORE_START_MS * NS_PER_MS
    accepted = ward.orders.get(infusion.program.order_digest)
    written = figures_of(accepted.order).bedside.seen_utc_ms if accepted else {}
    since = {
        kind: began_ns - max(0, started_utc_ms - utc_ms) * NS_PER_MS for kind, utc_ms in written.items()
    }  # by the calendar of the start, which was not moved then (H40)
    told = {kind: each.therapy_ns for kind, each in channel.observed.items()}
    return {sign: max(earliest_ns, since.get(sign, earliest_ns), told.get(sign, earliest_ns)) for sign in SIGNS}


def _wanted(ward: Ward, channel: Channel, therapy_ns: int) -> str:
    since = _looked_for(ward, channel, channel.infusion) if channel.infusion else {}
    oldest_ns = min(since.values(), default=therapy_ns)
    named = ", ".join(sign.replace("_", " ") for sign, ns in since.items() if (ns - oldest_ns) < NS_PER_MIN)
    told = f"not observed for {(therapy_ns - oldest_ns) // NS_PER_MIN} min: {named}"
    return f"{told}; look at the patient and report it with `pumpctl observe`"


def _watch_overridden(ward: Ward, channel: Channel, out: Outbox) -> None:
    """Q10: a sign that was overridden at the start is told as long as it runs."""
    infusion = _running_iv(channel)
    overridden = _agreed(ward, channel, infusion) if infusion else {}
    if overridden:
        told = ", ".join(sign.told for sign in overridden.values())
        told = f"runs although {told}: overridden at the start (Q10); it stops when a worse one is reported"
        raise_alarm(channel, "sign_overridden", Priority.HIGH, told, out)
    else:
        end_alarm(channel, "sign_overridden", out)


def _agreed(ward: Ward, channel: Channel, infusion: Infusion | None) -> dict[Measure, BrokenSign]:
    """Pressure, heart rate and breathing as they were overridden for this emergency: no start is let through else.

    By the order, and by what was reported until the program started.
    """
    accepted = ward.orders.get(infusion.program.order_digest) if infusion else None
    if infusion is None or accepted is None or infusion.program.phase_kind is not PhaseKind.EMERGENCY:
        return {}
    of_program, at_start = channel.observed_at_start
    reports = _values(at_start if of_program == infusion.program_id else channel.observed)
    written = {kind: each.value for kind, each in figures_of(accepted.order).bedside.figures.items()}
    return worst_signs((written, merged(written, reports)), _rows(ward, infusion.program))


def _agreed_for(ward: Ward, channel: Channel) -> dict[Measure, BrokenSign]:
    """What holds for an infusion holds for its patient's channels that have none."""
    carrier = (
        channel if channel.infusion else next((each for each in ward.others_of(channel) if each.infusion), channel)
    )
    return _agreed(ward, carrier, carrier.infusion)


def _judged(ward: Ward, channel: Channel, report: Report) -> Meaning:
    program = channel.infusion.program if channel.infusion else None
    return meaning(report, _rows(ward, program), _baseline(ward, channel, program), _agreed_for(ward, channel))


def _rows(ward: Ward, program: Program | None) -> Sequence[Limit]:
    """Those of the program's profile. Of any profile where nothing is known of the infusion: the lowest then holds."""
    named = program.profile if program else None
    own = next((profile.limits for profile in ward.library.profiles if profile.name == named), None)
    return ward.library.limits if own is None else [limit for limits in own.values() for limit in limits]


def _baseline(ward: Ward, channel: Channel, program: Program | None) -> Quantity | None:
    """The highest that is known: it makes a fall larger."""
    accepted = ward.orders.get(program.order_digest) if program else None
    told = accepted.order.observations or () if accepted else ()
    recorded = [each.value or "" for each in told if each.kind == BASELINE]
    baselines = [read for text in recorded if not isinstance(read := read_quantity(text, Pressure), Misread)]
    reported = _values(channel.observed).get(BASELINE)
    return max([*baselines, *([reported] if isinstance(reported, Pressure) else [])], default=None)


def _note(channel: Channel, report: Report, judged: Meaning, out: Outbox) -> None:
    _remember(channel, report, out.now.therapy_ns)
    told = {reason.code: reason for reason in judged.tell}
    for kind, code in (("serum_magnesium", "serum_magnesium_raised"), ("urine", "urine_low")):
        if code in told:
            raise_alarm(channel, code, Priority.MEDIUM, told[code].message, out)
        elif kind in report.figures:
            end_alarm(channel, code, out)


def _remember(channel: Channel, report: Report, therapy_ns: int, *, by_calendar: bool = False) -> None:
    infusion = channel.infusion
    if infusion is not None and infusion.may_have_started and channel.observed_at_start[0] != infusion.program_id:
        channel.observed_at_start = (infusion.program_id, dict(channel.observed))
    seen: dict[str, Quantity | str] = {
        kind: report.figures[kind] for kind in (*SIGNS, BASELINE) if kind in report.figures
    }
    if report.reflex is not None:
        seen["patellar_reflex"] = report.reflex
    channel.observed.update({kind: Sighting(value, therapy_ns, by_calendar) for kind, value in seen.items()})


def _values(observed: Mapping[str, Sighting]) -> dict[str, Quantity | str]:
    return {kind: each.value for kind, each in observed.items()}


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
