"""What became of a run: whether it counts, what happened in it, and what it broke.

Refuses to judge: the invariants have. A row goes from a worker into a file and back unchanged.
"""

from __future__ import annotations

from pydantic import Field

from simulator.rig.campaign.plan import Part

MS_PER_H = 3_600_000


class Broken(Part):
    """An invariant that did not hold, at this link time of the run. `uncaught`: the daemon or the rig raised."""

    invariant: str
    at_ns: int
    detail: str


class Outcome(Part):
    """`fired`: incidents by kind that began while the run went on. `pump_ms`: from a pump's first start to the end.

    A run without a START does not count: its faults met nothing that could give too much.
    """

    digest: str
    started: bool
    ended: str  # how it went at the last bed: completed, latched, idle, never_loaded; or limit, uncaught
    is_live: bool | None  # I12; None: not looked at
    pump_ms: int = Field(ge=0)
    fired: dict[str, int]
    excess_ul: dict[str, int]
    broken: tuple[Broken, ...]


class Row(Part):
    """Run number `index` of a campaign."""

    index: int = Field(ge=0)
    outcome: Outcome
