"""What can go wrong in a run, by name: every fault of the pump and every mishap of its surroundings.

Refuses to keep a list: a member added to either enum is drawn by the next campaign. A mishap that is called as a fault
is takes `host_` before its name.
"""

from __future__ import annotations

from random import Random
from typing import TypeAlias

from simulator.fault_kinds import Choice, FaultKind, Lasts, Size
from simulator.faults import Fault
from simulator.instant import NS_PER_MS, NS_PER_S
from simulator.rig.campaign.plan import Incident
from simulator.rig.mishaps import DEFAULT_BY, ONCE, Mishap

Kind: TypeAlias = FaultKind | Mishap

SHORTEST_NS, LONGEST_NS = 100 * NS_PER_MS, 300 * NS_PER_S
UNHEALED = 0.15  # of what lasts: nobody heals it before the run is over
MOST_PERMILLE = 800  # of what a line does to writes: with all of them nothing is left to see
MOST_TIMES = 12
FACTORS = (1, 2, 4, 8, 40)  # quarters of the usual size
_OF_1000_WRITES = frozenset({Mishap.LOSS, Mishap.DUPLICATE, Mishap.REORDER, Mishap.SPLIT, Mishap.BIT_FLIP})


class UnknownKind(ValueError):
    """One line for people."""


def _names() -> dict[str, Kind]:
    named: dict[str, Kind] = {kind.value: kind for kind in FaultKind}
    for mishap in Mishap:
        named[f"host_{mishap.value}" if mishap.value in named else mishap.value] = mishap
    return named


KINDS: dict[str, Kind] = _names()


def kinds_named(text: str) -> tuple[str, ...]:
    """`all`, `none`, or names with commas between, in the order of KINDS."""
    if text == "all":
        return tuple(KINDS)
    if text == "none":
        return ()
    wanted = {name.strip() for name in text.split(",")}
    if unknown := sorted(wanted - KINDS.keys()):
        raise UnknownKind(f"{unknown[0]!r} is no fault; there are {', '.join(KINDS)}")
    return tuple(name for name in KINDS if name in wanted)


def drawn_incident(chance: Random, name: str, *, at_ns: int, channel: str) -> Incident:
    """One of this kind, as long, as large or as often as chance has it."""
    kind = KINDS[name]
    count = chance.randint(1, MOST_TIMES) if _lasts(kind) is Lasts.COUNTED else 1
    by = _mishap_size(chance, kind) if isinstance(kind, Mishap) else _fault_size(chance, kind)
    return Incident(at_ns=at_ns, kind=name, channel=channel, for_ns=_span_ns(chance, kind), count=count, by=by)


def what(incident: Incident) -> Fault | Mishap:
    """As the World takes it."""
    kind = KINDS.get(incident.kind)
    if kind is None:
        raise UnknownKind(f"{incident.kind!r} is no fault; there are {', '.join(KINDS)}")
    return kind if isinstance(kind, Mishap) else Fault(kind, incident.count, incident.by)


def _lasts(kind: Kind) -> Lasts:
    if isinstance(kind, FaultKind):
        return kind.traits.lasts
    return Lasts.AT_ONCE if kind in ONCE else Lasts.UNTIL_HEALED


def _span_ns(chance: Random, kind: Kind) -> int | None:
    """Evenly over the orders of magnitude: most faults of a line are short, and long ones happen."""
    if _lasts(kind) is not Lasts.UNTIL_HEALED or chance.random() < UNHEALED:
        return None
    span_ns = int(SHORTEST_NS * (LONGEST_NS / SHORTEST_NS) ** chance.random())
    return span_ns // NS_PER_MS * NS_PER_MS


def _fault_size(chance: Random, kind: FaultKind) -> int | None:
    match kind.traits.by:
        case None:
            return None
        case Choice(names):
            return chance.randrange(len(names))
        case Size(_, default, least, most):
            sign = chance.choice((1, -1)) if least < 0 else 1
            return min(most, max(least, sign * default * chance.choice(FACTORS) // 4))


def _mishap_size(chance: Random, mishap: Mishap) -> int | None:
    if mishap is Mishap.SYNC_FAILS:
        return chance.randrange(2)
    if mishap not in DEFAULT_BY:
        return None
    by = max(1, DEFAULT_BY[mishap] * chance.choice(FACTORS) // 4)
    return min(by, MOST_PERMILLE) if mishap in _OF_1000_WRITES else by
