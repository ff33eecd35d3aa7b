"""Second reading of clinical.md: blood results, the heart, illnesses, who has agreed (Q06-Q43, P08, P09, L05-L08b).

Refuses to know pumpctl's rules: each function is one clause, from its row in section 2 and the verdicts of section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from tests.fuzz import figure
from tests.fuzz.case import DAY_US, HOUR_US, Case
from tests.fuzz.clauses_kidneys import is_stale
from tests.fuzz.figure import Unread, read_instant_us
from tests.fuzz.objection import Clause, Objection, eased, hard, soft

HIGHEST_BEFORE_START_MMOL_L = Fraction("1.05")
PLAUSIBLE_MMOL_L = (Fraction("0.1"), Fraction(6))
LONGEST_QTC_MS = 500
FERTILE_YEARS = (12, 55)
INCOMPATIBLE = ("calcium", "phosphate", "bicarbonate", "salicylate")
CHECK_OVERDUE_US = 22 * DAY_US  # Q40
CHECKED = (("magnesium",), ("potassium",), ("calcium",), ("creatinine", "creatinine_clearance"))
LEAST_URINE_ML = 100


def q06_potassium_and_calcium(case: Case) -> Iterator[Objection]:
    """K or Ca missing, or drawn more than 24 h from the Mg: SOFT; ADV in an emergency."""
    if case.is_emergency:
        return
    for kind in ("potassium", "calcium"):
        drawn = [at_us for at_us, _ in case.results(kind)]
        if not drawn or (case.magnesium and all(abs(at - case.magnesium[-1][0]) > DAY_US for at in drawn)):
            yield soft("Q06", f"{kind} missing or not drawn with the magnesium")


def q09_heart(case: Case) -> Iterator[Objection]:
    """Monitored IV: a flag unknown is SOFT (section 3); a flag set and no ECG in the last 24 h is SOFT."""
    if not case.is_iv or case.is_emergency:
        return
    assessment = case.section("assessment")
    flags = [assessment.get(name) for name in ("qtc_above_500_ms", "arrhythmia", "digoxin", "heart_failure")]
    if None in flags:
        yield soft("Q09", "a cardiac flag is unknown")
    ecg_us = read_instant_us(assessment.get("ecg_at"))
    is_recent = isinstance(ecg_us, int) and case.at_us - ecg_us <= 24 * HOUR_US
    if (True in flags or _qtc_is_long(case)) and not is_recent:
        yield soft("Q09", "no ECG in the last 24 h")


def _qtc_is_long(case: Case) -> bool:
    seen = [raw for raw in case.order.get("observations") or () if raw["kind"] == "qtc"]
    timed = [(read_instant_us(raw.get("at")), figure.read(raw.get("value"), figure.QTC_MS)) for raw in seen]
    read = sorted((at, value) for at, value in timed if isinstance(at, int) and isinstance(value, Fraction))
    return bool(read) and read[-1][1] > LONGEST_QTC_MS


def q12_magnesium_known(case: Case) -> Iterator[Objection]:
    """Serum Mg missing or stale: SOFT; ADV in an emergency."""
    if not case.is_emergency and (not case.magnesium or is_stale(case, case.magnesium[-1][0])):
        yield soft("Q12", "magnesium missing or stale")


def q13_magnesium_high(case: Case) -> Iterator[Objection]:
    """Serum Mg >= 1.05 mmol/L before start: HARD; ADV in an emergency."""
    if not case.is_emergency and case.magnesium:
        last_us = case.magnesium[-1][0]
        if max(value for at, value in case.magnesium if at == last_us) >= HIGHEST_BEFORE_START_MMOL_L:
            yield hard("Q13", "magnesium is not low")


def q14_drawn_after_magnesium(case: Case) -> Iterator[Objection]:
    """Elective IV: drawn before the end of the last IV magnesium or < 6 h after, or from the infusion arm: SOFT."""
    if not case.is_iv or case.is_emergency or not case.magnesium:
        return
    drawn_us = case.magnesium[-1][0]
    given = [one for one in case.patient_given if one.route == "iv" and one.start_us <= case.at_us]
    # What this order has running, or the last it had, may be the very infusion that is judged.
    is_over = case.planned_us and max(case.begun, default=0) < len(case.due.at_us)
    own_ends = [one.end_us for one in given if one.order_digest == case.digest and one.end_us <= case.at_us and is_over]
    ends = [one.end_us for one in given if one.order_digest != case.digest] + own_ends
    if ends and drawn_us < max(ends) + 6 * HOUR_US:
        yield soft("Q14", "drawn during, or too soon after, intravenous magnesium")
    arms = [raw.get("infusion_arm") for raw in case.order.get("results", ()) if raw["kind"] == "magnesium"]
    if arms == [True]:
        yield soft("Q14", "drawn from the infusion arm")


def q15_implausible(case: Case) -> Iterator[Objection]:
    """Mg < 0.1 or > 6 mmol/L: HARD. The last two within 14 d, doubled or halved, therapy unchanged: SOFT."""
    least, most = PLAUSIBLE_MMOL_L
    if any(not least <= value <= most for _, value in case.magnesium):
        yield hard("Q15", "magnesium implausible")
    if len(case.magnesium) < 2:
        return
    (before_us, before), (last_us, last) = case.magnesium[-2:]
    swings = before > 0 and last > 0 and not before < 2 * last < 4 * before
    if swings and last_us - before_us < 14 * DAY_US and not _changed_between(case, before_us, last_us):
        yield soft("Q15", "magnesium doubled or halved")


def _changed_between(case: Case, first_us: int, last_us: int) -> bool:
    changes = [read_instant_us(case.section("therapy").get(name)) for name in ("started_at", "changed_at")]
    ledger = [one.start_us for one in case.patient_given]
    return any(isinstance(at, int) and first_us <= at <= last_us for at in (*changes, *ledger))


def q17_urine(case: Case) -> Iterator[Objection]:
    """Monitored IV: urine of the last 4 h under 100 mL, or unknown (section 3): SOFT; ADV in an emergency."""
    if not case.is_iv or case.is_emergency:
        return
    urine = [raw for raw in case.order.get("observations") or () if raw["kind"] == "urine"]
    read = [(read_instant_us(raw.get("at")), figure.read(raw.get("value"), figure.VOLUME_ML)) for raw in urine]
    known = sorted((at, value) for at, value in read if isinstance(at, int) and isinstance(value, Fraction))
    start_us = max((case.at_us, *case.planned_us[:1]))
    if not known or start_us - known[-1][0] > 4 * HOUR_US:
        yield soft("Q17", "urine unknown")
    elif known[-1][1] < LEAST_URINE_ML:
        yield soft("Q17", "too little urine", mL=known[-1][1])


def q26_calcium_at_bedside(case: Case) -> Iterator[Objection]:
    """IV, not confirmed: SOFT; ADV in an emergency."""
    if case.is_iv and not case.is_emergency and case.section("assessment").get("calcium_at_bedside") is not True:
        yield soft("Q26", "no calcium at the bedside")


def q35_medication_review(case: Case) -> Iterator[Objection]:
    """No dated medication review: SOFT."""
    if not isinstance(read_instant_us(case.section("reviews").get("medication_review_at")), int):
        yield soft("Q35", "no dated medication review")


def q43_checks_at_renewal(case: Case) -> Iterator[Objection]:
    """Overdue checks at a home renewal: SOFT. Overdue: 22 d after a start or change and not one drawn since (Q40).

    What was never drawn at all is for Q03, Q06 and Q12 to say.
    """
    if not case.is_home or case.order.get("course") != "renewal":
        return
    changes = [read_instant_us(case.section("therapy").get(name)) for name in ("started_at", "changed_at")]
    read = [at for at in changes if isinstance(at, int)]
    if read and case.at_us - max(read) > CHECK_OVERDUE_US:
        for kinds in CHECKED:
            drawn = [at for kind in kinds for at, _ in case.results(kind)]
            if drawn and max(drawn) <= max(read):
                yield soft("Q43", f"{kinds[0]} check overdue")


def p08_agreed(case: Case) -> Iterator[Objection]:
    """Home SC without consent, pharmacist review and nephrologist review: SOFT."""
    reviews = case.section("reviews")
    if case.is_sc and not all(
        reviews.get(name) is True for name in ("consent", "pharmacist_review", "nephrologist_review")
    ):
        yield soft("P08", "consent or a review is missing")


def p09_off_label(case: Case) -> Iterator[Objection]:
    """SC is off-label: not acknowledged, SOFT."""
    if case.is_sc and case.section("reviews").get("off_label_acknowledged") is not True:
        yield soft("P09", "off-label use not acknowledged")


def d25_other_magnesium(case: Case) -> Iterator[Objection]:
    """Other parenteral magnesium not asked: SOFT."""
    if case.section("other_magnesium").get("parenteral") is None:
        yield soft("D25", "other magnesium not asked")


def l05_illnesses(case: Case) -> Iterator[Objection]:
    """Present: HARD, SOFT in an emergency. Unknown: HARD for elective IV, SOFT for home SC and in an emergency."""
    assessment = case.section("assessment")
    rules = {"heart_block": "L05", "myocardial_damage": "L05", "myasthenia": "L05b", "lambert_eaton": "L05b"}
    for name, rule in rules.items():
        if assessment.get(name) is True:
            yield eased(case, rule, name)
        elif assessment.get(name) is None:
            yield soft(rule, f"{name} unknown") if case.is_sc else eased(case, rule, f"{name} unknown")


def l07_same_line(case: Case) -> Iterator[Objection]:
    """Calcium salt, phosphate, bicarbonate, salicylate in the line: HARD; unknown for IV: SOFT (section 3)."""
    running = case.section("assessment").get("co_infusions")
    if running is None:
        if case.is_iv:
            yield soft("L07", "what else runs in the line is unknown")
    elif any(word in text.lower() for text in running for word in INCOMPATIBLE):
        yield hard("L07", "incompatible in the same line")


def l08_outside_the_library(case: Case) -> Iterator[Objection]:
    """Pregnancy, age < 18: HARD; so are age unknown, and pregnancy unknown in a woman of 12 to 55 (section 3)."""
    patient, pregnant = case.order["patient"], case.section("assessment").get("pregnant")
    age = figure.read(patient.get("age"), figure.AGE_YEARS)
    if age is None or isinstance(age, Unread):
        yield hard("L08", "age unknown")
    elif age < 18:
        yield hard("L08", "under 18")
    may_be = age is None or isinstance(age, Unread) or FERTILE_YEARS[0] <= age <= FERTILE_YEARS[1]
    if pregnant is True or (pregnant is None and may_be and patient.get("sex") != "male"):
        yield hard("L08", "pregnant, or perhaps")


def l08b_weight(case: Case) -> Iterator[Objection]:
    """Weight < 40 kg, or loading > 50 mg/kg: SOFT; weight unknown is SOFT for IV loading (section 3)."""
    weight = figure.read(case.order["patient"].get("weight"), figure.WEIGHT_KG)
    loading = [phase for phase in case.phases if phase.kind in {"loading", "emergency"}]
    if not isinstance(weight, Fraction):
        if case.is_iv and loading:
            yield soft("L08b", "weight unknown")
        return
    if weight < 40:
        yield soft("L08b", "under 40 kg", kg=weight)
    for phase in loading:
        if phase.dose_most_mg is not None and phase.dose_most_mg > 50 * weight:
            yield soft("L08b", "loading over 50 mg/kg", mg_per_kg=phase.dose_most_mg / weight)


CLAUSES: tuple[Clause, ...] = (
    q06_potassium_and_calcium,
    q09_heart,
    q12_magnesium_known,
    q13_magnesium_high,
    q14_drawn_after_magnesium,
    q15_implausible,
    q17_urine,
    q26_calcium_at_bedside,
    q35_medication_review,
    q43_checks_at_renewal,
    p08_agreed,
    p09_off_label,
    d25_other_magnesium,
    l05_illnesses,
    l07_same_line,
    l08_outside_the_library,
    l08b_weight,
)
