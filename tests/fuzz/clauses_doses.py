"""Second reading of clinical.md: dose, rate, time, concentration and diluent of each phase (Q20-Q30, P02-P10, L01-L04).

Refuses to know pumpctl's rules: each function is one clause, from its row in section 2 and the profiles of section 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from tests.fuzz.case import Case, Phase
from tests.fuzz.figure import heptahydrate_mg
from tests.fuzz.objection import Clause, Objection, hard, shown_dose, soft

SALINE = "sodium_chloride_0.9_percent"
NEVER_UNDER_THE_SKIN = ("water", "undiluted", "none", "stock", "premix", "magnesium")
LOADING_LIMIT_MG_MIN = Fraction(2000, 15)
INTERMITTENT_LIMIT_MMOL_MIN = Fraction(12, 180)
STOCK_MG_ML = 500
STOCK_MOSM_L = 4060
DILUENT_MOSM_L = {"glucose_5_percent": 278, "dextrose_5_percent": 278, "water_for_injection": 0}
SALINE_MOSM_L = 308  # unknown diluents too (L03)


def q20_loading_dose(case: Case) -> Iterator[Objection]:
    """> 2 g SOFT, > 4 g HARD. Halved with reduced clearance (Q02)."""
    if case.total_mg("loading") > 4000:
        yield hard("Q20", "loading over 4 g")
    if case.total_mg("loading") > 2000 and not case.has_reduced_clearance:
        yield soft("Q20", "loading over 2 g", **shown_dose(case.total_mmol("loading")))


def q21_loading_time(case: Case) -> Iterator[Objection]:
    """IV loading over less than 15 min and not Q10: HARD."""
    for phase in _of_kind(case, "loading"):
        if any(minutes < 15 for minutes in phase.durations_min):
            yield hard("Q21", "loading in under 15 min")


def q22_continuous_rate(case: Case) -> Iterator[Objection]:
    """> 4 mg/min HARD, < 1 mg/min SOFT; lower limits do not fire with reduced clearance (Q02)."""
    for phase in _of_kind(case, "continuous"):
        rate = phase.rate_mg_min
        if rate is not None and rate > 4:
            yield hard("Q22", "continuous over 4 mg/min")
        if rate is not None and rate < 1 and not case.has_reduced_clearance:
            yield soft("Q22", "continuous under 1 mg/min", **_shown_rate(rate))


def q24_intermittent(case: Case) -> Iterator[Objection]:
    """> 12 mmol, < 3 h, or faster than 12 mmol/3 h: HARD."""
    if case.total_mmol("intermittent") > 12:
        yield hard("Q24", "over 12 mmol")
    for phase in _of_kind(case, "intermittent"):
        if any(minutes < 180 for minutes in phase.durations_min):
            yield hard("Q24", "under 3 h")
        if phase.rate_mg_min is not None and phase.rate_mg_min > heptahydrate_mg(INTERMITTENT_LIMIT_MMOL_MIN):
            yield hard("Q24", "faster than 12 mmol in 3 h")


def q30_dose_under_the_skin(case: Case) -> Iterator[Objection]:
    """SC dose per infusion > 12 mmol: HARD."""
    if case.is_sc and case.total_mmol("infusion") > 12:
        yield hard("Q30", "over 12 mmol under the skin")


def p10_evidence_point(case: Case) -> Iterator[Objection]:
    """SC dose > 2.0 g: SOFT. Halved with reduced clearance (Q02)."""
    if case.is_sc and case.total_mg("infusion") > 2000 and not case.has_reduced_clearance:
        yield soft("P10", "over 2 g under the skin", **shown_dose(case.total_mmol("infusion")))


def p02_diluent(case: Case) -> Iterator[Objection]:
    """SC: not 0.9 % NaCl SOFT; water for injection, undiluted stock, IV-only premix, and unknown (section 3) HARD."""
    for phase in case.phases:
        diluent = phase.diluent
        if diluent is None:
            yield hard("P02", "diluent unknown")
        elif case.is_sc and any(word in diluent.lower() for word in NEVER_UNDER_THE_SKIN):
            yield hard("P02", f"{diluent} under the skin")
        elif case.is_sc and diluent != SALINE:
            yield soft("P02", f"{diluent} under the skin")


def p03_rate_under_the_skin(case: Case) -> Iterator[Objection]:
    """SC rate < 1 SOFT (not with reduced clearance, Q02), > 3.4 SOFT, > 4 mg/min HARD."""
    for phase in case.phases if case.is_sc else ():
        rate = phase.rate_mg_min
        if rate is not None and rate > 4:
            yield hard("P03", "over 4 mg/min")
        if rate is not None and rate > Fraction("3.4"):
            yield soft("P03", "over 3.4 mg/min", **_shown_rate(rate))
        if rate is not None and rate < 1 and not case.has_reduced_clearance:
            yield soft("P03", "under 1 mg/min", **_shown_rate(rate))


def l01_intravenous_rate(case: Case) -> Iterator[Objection]:
    """IV > 150 mg/min HARD (an emergency: > 400); loading faster than 2 g per 15 min SOFT."""
    for phase in case.phases if case.is_iv else ():
        rate = phase.rate_mg_min
        limit = 400 if case.is_emergency and phase.kind == "emergency" else 150
        if rate is not None and rate > limit:
            yield hard("L01", f"over {limit} mg/min")
        if phase.kind == "loading" and rate is not None and rate > LOADING_LIMIT_MG_MIN:
            yield soft("L01", "loading faster than 2 g in 15 min", **_shown_rate(rate))


def l02_intravenous_concentration(case: Case) -> Iterator[Objection]:
    """IV > 200 mg/mL: HARD."""
    for phase in case.phases if case.is_iv else ():
        if _concentration_mg_ml(phase) > 200:
            yield hard("L02", "over 200 mg/mL")


def l03_concentration_under_the_skin(case: Case) -> Iterator[Objection]:
    """SC > 20 mg/mL SOFT, > 40 HARD; osmolarity > 500 SOFT, > 900 HARD."""
    for phase in case.phases if case.is_sc else ():
        concentration, osmolarity = _concentration_mg_ml(phase), _osmolarity_mosm_l(phase)
        if concentration > 40:
            yield hard("L03", "over 40 mg/mL")
        if concentration > 20:
            yield soft("L03", "over 20 mg/mL", mg_per_mL=concentration)
        if osmolarity > 900:
            yield hard("L03", "over 900 mOsm/L")
        if osmolarity > 500:
            yield soft("L03", "over 500 mOsm/L", mOsm_per_L=osmolarity)


def l04_flow_under_the_skin(case: Case) -> Iterator[Objection]:
    """SC flow > 75 mL/h SOFT, > 120 HARD (volume in 24 h: clauses_windows.py)."""
    for phase in case.phases if case.is_sc else ():
        if isinstance(phase.flow_ml_h, Fraction) and phase.flow_ml_h > 120:
            yield hard("L04", "over 120 mL/h")
        if isinstance(phase.flow_ml_h, Fraction) and phase.flow_ml_h > 75:
            yield soft("L04", "over 75 mL/h", mL_per_h=phase.flow_ml_h)


def _of_kind(case: Case, kind: str) -> list[Phase]:
    return [phase for phase in case.phases if phase.kind == kind]


def _shown_rate(rate_mg_min: Fraction) -> dict[str, Fraction]:
    return {"mg_per_min": rate_mg_min, "mg_per_h": rate_mg_min * 60, "g_per_h": rate_mg_min * 60 / 1000}


def _concentration_mg_ml(phase: Phase) -> Fraction:
    """Mass over the smaller of final volume and the labelled volume of the bag it was added to (section 1)."""
    volumes = [volume for volume in (phase.final_ml, phase.base_ml) if isinstance(volume, Fraction)]
    if not volumes or phase.bag_mmol is None:
        return Fraction(0)
    return heptahydrate_mg(phase.bag_mmol) / min(volumes)


def _osmolarity_mosm_l(phase: Phase) -> Fraction:
    """(stock mL x 4060 + diluent mL x its own) / final mL."""
    if not isinstance(phase.final_ml, Fraction) or phase.bag_mmol is None:
        return Fraction(0)
    stock_ml = heptahydrate_mg(phase.bag_mmol) / STOCK_MG_ML
    diluent_mosm_l = DILUENT_MOSM_L.get(phase.diluent or "", SALINE_MOSM_L)
    return (stock_ml * STOCK_MOSM_L + (phase.final_ml - stock_ml) * diluent_mosm_l) / phase.final_ml


CLAUSES: tuple[Clause, ...] = (
    q20_loading_dose,
    q21_loading_time,
    q22_continuous_rate,
    q24_intermittent,
    q30_dose_under_the_skin,
    p10_evidence_point,
    p02_diluent,
    p03_rate_under_the_skin,
    l01_intravenous_rate,
    l02_intravenous_concentration,
    l03_concentration_under_the_skin,
    l04_flow_under_the_skin,
)
