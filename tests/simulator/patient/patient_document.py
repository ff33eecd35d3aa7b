"""docs/patient.md, made from the model's figures and from what it reproduces.

`python -m tests.simulator.patient.patient_document` writes it; test_expected.py says when that was forgotten.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from simulator.patient import population
from simulator.patient.limits import LIMITS, PURPOSE
from simulator.patient.model import HEALTHY, WASTING
from tests.simulator.patient.expected import Expected, rows

PATH = Path(__file__).resolve().parents[3] / "docs/patient.md"
WIDTH = 118
HEAD = """# The virtual patient

Made by `python -m tests.simulator.patient.patient_document` from the model and its checks. A test fails when it is out
of date.

{purpose} Nothing in `pumpctl/` may import it; an
import contract sees to that.

```
pumpsim patient --order deploy/examples/orders/golden-home-sc-accepted.json --days 7 -o serum.png --json
pumpsim patient --order deploy/examples/orders/golden-home-sc-accepted.json --population 300 --seed 5 -o many.png
```

The order is judged at `--at`, or else at the instant at which its first infusion is due: a simulation has no today. An
order that the rules refuse ends with exit code 4, one that lacks an override with 3, each with the ids of the findings.
`--even-if-refused` draws it as it stands written, and the picture says so in large letters. The virtual patient is not
the order's patient: kind (`--patient healthy|wasting`) and clearance (`--crcl`, else 100 mL/min) are chosen by hand.

## The model

Amounts in mmol, volumes in L, time in h. Magnesium enters a depot under the skin (A_sc) or the blood (A_c), moves
between the blood and a fast (A_f) and a peripheral compartment (A_p), and leaves with the urine. Reabsorption in the
kidney saturates with a knee, and a fixed fraction always leaks. All that enters the depot reaches the blood.

```
dA_sc/dt = R_sc - ka A_sc
dA_c/dt  = R_iv + ka A_sc + J_gut - Qf (C - Cf) - Qp (C - Cp) - J_ren
dA_f/dt  = Qf (C - Cf)          dA_p/dt = Qp (C - Cp)          C = A_c / Vc, and so on
J_ren    = GFR (u - r)          u = fu C          x = (1 - leak) u          GFR = 0.06 CrCl
r        = ((x + Tm) - sqrt((x + Tm)^2 - 4 knee x Tm)) / (2 knee)
R        = rate in mg/min * 60 / 246.47
```

It begins at the untreated steady state, where the kidneys lose what the gut takes up. Integration is Runge-Kutta of
fourth order, with steps that are short after each change of rate and grow as the body settles. A second integrator in
the tests agrees to 0.0005 mmol/L.
"""
BETWEEN = """
What really left a simulated pump drives the model as well as an order does: `of_trace` in
`simulator/patient/course.py` turns the trace of a pump's truth into doses, so that an occlusion and the bolus of its
release reach the patient as they were.
"""


def text() -> str:
    """The whole page."""
    return "\n".join((HEAD.format(purpose=PURPOSE), *_figures(), *_spread(), BETWEEN, *_measured(), *_limits())) + "\n"


def _figures() -> Iterator[str]:
    h, w = HEALTHY, WASTING
    shared = (
        ("fu", "filtered fraction", f"{h.unbound_fraction:.2f}", "published"),
        ("Tm", "most that is reabsorbed, mmol/L", f"{h.reabsorption_max_mmol_l}", "Rude 1980"),
        (
            "Vc, Vf, Vp",
            "volumes, L",
            f"{h.central_l:g}, {h.fast_l:g}, {h.peripheral_l:g}",
            "sum Lu 2002, split guessed",
        ),
        ("Qf, Qp", "exchange, L/h", f"{h.fast_exchange_l_h:g}, {h.peripheral_exchange_l_h:g}", "guessed; Lu 2002"),
        ("ka", "absorption from under the skin, 1/h", f"{h.absorption_per_h}", "intramuscular, Salinger 2013"),
    )
    yield "| | what | healthy | wasting | from |"
    yield "|---|---|---|---|---|"
    for name, what, value, source in shared:
        yield f"| {name} | {what} | {value} | {value} | {source} |"
    knees, leaks = (h.knee_sharpness, w.knee_sharpness), (h.leak_fraction, w.leak_fraction)
    yield f"| knee | sharpness of the knee | {knees[0]} | {knees[1]} | wasting: fitted |"
    yield f"| leak | fraction never reabsorbed | {leaks[0]} | {leaks[1]} | wasting: fitted |"
    gut = [24 * kind.gut_uptake_mmol_h for kind in (h, w)]
    yield f"| J_gut | uptake from food, mmol/day | {gut[0]:g} | {gut[1]:g} | plausible |"
    yield ""


def _spread() -> Iterator[str]:
    cvs = (population.CLEARANCE_CV, population.CENTRAL_CV, population.PERIPHERAL_CV, population.EXCHANGE_CV)
    gfr, vc, vp, qp = (round(100 * cv) for cv in cvs)
    yield textwrap.fill(
        "A population (`--population N --seed S`) varies log-normally around these figures, each by itself: "
        f"coefficient of variation {gfr} % for GFR, {vc} % for Vc, {vp} % for Vp, {qp} % for Qp (Lu 2002). A "
        f"laboratory adds a proportional error of {100 * population.ASSAY_CV:.0f} %. Shown are the 5th, 50th and 95th "
        "percentile. The same seed gives the same people.",
        WIDTH,
    )


def _measured() -> Iterator[str]:
    yield "## What it reproduces\n"
    yield "CrCl 100 mL/min unless said. *Stated* is the specification, to be met within 10 %; *measured* is this"
    yield "version; *in people* is what Lu 2002 or the case report found.\n"
    yield "| | unit | stated | measured | in people |"
    yield "|---|---|---|---|---|"
    yield from (_row(row) for row in rows())
    yield ""
    yield "Also tested: what enters is what left and what is still there, below 1e-9 mmol; no drift over seven"
    yield "untreated days; the peak of 2 g falls from 15 minutes to one hour IV to subcutaneous; serum falls as"
    yield "clearance rises.\n"


def _row(row: Expected) -> str:
    published = "" if row.published is None else f"{row.published:g}"
    return f"| {row.what} | {row.unit} | {row.stated:g} | {row.measured:.3f} | {published} |"


def _limits() -> Iterator[str]:
    yield "## What it gets wrong or cannot know\n"
    yield "Every picture and every JSON says the same.\n"
    yield from (textwrap.fill(f"- {limit}", WIDTH, subsequent_indent="  ") for limit in LIMITS)


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
