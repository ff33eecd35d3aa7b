"""How far the wall clock has been moved, over the daemon's lives and between them, and who found it right.

Refuses to know why it moved, and to follow it: intervals are counted by a clock that nobody can set. The ledger's
windows lie on the calendar, though, so after a move of more than two minutes nothing starts (H40), a restart
notwithstanding, until it is set back or a person says that it is right.

A record of a move can be lost (a full disk, an old copy, a daemon that hung), and between two lives nobody looks. So
each life notes what both clocks show, and the next one compares. Where they do not agree on the time that has passed,
or the host was switched off in between and only the calendar is left, what was under way is dated by neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pumpctl.configuration import PastRecord
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.interlocks import WALL_STEP_LIMIT_MS
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.requests import Wish, owe, take_only
from pumpctl.supervision.ward import Ward

STARTED, STEPPED, CONFIRMED = "daemon_started", "wall_clock_stepped", "wall_clock_confirmed"
NOTICED_MS = 2_000  # ADR 0006: less is no step


def stepped(ward: Ward, step_ms: int, out: Outbox) -> None:
    """The shell saw it move."""
    ward.wall_step_ms += step_ms
    out.record(STEPPED, {"step_ms": step_ms})


def unseen_ms(records: tuple[PastRecord, ...], now: Now) -> int | None:
    """How far the calendar was moved without a record of it, since the last life began. None: nobody can say."""
    at = next((at for at in reversed(range(len(records))) if records[at].kind == STARTED), None)
    began_ns = None if at is None else records[at].body.get("therapy_ns")
    if at is None or not isinstance(began_ns, int):
        return None
    began_ms = records[at].utc_ms + _recorded_ms(records[at:])  # by the calendar as it was left
    counted_ms = (now.therapy_ns - began_ns) // NS_PER_MS
    # A clock that shows less than it did at the last record has begun anew, with the host; what it shows then may agree
    # with the calendar, if that was moved as well, and says nothing all the same.
    begun_anew = counted_ms < records[-1].utc_ms - began_ms - NOTICED_MS
    return None if begun_anew else now.utc_ms - began_ms - counted_ms


def look_ahead(ward: Ward, records: tuple[PastRecord, ...], unseen: int | None) -> None:
    """Before the records are replayed: how far the wall clock was moved after each of them is what is left to come.

    Where the two clocks differ, the longer time is taken to have passed. A step that cannot be read is left to the
    replay, which bears one in a damaged journal and says so (H48).
    """
    ward.steps_to_come_ms = _recorded_ms(records) + min(0, unseen or 0)


def replay_step(ward: Ward, step_ms: int) -> None:
    ward.wall_step_ms += step_ms
    ward.steps_to_come_ms -= step_ms


def look_back(ward: Ward, records: tuple[PastRecord, ...], unseen: int | None, out: Outbox) -> None:
    """Tell what was moved unseen. On a host that was switched off only a calendar before the last record shows that."""
    if unseen is None and records:
        back_ms = out.now.utc_ms - records[-1].utc_ms
        unseen = back_ms if back_ms < -WALL_STEP_LIMIT_MS else None
    if unseen is not None and abs(unseen) > NOTICED_MS:
        stepped(ward, unseen, out)


def begin_life(ward: Ward, unseen: int | None, out: Outbox) -> None:
    """What both clocks show, and the channels whose program neither can date."""
    undated: list[str] = []
    if unseen is None or abs(unseen) > WALL_STEP_LIMIT_MS:
        undated = [channel.name for channel in ward.channels.values() if channel.infusion is not None]
    undate(ward, undated)
    body = {"channels": list(ward.channels), "mode": ward.configuration.mode.value}
    life = out.record(STARTED, {**body, "therapy_ns": out.now.therapy_ns, "undated": undated})
    for channel in ward.channels.values():
        channel.life = life


def undate(ward: Ward, channels: Iterable[str]) -> None:
    """When their programs began nobody can say any more, and the next life cannot either."""
    for name in channels:
        channel = ward.channels.get(name)
        if channel is not None and channel.infusion is not None:
            channel.infusion.is_dated = False


def elapsed_ms(ward: Ward, record: PastRecord, out: Outbox) -> int:
    """From the record to now, less what the wall clock was moved in between. Negative: it cannot be relied on."""
    return out.now.utc_ms - record.utc_ms - ward.steps_to_come_ms


def confirm_wall_clock(ward: Ward, wish: Wish, out: Outbox) -> None:
    """A person has held the host's date and time against another clock."""
    take_only(wish, "person")
    moved_ms = ward.wall_step_ms
    confirmed(ward, moved_ms, out.now.utc_ms)
    seq = out.record(CONFIRMED, {"moved_ms": moved_ms, "person": wish.actor})
    owe(ward, wish, out, seq, {"wall_clock": "right", "moved_ms": moved_ms})


def confirmed(ward: Ward, moved_ms: int, utc_ms: int) -> None:
    """From here on the calendar counts as it is; what was given by the one of before is dated anew (H40)."""
    ward.wall_step_ms = 0
    running = [channel.infusion for channel in ward.channels.values() if channel.infusion is not None]
    programs = [program for infusion in running for program in (infusion.program, *infusion.remaining)]
    ward.ledger = ward.ledger.moved(moved_ms, utc_ms, frozenset(program.program_id.hex() for program in programs))
    for infusion in running:
        if infusion.started_utc_ms is not None:
            infusion.started_utc_ms += moved_ms


def _recorded_ms(records: Iterable[PastRecord]) -> int:
    bodies: list[dict[str, Any]] = [record.body for record in records if record.kind == STEPPED]
    steps = [body.get("step_ms") for body in bodies]
    return sum(step for step in steps if isinstance(step, int))
