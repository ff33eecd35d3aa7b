"""What the rig does to the daemon's surroundings: its lines, disk, clocks, process, broker and people.

Refuses to know how: line, disk, clock and world each look up their own. What happens inside a pump is
simulator/faults.py. `by` is how much, in the unit that stands beside each kind; without it the default does.
"""

from __future__ import annotations

from enum import Enum

from simulator.faults import Fault


class Mishap(Enum):
    """Each lasts until healed or for its time; those in ONCE happen at an instant."""

    # The line, both ways, seeded.
    DELAY = "delay"  # up to `by` ms more for each write, order kept
    LOSS = "loss"  # `by` of 1000 writes are lost
    DUPLICATE = "duplicate"  # `by` of 1000 arrive twice
    REORDER = "reorder"  # `by` of 1000 are overtaken
    SPLIT = "split"  # `by` of 1000 arrive in two parts, cut at any byte
    COALESCE = "coalesce"  # handed over every `by` ms, as a USB adapter's latency timer does
    BIT_FLIP = "bit_flip"  # in `by` of 1000 one to three bits are flipped
    BAUD_PACING = "baud_pacing"  # `by` baud
    UNPLUG = "unplug"  # the host's port is gone; replugged when healed
    # The disk.
    FORGET_UNSYNCED = "forget_unsynced"  # power loss of the host; back after `by` ms
    DISK_FULL = "disk_full"
    SYNC_FAILS = "sync_fails"  # once; by 0: the rows are gone, 1: they are there, their anchor is not
    TORN_WRITE = "torn_write"  # the last `by` rows are unreadable when the daemon comes back, which it does now
    STALE_COPY = "stale_copy"  # a copy of the journal `by` rows old is put back, the daemon started anew
    SLOW_SYNC = "slow_sync"  # each sync takes `by` ms
    # The clocks.
    STEP_FORWARD = "step_forward"  # the wall clock, by `by` s
    STEP_BACK = "step_back"
    SPRING = "spring"  # the wall clock one hour on: a host that keeps local time, in March
    AUTUMN = "autumn"
    TEN_YEARS_ON = "ten_years_on"
    TEN_YEARS_BACK = "ten_years_back"
    WALL_FREEZE = "wall_freeze"  # the wall clock stands, the boot clock goes on
    HOST_SLEEP = "host_sleep"  # daemon and guard stand still; the boot clock goes on
    VM_PAUSE = "vm_pause"  # the same, and the host's clocks stand still with them
    # The daemon.
    KILL = "kill"  # process death, back after `by` ms
    GUARD_LOST = "guard_lost"
    # The broker, and people.
    BROKER_GONE = "broker_gone"
    STOP_REQUEST = "stop_request"
    DUPLICATE_REQUEST = "duplicate_request"  # the last request of each kind that gives drug, once more
    CANCEL_REQUEST = "cancel_request"
    CLEAR_REQUEST = "clear_request"  # by one person
    PAUSE_REQUEST = "pause_request"
    RESUME_REQUEST = "resume_request"

    @property
    def observable(self) -> bool:
        """Whether the daemon can know of it by its own means, so that detection times hold (hazards.md rule 4)."""
        return self is not Mishap.VM_PAUSE


M = Mishap
ON_THE_LINE = frozenset(
    {M.DELAY, M.LOSS, M.DUPLICATE, M.REORDER, M.SPLIT, M.COALESCE, M.BIT_FLIP, M.BAUD_PACING, M.UNPLUG}
)
ONCE = frozenset(
    {M.FORGET_UNSYNCED, M.SYNC_FAILS, M.TORN_WRITE, M.STALE_COPY, M.STEP_FORWARD, M.STEP_BACK, M.SPRING, M.AUTUMN,
     M.TEN_YEARS_ON, M.TEN_YEARS_BACK, M.KILL, M.STOP_REQUEST, M.DUPLICATE_REQUEST, M.CANCEL_REQUEST,
     M.CLEAR_REQUEST, M.PAUSE_REQUEST, M.RESUME_REQUEST}
)  # fmt: skip
DEFAULT_BY: dict[Mishap, int] = {
    M.DELAY: 200,
    M.LOSS: 200,
    M.DUPLICATE: 200,
    M.REORDER: 200,
    M.SPLIT: 500,
    M.COALESCE: 16,
    M.BIT_FLIP: 100,
    M.BAUD_PACING: 9_600,
    M.FORGET_UNSYNCED: 20_000,
    M.TORN_WRITE: 1,
    M.STALE_COPY: 20,
    M.SLOW_SYNC: 500,
    M.STEP_FORWARD: 30,
    M.STEP_BACK: 30,
    M.KILL: 1_000,
}
STANDSTILL = frozenset({M.HOST_SLEEP, M.VM_PAUSE})


def is_observable(what: Fault | Mishap, *, has_flow_sensor: bool = True) -> bool:
    """Of either kind; some of a pump's faults only a flow sensor can tell."""
    if isinstance(what, Mishap):
        return what.observable
    return what.kind.is_observable(has_flow_sensor=has_flow_sensor)


def name_of(what: Fault | Mishap) -> str:
    """As reports and scenarios spell it."""
    return what.kind.value if isinstance(what, Fault) else what.value
