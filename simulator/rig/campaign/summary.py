"""A campaign in one object, as the contract of `pumpsim campaign --json` has it.

Refuses to know where the rows came from: the same rows give the same digest, in whatever order they came.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.rig.campaign.outcome import MS_PER_H, Row

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Summary:
    """`counting`: runs with a START. `live_looked_at`: those whose life after the faults was looked at (I12)."""

    runs: int
    counting: int
    live_looked_at: int
    pump_ms: int
    fired: Mapping[str, int]
    excess_ul: Mapping[str, int]
    endings: Mapping[str, int]
    violations: tuple[Mapping[str, Any], ...]
    digest: str


def summed(seed: int, kinds: tuple[str, ...], rows: Mapping[int, Row]) -> Summary:
    """Faults of runs that ended before a START do not count, and each kind looked for is named, at 0 too."""
    fired: Counter[str] = Counter(dict.fromkeys(kinds, 0))
    excess_ul: dict[str, int] = {}
    digest = hashlib.sha256()
    violations: list[Mapping[str, Any]] = []
    in_order = [rows[index] for index in sorted(rows)]
    for row in in_order:
        digest.update(f"{row.index} {row.outcome.digest}\n".encode())
        violations += [
            {"seed": f"{seed}/{row.index}", "invariant": b.invariant, "at_s": b.at_ns / NS_PER_S, "detail": b.detail}
            for b in row.outcome.broken
        ]
        for kind, most_ul in row.outcome.excess_ul.items():
            excess_ul[kind] = max(most_ul, excess_ul.get(kind, 0))
        if row.outcome.started:
            fired.update(row.outcome.fired)
    return Summary(
        runs=len(in_order),
        counting=sum(row.outcome.started for row in in_order),
        live_looked_at=sum(row.outcome.is_live is not None for row in in_order),
        pump_ms=sum(row.outcome.pump_ms for row in in_order),
        fired=dict(fired),
        excess_ul=dict(sorted(excess_ul.items())),
        endings=dict(sorted(Counter(row.outcome.ended for row in in_order).items())),
        violations=tuple(violations),
        digest=digest.hexdigest(),
    )


def as_json(summary: Summary, seed: int, wall_s: float) -> dict[str, Any]:
    return {
        "runs": summary.runs,
        "seed": seed,
        "pump_hours": round(summary.pump_ms / MS_PER_H, 3),
        "wall_s": round(wall_s, 1),
        "faults_injected": dict(summary.fired),
        "violations": list(summary.violations),
        "undetected_excess_ul": dict(summary.excess_ul),
        "digest": summary.digest,
    }


def in_words(summary: Summary) -> list[str]:
    """For the terminal."""
    mean_h = summary.pump_ms / MS_PER_H / max(1, summary.counting)
    least = min(summary.fired.items(), key=lambda each: each[1], default=("none", 0))
    endings = ", ".join(f"{number} {how}" for how, number in summary.endings.items())
    return [
        f"runs {summary.runs}, of them with a start {summary.counting}; ended: {endings or 'none'}",
        f"pump-hours {summary.pump_ms / MS_PER_H:.1f}, {mean_h:.2f} a run; I12 looked at in {summary.live_looked_at}",
        f"faults {sum(summary.fired.values())} of {len(summary.fired)} kinds, the rarest {least[0]} {least[1]} times",
        f"violations {len(summary.violations)}, digest {summary.digest}",
    ]
