"""How far the wall clock has been moved while pumps were looked after, over the daemon's lives, and who found it right.

Refuses to know why it moved, and to follow it: intervals are counted by a clock that nobody can set. The ledger's
windows lie on the calendar, though, so after a move of more than two minutes nothing starts (H40), a restart
notwithstanding, until it is set back or a person says that it is right.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pumpctl.configuration import PastRecord
from pumpctl.core.interlocks import WALL_STEP_LIMIT_MS
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.requests import Wish, owe, take_only
from pumpctl.supervision.ward import Ward

STEPPED, CONFIRMED = "wall_clock_stepped", "wall_clock_confirmed"


def stepped(ward: Ward, step_ms: int, out: Outbox) -> None:
    """The shell saw it move."""
    ward.wall_step_ms += step_ms
    out.record(STEPPED, {"step_ms": step_ms})


def look_ahead(ward: Ward, records: Iterable[PastRecord]) -> None:
    """Before the records are replayed: how far the wall clock was moved after each of them is what is left to come.

    A step that cannot be read is left to the replay, which bears one in a damaged journal and says so (H48).
    """
    bodies: list[dict[str, Any]] = [record.body for record in records if record.kind == STEPPED]
    steps = [body.get("step_ms") for body in bodies]
    ward.steps_to_come_ms = sum(step for step in steps if isinstance(step, int))


def replay_step(ward: Ward, step_ms: int) -> None:
    ward.wall_step_ms += step_ms
    ward.steps_to_come_ms -= step_ms


def look_back(ward: Ward, records: tuple[PastRecord, ...], out: Outbox) -> None:
    """A calendar that is before the last record was moved while no daemon ran."""
    back_ms = out.now.utc_ms - records[-1].utc_ms if records else 0
    if back_ms < -WALL_STEP_LIMIT_MS:
        stepped(ward, back_ms, out)


def elapsed_ms(ward: Ward, record: PastRecord, out: Outbox) -> int:
    """From the record to now, less what the wall clock was moved in between. Negative: it cannot be relied on."""
    return out.now.utc_ms - record.utc_ms - ward.steps_to_come_ms


def confirm_wall_clock(ward: Ward, wish: Wish, out: Outbox) -> None:
    """A person has held the host's date and time against another clock."""
    take_only(wish, "person")
    moved_ms, ward.wall_step_ms = ward.wall_step_ms, 0
    seq = out.record(CONFIRMED, {"moved_ms": moved_ms, "person": wish.actor}, anchored=True)
    owe(ward, wish, out, seq, {"wall_clock": "right", "moved_ms": moved_ms})
