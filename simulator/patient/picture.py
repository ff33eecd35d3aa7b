"""The picture: serum magnesium over the days, the infusions below it, and what the model cannot know under both.

Refuses to judge, and to leave the limits of the model out. Drawn are the typical patient and, when there is a crowd,
where most of it lies.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib's types leave every **kwargs open)

from __future__ import annotations

import logging
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.patient.course import HOURS_PER_DAY, Course, Dose, Peak
from simulator.patient.limits import LIMITS, PURPOSE
from simulator.patient.model import MG_PER_DL_PER_MMOL_PER_L, mg_dl
from simulator.patient.population import Crowd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any eyes; what is filled differs in lightness, too.
CURVE, PEOPLE, NORMAL, INFUSION, ALARM = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"
INK, PALE = "#333333", "#999999"
NORMAL_MMOL_L = (0.70, 1.05)  # clinical.md section 1
HOURLY_UP_TO_DAYS = 2  # a shorter picture counts hours
LIMITS_WIDTH = 150
VERDICT_WIDTH = 50
MOST_RATES_NAMED = 3
MOST_TICKS = 14


@dataclass(frozen=True, slots=True)
class Caption:
    """`verdict`: empty when the rules accept what is drawn, else what they say to it."""

    title: str
    subtitle: str
    verdict: str = ""


def draw(path: Path, caption: Caption, course: Course, doses: Sequence[Dose], crowd: Crowd | None) -> None:
    """Write a PNG."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and not needed for figures alone

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(11, 8), height_ratios=(4, 1), dpi=150)
    until_h = float(course.hours[-1])
    unit_h = 1 if until_h <= HOURLY_UP_TO_DAYS * HOURS_PER_DAY else HOURS_PER_DAY
    _draw_serum(above, course, crowd, unit_h)
    _draw_doses(below, doses, until_h, unit_h)
    _write_around(figure, above, caption)
    try:
        figure.savefig(path, format="png", metadata={"Software": "pumpsim patient"})
    finally:
        pyplot.close(figure)


def _draw_serum(axes: Axes, course: Course, crowd: Crowd | None, unit_h: int) -> None:
    low, high = (mg_dl(edge) for edge in NORMAL_MMOL_L)
    normal = f"normal, {NORMAL_MMOL_L[0]:.2f} to {NORMAL_MMOL_L[1]:.2f} mmol/L"
    axes.axhspan(low, high, color=NORMAL, alpha=0.18, linewidth=0, label=normal)
    peak = course.peak()
    tops = [mg_dl(peak.serum_mmol_l), high]
    if crowd is not None:
        _draw_crowd(axes, crowd, unit_h)
        tops.append(mg_dl(float(np.max(crowd.measured.high))))
    serum = course.serum_mmol_l[:, 0] * MG_PER_DL_PER_MMOL_PER_L
    axes.plot(course.hours / unit_h, serum, color=CURVE, linewidth=2.2, label=f"typical patient, peak {_both(peak)}")
    axes.plot(peak.at_h / unit_h, mg_dl(peak.serum_mmol_l), marker="o", markersize=6, color=CURVE, linestyle="none")
    axes.set_ylim(0, max(tops) * 1.12)
    axes.set_ylabel("serum magnesium, mg/dL", color=INK)
    _tidy(axes)
    right = axes.secondary_yaxis("right", functions=(_as_mmol_l, _as_mg_dl))
    right.set_ylabel("mmol/L", color=INK)
    right.tick_params(colors=INK)
    right.spines["right"].set_visible(False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=9, labelcolor=INK)


def _draw_crowd(axes: Axes, crowd: Crowd, unit_h: int) -> None:
    span, people = crowd.hours / unit_h, crowd.people
    low, high = _as_mg_dl(people.low), _as_mg_dl(people.high)
    label = f"5 to 95 % of {crowd.size} people (seed {crowd.seed})"
    axes.fill_between(span, low, high, color=PEOPLE, alpha=0.35, linewidth=0, label=label)
    style: dict[str, Any] = {"color": INK, "linewidth": 0.9, "linestyle": (0, (4, 3))}
    axes.plot(span, _as_mg_dl(crowd.measured.low), label="5 to 95 % of their laboratory results", **style)
    axes.plot(span, _as_mg_dl(crowd.measured.high), **style)


def _draw_doses(axes: Axes, doses: Sequence[Dose], until_h: float, unit_h: int) -> None:
    """One box an infusion rate: its width is how long, its height how fast, its area the dose."""
    shown = [dose for dose in doses if dose.begin_h < until_h]
    for dose in shown:
        span = np.array([dose.begin_h, min(dose.end_h, until_h)]) / unit_h
        axes.fill_between(span, dose.rate_mg_min, color=INFUSION, linewidth=1.5)
    firsts = {f"{dose.rate_mg_min:.3g} mg/min": dose for dose in reversed(shown)}
    for label, dose in firsts.items() if len(firsts) <= MOST_RATES_NAMED else ():
        axes.annotate(
            label,
            (dose.begin_h / unit_h, dose.rate_mg_min),
            (3, 2),
            textcoords="offset points",
            color=INK,
            fontsize=8.5,
        )
    axes.set_ylim(0, max((dose.rate_mg_min for dose in shown), default=1.0) * 1.35)
    axes.set_xlim(0, until_h / unit_h)
    axes.set_xticks(np.arange(0, until_h / unit_h + 0.5, ceil(until_h / unit_h / MOST_TICKS)))
    axes.set_ylabel("infusion,\nmg/min", color=INK)
    axes.set_xlabel(f"{'hours' if unit_h == 1 else 'days'} since the first infusion began", color=INK)
    _tidy(axes)


def _write_around(figure: Figure, above: Axes, caption: Caption) -> None:
    """Title, what the model cannot know, and in large letters whatever the rules have against the order."""
    figure.suptitle(caption.title, color=INK, fontsize=14, x=0.5, y=0.985)
    figure.text(0.5, 0.935, caption.subtitle, color=INK, fontsize=10, ha="center")
    paragraphs = [textwrap.fill(f"- {limit}", LIMITS_WIDTH, subsequent_indent="  ") for limit in LIMITS]
    figure.text(0.06, 0.015, "\n".join((PURPOSE, *paragraphs)), color=INK, fontsize=8.5, va="bottom", linespacing=1.35)
    figure.subplots_adjust(left=0.075, right=0.925, top=0.865, bottom=0.245, hspace=0.08)
    figure.align_ylabels()
    if caption.verdict:
        box = {"facecolor": "white", "edgecolor": ALARM, "alpha": 0.85, "linewidth": 2}
        style: dict[str, Any] = {"color": ALARM, "fontsize": 22, "fontweight": "bold", "bbox": box}
        verdict = textwrap.fill(caption.verdict, VERDICT_WIDTH)
        above.text(0.5, 0.13, verdict, transform=above.transAxes, ha="center", va="center", **style)


def _both(peak: Peak) -> str:
    return f"{mg_dl(peak.serum_mmol_l):.2f} mg/dL ({peak.serum_mmol_l:.2f} mmol/L)"


def _as_mg_dl(serum: Any) -> Any:  # noqa: ANN401 - a number or an array of them
    return serum * MG_PER_DL_PER_MMOL_PER_L


def _as_mmol_l(serum: Any) -> Any:  # noqa: ANN401
    return serum / MG_PER_DL_PER_MMOL_PER_L


def _tidy(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(PALE)
    axes.tick_params(colors=INK)
    axes.margins(x=0)
