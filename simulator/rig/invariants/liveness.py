"""I12: safe is not dead. When all is healed and people have done their part, a fresh order starts.

Refuses to know which faults there were. People here do what the daemon's own words ask for: they restart it, put a
new journal in the place of one that cannot be relied on, clear what is latched by two persons, and write a new
order. Eight days pass in between while the host sleeps: every window is over, and nothing is forgotten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from pumpctl.effects import Refuse, Reply
from simulator.instant import NS_PER_S, SimNow
from simulator.pump import Button
from simulator.rig.bag_check import bag_check
from simulator.rig.disk import journal_of
from simulator.rig.invariants.prescription import Prescriptions, Submission
from simulator.rig.mishaps import Mishap
from simulator.rig.world import Crash, World

SETTLE_NS = 15 * NS_PER_S  # identity, reconciliation, a stop and its proof
WINDOWS_NS = 8 * 24 * 3_600 * NS_PER_S
STARTS_WITHIN_NS = 60 * NS_PER_S
PERSONS = ["nurse on duty", "physician on duty"]
TRIES = 4  # an alarm that is cleared may come back once more while the pump settles
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
AT_REST = frozenset({"idle", "completed"})


def revive(world: World, prescriptions: Prescriptions) -> str | None:
    """What is in the way of a fresh order; empty when nothing is, None when no order was ever accepted."""
    ordered = {each: prescriptions.submitted[each] for each in sorted(prescriptions.submitted)}
    if not ordered:
        return None
    world.heal_all()
    world.run_for(SETTLE_NS)
    _restart_if_told(world)
    if world.controller.ward.wall_step_ms:  # `wall_clock_stepped` says: confirm-clock
        world.ask("clock.confirm", person=PERSONS[0])
    trouble = _settle(world)
    if trouble:
        return trouble
    world.inject(Mishap.HOST_SLEEP, for_ns=WINDOWS_NS)
    world.run_for(WINDOWS_NS + SETTLE_NS)
    served: set[str] = set()
    for channel, submission in ordered.items():
        patient_id = next(each.patient_id for each in world.configuration.channels if each.name == channel)
        if patient_id in served:
            continue  # one infusion a patient (S02)
        served.add(patient_id)
        trouble = _start(world, channel, submission)
        if trouble:
            return f"{channel}: {trouble}"
    return ""


def _restart_if_told(world: World) -> None:
    """A journal that failed, a port that was closed: each says `restart`."""
    told = _status(world)
    daemon = told.get("daemon", {})
    ward = world.controller.ward
    is_refused = any(channel.link.value == "refused" for channel in ward.channels.values())
    if daemon.get("journal") == "sound" and not is_refused:
        return
    world.crash(Crash.KILL, down_ns=NS_PER_S)
    world.run_for(SETTLE_NS)
    if _status(world).get("daemon", {}).get("journal") != "sound":
        world.host.end(power_lost=False)
        world.disk.adopt(journal_of([]))
        world.host.come_back()
        world.run_for(SETTLE_NS)


def _settle(world: World) -> str:
    """Nothing runs, nothing is latched, and what is reported is so."""
    names = sorted(world.pumps)
    for _ in range(TRIES):
        open_ones = [name for name in names if _reported(world, name) not in AT_REST]
        if not open_ones:
            break
        for name in open_ones:
            if _reported(world, name) != "stopped":
                world.ask("stop", channel=name)
        world.run_for(SETTLE_NS)
        for name in open_ones:
            if _reported(world, name) == "stopped":
                world.ask("clear", channel=name, persons=PERSONS)
        world.run_for(SETTLE_NS)
    else:
        latched = {name: [r.code for r in world.controller.ward.channels[name].latched] for name in names}
        return f"not at rest: {({name: _reported(world, name) for name in names}, latched)}"
    moving = [name for name in names if _truth_state(world, name) in {"infusing", "paused", "priming"}]
    return f"reported at rest, and not so in truth: {moving}" if moving else ""


def _start(world: World, channel: str, submission: Submission) -> str:
    starts = world.pumps[channel].truth(SimNow(world.now_ns, world.now_ns)).starts
    order = dated_anew(submission, world.utc_ms)
    check = bag_check(order, at=datetime.fromtimestamp(world.utc_ms / 1000, UTC), bag=f"BAG-LIVE-{world.now_ns}")
    number = world.ask(
        "order.submit",
        text=json.dumps(order),
        channel=channel,
        overrides=list(submission.overrides),
        check=json.dumps(check),
    )
    limit_ns = world.now_ns + STARTS_WITHIN_NS
    if not world.run_until(lambda: _reported(world, channel) == "awaiting_confirmation", limit_ns):
        alarms = [alarm.message for alarm in world.seen.alarms[-2:]]
        return f"a fresh order is not loaded ({_reported(world, channel)}): {_answered(world, number)}; {alarms}"
    world.press(channel, Button.CONFIRM)
    if not world.run_until(lambda: _reported(world, channel) == "infusing", limit_ns):
        refusals = [alarm.message for alarm in world.seen.alarms[-3:]]
        return f"a fresh order does not start within 60 s ({_reported(world, channel)}): {refusals}"
    truth = world.pumps[channel].truth(SimNow(world.now_ns, world.now_ns))
    if truth.starts != starts + 1 or truth.state != "infusing":
        return f"reported infusing, and the pump is {truth.state} after {truth.starts - starts} starts"
    return ""


def dated_anew(submission: Submission, utc_ms: int) -> dict[str, Any]:
    """The same order for the same patient, as old as it was when it was accepted, and due now."""
    order: dict[str, Any] = json.loads(submission.text)
    later = timedelta(milliseconds=utc_ms - submission.utc_ms)
    moved = cast("dict[str, Any]", _moved(order, later))
    moved["order_id"] = f"{order['order_id']}-{utc_ms}"
    due = datetime.fromtimestamp(utc_ms // 1000, UTC)
    return moved | {"schedule": {"repeat": "once", "at": due.isoformat()}}


def _moved(value: object, later: timedelta) -> object:
    if isinstance(value, dict):
        return {key: _moved(each, later) for key, each in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_moved(each, later) for each in cast("list[object]", value)]
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return (datetime.fromisoformat(value) + later).isoformat(timespec="seconds")
    if isinstance(value, str) and _DATE.fullmatch(value):
        return (date.fromisoformat(value) + timedelta(days=later.days)).isoformat()
    return value


def _status(world: World) -> Mapping[str, Any]:
    number = world.ask("status")
    answer = world.seen.answers.get(number)
    return answer.result if isinstance(answer, Reply) else {}


def _reported(world: World, channel: str) -> str:
    """What people and brokers are told, not what the daemon holds."""
    told: Mapping[str, Any] = world.seen.states.get(channel) or {}
    return str(told.get("state", "unknown"))


def _truth_state(world: World, channel: str) -> str:
    return world.pumps[channel].truth(SimNow(world.now_ns, world.now_ns)).state


def _answered(world: World, number: int) -> str:
    answer = world.seen.answers.get(number)
    match answer:
        case None:
            return "no answer"
        case Refuse(_, _, reasons):
            return "; ".join(f"{reason.code}: {reason.message}" for reason in reasons)
        case Reply():
            return f"accepted, {answer.result.get('not_prepared') or 'prepared'}"
