"""The equations of the virtual patient read a second time: one person, plain floats, Heun's method in tiny steps.

Refuses to share a line with simulator/patient; slow, and for comparison only.
"""

from __future__ import annotations

from math import sqrt

STEP_H = 1 / 1_000

HEALTHY = {"kap": 0.995, "lam": 0.01, "gut": 3.5 / 24}
WASTING = {"kap": 0.9885, "lam": 0.0998, "gut": 5.0 / 24}


def excreted(kind: dict[str, float], gfr: float, c: float) -> float:
    u = 0.70 * c
    x = (1 - kind["lam"]) * u
    tm, kap = 0.576, kind["kap"]
    r = ((x + tm) - sqrt((x + tm) ** 2 - 4 * kap * x * tm)) / (2 * kap)
    return gfr * (u - r)


def baseline(kind: dict[str, float], gfr: float) -> float:
    """Newton's method with the slope taken across a small step."""
    c = 0.8
    for _ in range(50):
        miss = excreted(kind, gfr, c) - kind["gut"]
        slope = (excreted(kind, gfr, c + 1e-6) - excreted(kind, gfr, c - 1e-6)) / 2e-6
        c -= miss / slope
    return c


def serum_after(
    kind: dict[str, float], crcl: float, doses: list[tuple[float, float, str, float]], until_h: float
) -> list[float]:
    """mmol/L every STEP_H. A dose: from, to, "sc" or "iv", mg/min; its hours must be whole steps."""
    gfr = 0.06 * crcl
    c = baseline(kind, gfr)
    state = [0.0, 8.0 * c, 10.0 * c, 31.0 * c]
    spans = [
        (round(begin / STEP_H), round(end / STEP_H), route, rate * 60 / 246.47) for begin, end, route, rate in doses
    ]
    serum = [c]
    for step in range(round(until_h / STEP_H)):
        running = [(route, mmol_h) for begin, end, route, mmol_h in spans if begin <= step < end]
        sc, iv = (sum(mmol_h for one, mmol_h in running if one == route) for route in ("sc", "iv"))
        here = _slope(kind, gfr, state, sc, iv)
        ahead = _slope(kind, gfr, [a + STEP_H * d for a, d in zip(state, here, strict=True)], sc, iv)
        state = [a + STEP_H / 2 * (d + e) for a, d, e in zip(state, here, ahead, strict=True)]
        serum.append(state[1] / 8.0)
    return serum


def _slope(kind: dict[str, float], gfr: float, state: list[float], sc: float, iv: float) -> list[float]:
    a_sc, a_c, a_f, a_p = state
    c = a_c / 8.0
    fast, slow = 20.0 * (c - a_f / 10.0), 5.6 * (c - a_p / 31.0)
    return [sc - 0.317 * a_sc, iv + 0.317 * a_sc + kind["gut"] - fast - slow - excreted(kind, gfr, c), fast, slow]
