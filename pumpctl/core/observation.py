"""What somebody saw on the patient while magnesium runs: what it means, and when it must be looked for again.

Refuses to wait for a second report: one is enough, and nothing is averaged (hazard H37). Refuses to know any figure:
they are the library's rows of Q13, Q17 and Q25, of one profile or, where nothing is known of the infusion, of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from pumpctl.core.figures import figure_against
from pumpctl.core.instant import NS_PER_MS
from pumpctl.core.limit import Limit, Measure
from pumpctl.core.quantity import Duration, PerMinute, Pressure, Quantity, SerumMagnesium, Volume
from pumpctl.core.reason import Reason
from pumpctl.core.rules.finding import Severity
from pumpctl.core.units import Misread, read_quantity

# Q25 looks for these; an intravenous infusion needs all of them again and again.
SIGNS = ("patellar_reflex", "breathing_rate", "systolic_pressure", "heart_rate")
# clinical.md Q27 and the label: any one of them is a report of too much magnesium.
TOXIC_SIGNS = frozenset({"drowsy", "weak", "flushed", "breathless", "faint", "ecg_change"})
ANTIDOTE = "the antidote is calcium (Q26): have it at hand and call a clinician"

BASELINE = "baseline_systolic_pressure"
LOST = "absent"  # said of the patellar reflex
FIGURES: dict[str, type[Quantity]] = {
    "breathing_rate": PerMinute,
    "systolic_pressure": Pressure,
    BASELINE: Pressure,
    "heart_rate": PerMinute,
    "urine": Volume,
    "serum_magnesium": SerumMagnesium,
}


class Lapse(Enum):
    """Where an intravenous infusion stands whose patient has to be looked at."""

    NONE = "none"
    OVERDUE = "overdue"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen, by kind; what was not told is not in it. `unreadable`: what could not be understood."""

    reflex: str | None
    figures: Mapping[str, Quantity]
    signs: tuple[str, ...]
    unreadable: tuple[Reason, ...]

    @property
    def seen(self) -> frozenset[str]:
        """The signs of Q25 that this report holds."""
        told = {kind for kind in SIGNS if kind in self.figures}
        return frozenset(told | ({"patellar_reflex"} if self.reflex is not None else set()))


@dataclass(frozen=True, slots=True)
class Meaning:
    """Reasons to stop at once, and what is only told."""

    stop: tuple[Reason, ...]
    tell: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Reported:
    """The newest report of each sign and of the baseline, and how long ago each was made; no age: nobody can say."""

    values: Mapping[str, Quantity | str]
    ages_ms: Mapping[str, int]


NOTHING_REPORTED = Reported({}, {})


@dataclass(frozen=True, slots=True)
class BrokenSign:
    """A pressure, heart-rate or breathing sign of too much magnesium, and the limit of Q25 that says so."""

    measure: Measure
    value: Quantity
    limit: Limit

    @property
    def told(self) -> str:
        return f"{self.measure.value.replace('_', ' ')} {figure_against(self.value, self.limit.bound, self.limit.unit)}"

    def is_worse_than(self, other: BrokenSign) -> bool:
        return self.value > other.value if self.limit.upper_bound is not None else self.value < other.value


def read_report(told: Mapping[str, str], signs: Iterable[str]) -> Report:
    """Texts to figures. Zero is a figure here: a patient may not breathe at all."""
    figures: dict[str, Quantity] = {}
    unreadable: list[Reason] = []
    for kind, text in told.items():
        if kind == "patellar_reflex":
            continue
        read = _read(text, FIGURES[kind])
        if isinstance(read, Misread):
            unreadable.append(Reason("bad_parameter", f"{kind}: {text!r} {read.reason}"))
        else:
            figures[kind] = read
    reflex = told.get("patellar_reflex")
    if reflex not in {None, "present", LOST}:
        unreadable.append(Reason("bad_parameter", f"patellar_reflex: {reflex!r} is neither present nor absent"))
    unknown = [sign for sign in signs if sign not in TOXIC_SIGNS]
    if unknown:
        known = ", ".join(sorted(TOXIC_SIGNS))
        unreadable.append(Reason("bad_parameter", f"signs: {', '.join(unknown)} not among {known}"))
    known_signs = tuple(sign for sign in signs if sign in TOXIC_SIGNS)
    return Report(reflex if reflex in {"present", LOST} else None, figures, known_signs, tuple(unreadable))


def meaning(
    report: Report,
    limits: Iterable[Limit],
    baseline: Quantity | None,
    agreed: Mapping[Measure, BrokenSign] = MappingProxyType({}),
) -> Meaning:
    """What must be done because of it.

    `baseline`: the systolic pressure before magnesium, None when nobody told it. `agreed`: signs that were overridden
    at the start of an emergency (Q10): they stop it when they get worse.
    """
    rows = tuple(limits)
    stop: list[Reason] = []
    tell: list[Reason] = []
    if report.reflex == LOST:
        stop.append(Reason("q25_patellar_reflex", f"the patellar reflex is lost; {ANTIDOTE}"))
    stop += [Reason("q25_reported_sign", f"the patient is reported {sign}; {ANTIDOTE}") for sign in report.signs]
    for sign in broken_signs(merged({} if baseline is None else {BASELINE: baseline}, report.figures), rows):
        if sign.measure in agreed and not sign.is_worse_than(agreed[sign.measure]):
            tell.append(Reason("sign_overridden", f"{sign.told} was overridden at the start, and is no worse (Q10)"))
        else:
            told = f"{sign.measure.value.replace('_', ' ')} is not {sign.limit.text}; {ANTIDOTE}"
            stop.append(Reason(f"q25_{sign.measure.value}", told))
    serum = report.figures.get("serum_magnesium")
    worst = None if serum is None else _worst(Measure.SERUM_WHILE_RUNNING, serum, rows)
    if isinstance(serum, SerumMagnesium) and worst is Severity.HARD:
        stop.append(Reason("serum_magnesium_high", f"serum magnesium {_mmol_l(serum)}: stopped; {ANTIDOTE}"))
    elif isinstance(serum, SerumMagnesium) and worst is not None:
        tell.append(Reason("serum_magnesium_raised", f"serum magnesium {_mmol_l(serum)}: look at the patient"))
    urine = report.figures.get("urine")
    little = [row for row in rows if row.measure is Measure.URINE and urine and row.is_broken(urine, urine)]
    if little or (urine is not None and urine.num == 0):
        tell.append(Reason("urine_low", "less than 100 mL of urine in 4 h (Q17): magnesium leaves with the urine"))
    return Meaning(tuple(stop), tuple(tell))


def broken_signs(seen: Mapping[str, Quantity | str], limits: Iterable[Limit]) -> Iterator[BrokenSign]:
    """Each measure that breaks a limit of Q25, once. A fall is one from the baseline in `seen`."""
    measured = {measure: value for kind, measure in _MEASURES.items() if isinstance(value := seen.get(kind), Quantity)}
    fall = _fall(seen.get(BASELINE), seen.get("systolic_pressure"))
    if fall is not None:
        measured[Measure.SYSTOLIC_FALL] = fall
    rows = [row for row in limits if row.rule == "Q25" and row.measure in measured]
    for measure, value in measured.items():
        row = next((row for row in rows if row.measure is measure and row.is_broken(value, value)), None)
        if row is not None:
            yield BrokenSign(measure, value, row)


def merged(before: Mapping[str, Quantity | str], now: Mapping[str, Quantity | str]) -> dict[str, Quantity | str]:
    """What was told now over what was told before. Of two baselines the higher one: it makes a fall larger."""
    told = {**before, **now}
    baselines = [value for each in (before, now) if isinstance(value := each.get(BASELINE), Pressure)]
    return told | ({BASELINE: max(baselines)} if baselines else {})


def worst_signs(seen: Iterable[Mapping[str, Quantity | str]], limits: Iterable[Limit]) -> dict[Measure, BrokenSign]:
    """Of each measure that breaks its limit anywhere, the worst."""
    rows, worst = tuple(limits), dict[Measure, BrokenSign]()
    for each in seen:
        for sign in broken_signs(each, rows):
            if sign.measure not in worst or sign.is_worse_than(worst[sign.measure]):
                worst[sign.measure] = sign
    return worst


def lapse(oldest_sign_ns: int, limits: Iterable[Limit]) -> Lapse:
    """`oldest_sign_ns`: for how long the sign that was looked for longest ago has not been looked for again."""
    worst = _worst(Measure.UNOBSERVED_TIME, Duration(oldest_sign_ns, NS_PER_MS), limits)
    if worst is None:
        return Lapse.NONE
    return Lapse.STOP if worst is Severity.HARD else Lapse.OVERDUE


def _worst(measure: Measure, value: Quantity, limits: Iterable[Limit]) -> Severity | None:
    """HARD where one limit says so, whatever others say."""
    broken = [row.severity for row in limits if row.measure is measure and row.is_broken(value, value)]
    return Severity.HARD if Severity.HARD in broken else next(iter(broken), None)


_MEASURES = {
    "breathing_rate": Measure.BREATHING_RATE,
    "systolic_pressure": Measure.SYSTOLIC_PRESSURE,
    "heart_rate": Measure.HEART_RATE,
}


def _fall(baseline: Quantity | str | None, now: Quantity | str | None) -> Pressure | None:
    if not isinstance(baseline, Pressure) or not isinstance(now, Pressure):
        return None
    if now.num * baseline.den >= baseline.num * now.den:
        return None
    return Pressure(baseline.num * now.den - now.num * baseline.den, baseline.den * now.den)


def _read(text: str, kind: type[Quantity]) -> Quantity | Misread:
    number, _, unit = text.partition(" ")
    if "0" in number and set(number) <= {"0", "."} and not isinstance(read_quantity(f"1 {unit}", kind), Misread):
        return kind(0)
    return read_quantity(text, kind)


def _mmol_l(serum: SerumMagnesium) -> str:
    hundredths = serum.num * 100 // serum.den
    return f"{hundredths // 100}.{hundredths % 100:02d} mmol/L"
