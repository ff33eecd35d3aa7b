"""Many histories, counted: how many, what happened in them, and those in which too much was given or too little booked.

Refuses to know how a history goes (history.py) and who shows the count (__main__.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.ledger.history import History

MAX_KEPT_WRONG = 20


@dataclass(slots=True)
class Tally:
    """`wrong` holds a seed and a reason each."""

    histories: int = 0
    wrong_count: int = 0
    fullest_24h_ug: int = 0
    fullest_7d_ug: int = 0
    done: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def add(self, other: Tally) -> None:
        self.histories += other.histories
        self.wrong_count += other.wrong_count
        self.fullest_24h_ug = max(self.fullest_24h_ug, other.fullest_24h_ug)
        self.fullest_7d_ug = max(self.fullest_7d_ug, other.fullest_7d_ug)
        self.done.update(other.done)
        self.wrong = (self.wrong + other.wrong)[:MAX_KEPT_WRONG]

    def last_line(self) -> str:
        starts = sum(self.done[fate] for fate in ("started", "answer lost"))
        return (
            f"{self.histories} histories, {self.wrong_count} over the cap or under-booked; {starts} infusions,"
            f" {self.done['restarts']} restarts, {self.done['answer lost']} lost answers,"
            f" {self.done['clock step']} clock steps; fullest 24 h {self.fullest_24h_ug / 1e6:.2f} g,"
            f" fullest 7 d {self.fullest_7d_ug / 1e6:.2f} g"
        )


def live(seeds: Iterable[int]) -> Tally:
    """Each history to its end, or to what may never be."""
    tally = Tally()
    for seed in seeds:
        history = History(seed)
        tally.histories += 1
        try:
            history.run()
        except Exception as error:
            tally.wrong_count += 1
            if len(tally.wrong) < MAX_KEPT_WRONG:
                trail = "; ".join(history.trail[-6:])
                tally.wrong.append(f"seed {seed}: {type(error).__name__}: {str(error)[:600]} (after {trail})")
        tally.done.update(history.done)
        tally.fullest_24h_ug = max(tally.fullest_24h_ug, history.fullest_24h_ug)
        tally.fullest_7d_ug = max(tally.fullest_7d_ug, history.fullest_7d_ug)
    return tally
