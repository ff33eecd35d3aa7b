"""Second reading of clinical.md: kidneys, volume, and the limits that reduced clearance halves (Q01-Q05b, Q10, Q16).

Refuses to know pumpctl's rules: each function is one clause, from its row in section 2 and the verdicts of section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from tests.fuzz import figure
from tests.fuzz.case import DAY_US, HOUR_US, Case
from tests.fuzz.objection import Clause, Objection, eased, hard, shown_dose, soft

CREATININE_RISE_UMOL_L = Fraction("26.5")
CREATININE_RATIO = Fraction("1.5")
SALINE_ML_DAY = 2000
SHORTEST_THREE_MONTHS_US = 89 * DAY_US


def q01_clearance(case: Case) -> Iterator[Objection]:
    """CrCl <= 20 mL/min: HARD, every route and emergency."""
    if case.clearance is not None and case.clearance[1] <= 20:
        yield hard("Q01", f"clearance {float(case.clearance[1]):g}")


def q02_reduced_clearance(case: Case) -> Iterator[Objection]:
    """20 < CrCl <= 30: SOFT."""
    if case.clearance is not None and case.has_reduced_clearance:
        yield soft("Q02", "reduced clearance", mL_per_min=case.clearance[1])


def q02_halved_doses(case: Case) -> Iterator[Objection]:
    """Home and intermittent 1.0 g SOFT, 6 mmol HARD; loading 1 g SOFT, 2 g HARD; emergency 1 g HARD."""
    if not case.has_reduced_clearance:
        return
    for kind in ("infusion", "intermittent"):
        if case.total_mmol(kind) > 6:
            yield hard("Q02", f"{kind} over 6 mmol")
        if case.total_mg(kind) > 1000:
            yield soft("Q02", f"{kind} over 1 g", **shown_dose(case.total_mmol(kind)))
    if case.total_mg("loading") > 2000:
        yield hard("Q02", "loading over 2 g")
    if case.total_mg("loading") > 1000:
        yield soft("Q02", "loading over 1 g", **shown_dose(case.total_mmol("loading")))
    if case.total_mg("emergency") > 1000:
        yield hard("Q02", "emergency over 1 g")


def q03_clearance_known(case: Case) -> Iterator[Objection]:
    """CrCl missing, or older than IV 72 h, home 35 d, 100 d on stable maintenance."""
    if case.clearance is None:
        yield eased(case, "Q03", "clearance missing")
    elif is_stale(case, case.clearance[0]):
        yield eased(case, "Q03", "clearance stale")


def is_stale(case: Case, drawn_us: int) -> bool:
    """Q03, Q12. Ages count at acceptance for home, at the start for IV: the first one that can still be."""
    if case.is_iv:
        start_us = max((case.at_us, *case.planned_us[:1]))
        return start_us - drawn_us > 72 * HOUR_US
    accepted_us = case.at_us if case.accepted_us is None else case.accepted_us
    return accepted_us - drawn_us > (100 if _is_stable(case) else 35) * DAY_US


def _is_stable(case: Case) -> bool:
    """Dose and frequency unchanged for 3 months, no check overdue: said by the course, borne out by its dates."""
    if case.order.get("course") != "stable_maintenance":
        return False
    changes = [case.section("therapy").get(name) for name in ("started_at", "changed_at")]
    read = [figure.read_instant_us(text) for text in changes if text is not None]
    return all(isinstance(at, int) and case.at_us - at >= SHORTEST_THREE_MONTHS_US for at in read)


def q04_volume(case: Case) -> Iterator[Objection]:
    """Volume depletion present and not corrected, or unknown."""
    if case.section("assessment").get("volume_status") not in {"euvolaemic", "corrected"}:
        yield eased(case, "Q04", "volume depleted or unknown")


def q05b_saline_in_heart_failure(case: Case) -> Iterator[Objection]:
    """Heart failure and saline >= 2 L/day still running."""
    saline = case.section("saline")
    per_day = figure.read(saline.get("per_day"), figure.VOLUME_ML_DAY)
    stopped_us = figure.read_instant_us(saline.get("stopped_at"))
    running = stopped_us is None or (isinstance(stopped_us, int) and stopped_us > case.at_us)
    if case.section("assessment").get("heart_failure") is not True or not isinstance(per_day, Fraction):
        return
    if running and per_day >= SALINE_ML_DAY:
        yield soft("Q05b", "saline in heart failure")


def q10_emergency(case: Case) -> Iterator[Objection]:
    """An emergency phase: declared and in progress, IV, not at home, >= 5 min, <= 2 g."""
    for phase in case.phases:
        if phase.kind != "emergency":
            continue
        if not _is_declared(case):
            yield hard("Q10", "no emergency in progress is stated")
        if not case.is_iv or case.is_home:
            yield hard("Q10", "an emergency dose at home or under the skin")
        if any(minutes < 5 for minutes in phase.durations_min):
            yield hard("Q10", "under 5 min")
    if case.total_mg("emergency") > 2000:
        yield hard("Q10", "over 2 g")


def _is_declared(case: Case) -> bool:
    indication = case.section("indication")
    return indication.get("emergency_in_progress") is True and bool(indication.get("emergency_event"))


def q16_kidney_failure(case: Case) -> Iterator[Objection]:
    """Dialysis; unknown dialysis is HARD for IV, emergency too, SOFT for home SC (section 3); creatinine rising."""
    assessment = case.section("assessment")
    dialysis = assessment.get("dialysis")
    if dialysis is True or assessment.get("acute_kidney_injury") is True:
        yield hard("Q16", "dialysis or acute kidney injury")
    if dialysis is None:
        yield soft("Q16", "dialysis unknown") if case.is_sc else hard("Q16", "dialysis unknown")
    if _creatinine_rises(case):
        yield hard("Q16", "creatinine rises")


def _creatinine_rises(case: Case) -> bool:
    """The last result against each one within 48 h (26.5 umol/L) and within 7 d (half as much again) before it."""
    results = case.results("creatinine")
    if not results:
        return False
    last_us, last = results[-1]
    return any(
        (last_us - at_us < 48 * HOUR_US and last - value >= CREATININE_RISE_UMOL_L)
        or (last_us - at_us < 7 * DAY_US and last >= CREATININE_RATIO * value)
        for at_us, value in results[:-1]
        if value > 0
    )


CLAUSES: tuple[Clause, ...] = (
    q01_clearance,
    q02_reduced_clearance,
    q02_halved_doses,
    q03_clearance_known,
    q04_volume,
    q05b_saline_in_heart_failure,
    q10_emergency,
    q16_kidney_failure,
)
