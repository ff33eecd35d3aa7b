"""Second reading of clinical.md: whether the order is written so that it can be judged (T02, U01-U07).

Refuses to know pumpctl's rules: each function is one clause, from its row in section 2, sections 1, 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from tests.fuzz import figure
from tests.fuzz.case import DAY_US, HOUR_US, MIN_US, Case, other_doses, result_value
from tests.fuzz.figure import Figure, Unread, read_instant_us
from tests.fuzz.objection import Clause, Objection, hard

DRUG = "magnesium_sulfate"
PROFILES = frozenset(
    {
        ("sc", "home", "infusion"),
        ("iv", "monitored", "loading"),
        ("iv", "monitored", "continuous"),
        ("iv", "monitored", "intermittent"),
        ("iv", "monitored", "emergency"),
    }
)
MUST_BE_STATED = ("dose_mmol", "volume_ml", "duration_min", "flow_ml_h")
COMPARED = ("flow_ml_h", "duration_min", "volume_ml", "dose_mmol", "dose_rate_mmol_min")
TIMES_IF_STATED = (
    ("reviews", "medication_review_at"),
    ("assessment", "ecg_at"),
    ("therapy", "started_at"),
    ("therapy", "changed_at"),
    ("saline", "started_at"),
    ("saline", "stopped_at"),
)
AHEAD_US = 5 * MIN_US


def t02_times(case: Case) -> Iterator[Objection]:
    """A time without UTC offset, or missing (section 3); a result or order time > 5 min in the future: HARD."""
    for name, text in _times(case):
        if not isinstance(read_instant_us(text), int):
            yield hard("T02", f"{name}: {text}")
    for at_us in (read_instant_us(case.order.get("authored_at")), *_drawn(case)):
        if isinstance(at_us, int) and at_us > case.at_us + AHEAD_US:
            yield hard("T02", "an order or a result from the future")
    if case.due.flaw == "T02":
        yield hard("T02", "the schedule names no instants")


def _drawn(case: Case) -> Iterator[int | Unread | None]:
    for raw in (*case.order.get("results", ()), *(case.order.get("observations") or ())):
        yield read_instant_us(raw.get("at"))


def _times(case: Case) -> Iterator[tuple[str, str | None]]:
    yield "authored_at", case.order.get("authored_at")
    for index, raw in enumerate(case.order.get("results", ())):
        yield f"results[{index}].at", raw.get("at")
    for index, raw in enumerate(case.order.get("observations") or ()):
        yield f"observations[{index}].at", raw.get("at")
    for index, raw in enumerate(case.section("other_magnesium").get("parenteral") or ()):
        yield f"parenteral[{index}].start", raw.get("start")
        yield f"parenteral[{index}].end", raw.get("end")
    for section, name in TIMES_IF_STATED:
        text = case.section(section).get(name)
        if text is not None:
            yield f"{section}.{name}", text


def u01_figures(case: Case) -> Iterator[Objection]:
    """Unit or basis missing, unknown or of the wrong dimension; a number that is not a plain one: HARD."""
    for name, value in _figures(case):
        if isinstance(value, Unread):
            yield hard("U01", f"{name}: {value.why}")
    for phase in case.phases:
        if phase.final_ml is None:
            yield hard("U01", "final volume missing")
    if any(mass is None for mass, _, _ in other_doses(case)):
        yield hard("U01", "a dose from elsewhere without its size")


def _figures(case: Case) -> Iterator[tuple[str, Figure]]:
    for phase in case.phases:
        yield from ((f"phases[{phase.index}].{name}", value) for name, value in phase.figures.items())
    for index, raw in enumerate(case.order.get("results", ())):
        yield f"results[{index}]", result_value(raw)
    for index, raw in enumerate(case.order.get("observations") or ()):
        units = {"urine": figure.VOLUME_ML, "qtc": figure.QTC_MS}.get(raw["kind"])
        if units is not None:
            yield f"observations[{index}]", figure.read(raw.get("value"), units)
    for index, (mass, _, _) in enumerate(other_doses(case)):
        yield f"parenteral[{index}]", mass
    patient = case.order["patient"]
    yield "age", figure.read(patient.get("age"), figure.AGE_YEARS)
    yield "weight", figure.read(patient.get("weight"), figure.WEIGHT_KG)


def u02_figures_agree(case: Case) -> Iterator[Objection]:
    """|flow x duration - volume| > 1 % of volume; |concentration x final volume - dose| > 1 % of dose; twice stated."""
    for phase in case.phases:
        flow, duration, volume, dose, rate = (_number(phase.figures[name]) for name in COMPARED)
        if flow and duration and volume and _differ(flow * duration / 60, volume):
            yield hard("U02", "flow x duration is not the volume")
        if dose and any(_differ(amount, dose) for amount in phase.said_mmol):
            yield hard("U02", "the bag does not hold the dose")
        # The rate may differ by its own 1 % from figures that are 1 % apart already.
        if dose and duration and rate and _differ(rate * duration, dose, Fraction(2, 100)):
            yield hard("U02", "the dose rate stated again is another one")


def _number(value: Figure) -> Fraction | None:
    return value if isinstance(value, Fraction) else None


def _differ(said: Fraction, other: Fraction, by: Fraction = Fraction(1, 100)) -> bool:
    return abs(said - other) > other * by


def u03_validity(case: Case) -> Iterator[Objection]:
    """Expired, not yet valid, superseded, cancelled, authored > 35 d ago (home) or > 24 h ago (IV): HARD."""
    authored_us, from_us, until_us = (
        read_instant_us(case.order.get(name)) for name in ("authored_at", "valid_from", "valid_until")
    )
    if case.order.get("status", "active") != "active":
        yield hard("U03", "not active")
    if not isinstance(from_us, int) or case.at_us < from_us:
        yield hard("U03", "not yet valid, or nobody knows from when")
    if not isinstance(until_us, int) or case.at_us > until_us:
        yield hard("U03", "expired, or nobody knows when")
    limit_us = 24 * HOUR_US if case.is_iv else 35 * DAY_US
    if isinstance(authored_us, int) and case.at_us - authored_us > limit_us:
        yield hard("U03", "authored too long ago")


def u05_profile(case: Case) -> Iterator[Objection]:
    """No profile for drug, route, care area and phase, one of them missing included (section 3): HARD."""
    if case.section("product").get("drug") != DRUG:
        yield hard("U05", "another drug")
    for phase in case.phases:
        if (case.route, case.order.get("care_area"), phase.kind) not in PROFILES:
            yield hard("U05", f"no profile for {case.route}, {case.order.get('care_area')}, {phase.kind}")


def u06_all_stated(case: Case) -> Iterator[Objection]:
    """Dose, volume, duration and flow of each phase; pump bolus off: HARD."""
    for phase in case.phases:
        for name in MUST_BE_STATED:
            if phase.figures[name] is None:
                yield hard("U06", f"phases[{phase.index}].{name} missing")
    if case.order.get("pump_bolus_off") is not True:
        yield hard("U06", "pump bolus not off")


def u07_end(case: Case) -> Iterator[Objection]:
    """No end date, or a course > 35 d: HARD."""
    if case.due.flaw == "U07":
        yield hard("U07", "no end, or too far away")


CLAUSES: tuple[Clause, ...] = (
    t02_times,
    u01_figures,
    u02_figures_agree,
    u03_validity,
    u05_profile,
    u06_all_stated,
    u07_end,
)
