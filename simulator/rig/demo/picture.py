"""The picture: flow and volume of the three infusions against therapy hours, as the simulator's plant had them.

Refuses to judge. Curves are the truth; only the ordered volume and the limit are drawn beside them.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib's types leave every **kwargs open)

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point: TypeAlias = tuple[float, float, float]

# Okabe and Ito's colours, told apart with any eyes; each curve thinner than the one under it, where they coincide.
STROKES = (("#56B4E9", 6.0), ("#D55E00", 3.5), ("#222222", 1.5))
INK, PALE = "#333333", "#999999"
MS_PER_HOUR = 3_600_000
LAST_HOUR = 11.0


@dataclass(frozen=True, slots=True)
class Curve:
    """`points`: hours since the first drop, mL/h, mL. `end`: how it ended."""

    points: tuple[Point, ...]
    end: str


def curve(trace: Sequence[tuple[int, float, float]], end: str) -> Curve:
    """Of a simulator's trace: therapy ms, uL, uL/h."""
    begun_ms = next((before[0] for before, after in itertools.pairwise(trace) if after[1] > before[1]), 0)
    points = ((ms - begun_ms, ul_h / 1000, ul / 1000) for ms, ul, ul_h in trace)
    return Curve(tuple((ms / MS_PER_HOUR, flow, volume) for ms, flow, volume in points if ms >= 0), end)


def duration_h(trace: Sequence[tuple[int, float, float]]) -> float | None:
    """From the last point without a drop to the first one with all of them; None when nothing came."""
    rising = [(before[0], after[0]) for before, after in itertools.pairwise(trace) if after[1] > before[1]]
    return (rising[-1][1] - rising[0][0]) / MS_PER_HOUR if rising else None


def draw(path: Path, curves: Sequence[Curve], *, ordered_ml: float, mg_per_ml: float, cap_mg_min: float) -> None:
    """Write a PNG."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and needed at the end only

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(10, 7.2), height_ratios=(2, 3), dpi=150)
    _draw_flow(above, curves, mg_per_ml, cap_mg_min)
    _draw_volume(below, curves, ordered_ml)
    figure.suptitle("Magnesium sulfate 2 g in 100 mL over 10 h: what three simulated patients got", color=INK)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": "pumpctl demo"})
    pyplot.close(figure)


def _draw_flow(axes: Axes, curves: Sequence[Curve], mg_per_ml: float, cap_mg_min: float) -> None:
    to_mg_min = mg_per_ml / 60
    cap_ml_h = cap_mg_min / to_mg_min
    axes.axhline(cap_ml_h, color=INK, linewidth=1, linestyle="--")
    axes.text(0.1, cap_ml_h * 1.03, f"hard limit {cap_mg_min:g} mg/min", va="bottom", color=INK)
    _plot(axes, curves, column=1)
    axes.set_ylabel("flow into the patient, mL/h", color=INK)
    axes.set_ylim(0, cap_ml_h * 1.25)
    _tidy(axes)

    def rate_at(flow: Any) -> Any:  # noqa: ANN401 - a number or an array of them
        return flow * to_mg_min

    def flow_at(rate: Any) -> Any:  # noqa: ANN401
        return rate / to_mg_min

    right = axes.secondary_yaxis("right", functions=(rate_at, flow_at))
    right.set_ylabel("dose rate, mg/min", color=INK)
    right.tick_params(colors=INK)
    right.spines["right"].set_visible(False)


def _draw_volume(axes: Axes, curves: Sequence[Curve], ordered_ml: float) -> None:
    axes.axhline(ordered_ml, color=INK, linewidth=1, linestyle="--")
    axes.text(0.1, ordered_ml * 1.02, f"ordered {ordered_ml:g} mL", va="bottom", color=INK)
    _plot(axes, curves, column=2)
    for (colour, _), each in zip(STROKES, curves, strict=True):
        _mark_end(axes, each, colour)
    axes.set_xlabel("therapy time since the first drop, h", color=INK)
    axes.set_ylabel("delivered, mL", color=INK)
    axes.set_xlim(0, LAST_HOUR)
    axes.set_ylim(0, ordered_ml * 1.15)
    _tidy(axes)


def _plot(axes: Axes, curves: Sequence[Curve], column: int) -> None:
    for (colour, width), each in zip(STROKES, curves, strict=True):
        hours = [point[0] for point in each.points]
        axes.plot(hours, [point[column] for point in each.points], color=colour, linewidth=width)


def _mark_end(axes: Axes, ended: Curve, colour: str) -> None:
    """At the last drop: how it ended, and how much had been delivered."""
    volume_ml = ended.points[-1][2]
    hour = next(point[0] for point in ended.points if point[2] >= volume_ml)
    axes.plot([hour], [volume_ml], marker="o", markersize=8, color=colour, linestyle="none")
    axes.annotate(
        f"{ended.end}, {volume_ml:.1f} mL",
        (hour, volume_ml),
        (-70, -16) if hour > LAST_HOUR / 2 else (12, -16),
        textcoords="offset points",
        ha="right" if hour > LAST_HOUR / 2 else "left",
        color=INK,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
    )


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=PALE, alpha=0.25)
    axes.tick_params(colors=INK)
