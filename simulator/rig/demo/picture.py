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

# Okabe and Ito: told apart with any eyes, and on a grey printer by their order
COLOURS = ("#0072B2", "#D55E00", "#009E73")
INK, PALE = "#333333", "#999999"
MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Curve:
    """`points`: hours since the first drop, mL/h, mL. `stop`: what ended it early, or nothing."""

    name: str
    points: tuple[Point, ...]
    stop: str


def curve(name: str, trace: Sequence[tuple[int, float, float]], stop: str = "") -> Curve:
    """Of a simulator's trace: therapy ms, uL, uL/h."""
    begun_ms = next((before[0] for before, after in itertools.pairwise(trace) if after[1] > before[1]), 0)
    points = ((ms - begun_ms, ul_h / 1000, ul / 1000) for ms, ul, ul_h in trace)
    return Curve(name, tuple((ms / MS_PER_HOUR, flow, volume) for ms, flow, volume in points if ms >= 0), stop)


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
    axes.text(10.75, cap_ml_h + 0.25, f"hard limit {cap_mg_min:g} mg/min", ha="right", va="bottom", color=INK)
    for colour, each in zip(COLOURS, curves, strict=True):
        axes.plot(*_columns(each, 1), color=colour, linewidth=2)
    axes.set_ylabel("flow into the patient, mL/h")
    axes.set_ylim(0, cap_ml_h * 1.25)
    _tidy(axes)

    def rate_at(flow: Any) -> Any:  # noqa: ANN401 - a number or an array of them
        return flow * to_mg_min

    def flow_at(rate: Any) -> Any:  # noqa: ANN401
        return rate / to_mg_min

    right = axes.secondary_yaxis("right", functions=(rate_at, flow_at))
    right.set_ylabel("dose rate, mg/min")
    right.spines["right"].set_visible(False)


def _draw_volume(axes: Axes, curves: Sequence[Curve], ordered_ml: float) -> None:
    axes.axhline(ordered_ml, color=INK, linewidth=1, linestyle="--")
    axes.text(0.05, ordered_ml + 1.5, f"ordered {ordered_ml:g} mL", va="bottom", color=INK)
    for colour, each in zip(COLOURS, curves, strict=True):
        hours, volumes = _columns(each, 2)
        axes.plot(hours, volumes, color=colour, linewidth=2, label=each.name)
        if each.stop:
            _mark_stop(axes, each, colour)
    axes.set_xlabel("therapy time since the first drop, h")
    axes.set_ylabel("delivered, mL")
    axes.set_xlim(0, 10.8)
    axes.set_ylim(0, ordered_ml * 1.12)
    axes.legend(loc="lower right", frameon=False)
    _tidy(axes)


def _mark_stop(axes: Axes, stopped: Curve, colour: str) -> None:
    """At the last drop, with what ended it."""
    volume = stopped.points[-1][2]
    hour = next(point[0] for point in stopped.points if point[2] >= volume)
    axes.plot([hour], [volume], marker="X", markersize=9, color=colour, linestyle="none")
    axes.annotate(stopped.stop, (hour, volume), (8, -4), textcoords="offset points", va="top", color=colour)


def _columns(each: Curve, column: int) -> tuple[list[float], list[float]]:
    return [point[0] for point in each.points], [point[column] for point in each.points]


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=PALE, alpha=0.25)
    axes.tick_params(colors=INK)
