"""What somebody saw on the patient while magnesium runs: what it means, and when it must be looked for again.

Refuses to wait for a second report: one is enough, and nothing is averaged (hazard H37). Figures are the library's rows
of Q25 and Q17; those of a serum level while running and of the observation lease stand here with their source until
the library has rows for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from pumpctl.core.instant import NS_PER_S
from pumpctl.core.limit import Limit, Measure
from pumpctl.core.quantity import PerMinute, Pressure, Quantity, SerumMagnesium, Volume
from pumpctl.core.reason import Reason
from pumpctl.core.units import Misread, read_quantity

# Q25 looks for these; an intravenous infusion needs all of them again and again.
SIGNS = ("patellar_reflex", "breathing_rate", "systolic_pressure", "heart_rate")
# clinical.md Q27 and the label: any one of them is a report of too much magnesium.
TOXIC_SIGNS = frozenset({"drowsy", "weak", "flushed", "breathless", "faint", "ecg_change"})
ANTIDOTE = "the antidote is calcium (Q26): have it at hand and call a clinician"

# clinical.md section 5 (project, anchored on the label's 4 mEq/L for fading reflexes), mmol/L.
HOME_ALARM, HOME_STOP = SerumMagnesium(105, 100), SerumMagnesium(150, 100)
MONITORED_ALARM, MONITORED_STOP = SerumMagnesium(150, 100), SerumMagnesium(200, 100)
# clinical.md section 5: how old the oldest sign may be, and how much later it is a stop.
LOADING_DUE_NS, LOADING_GRACE_NS = 300 * NS_PER_S, 300 * NS_PER_S
RUNNING_DUE_NS, RUNNING_GRACE_NS = 3_600 * NS_PER_S, 900 * NS_PER_S

FIGURES: dict[str, type[Quantity]] = {
    "breathing_rate": PerMinute,
    "systolic_pressure": Pressure,
    "baseline_systolic_pressure": Pressure,
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
    if reflex not in {None, "present", "absent"}:
        unreadable.append(Reason("bad_parameter", f"patellar_reflex: {reflex!r} is neither present nor absent"))
    unknown = [sign for sign in signs if sign not in TOXIC_SIGNS]
    if unknown:
        known = ", ".join(sorted(TOXIC_SIGNS))
        unreadable.append(Reason("bad_parameter", f"signs: {', '.join(unknown)} not among {known}"))
    known_signs = tuple(sign for sign in signs if sign in TOXIC_SIGNS)
    return Report(reflex if reflex in {"present", "absent"} else None, figures, known_signs, tuple(unreadable))


def meaning(report: Report, limits: Iterable[Limit], baseline: Quantity | None, *, at_home: bool) -> Meaning:
    """What must be done because of it. `baseline`: the systolic pressure before magnesium, None when nobody told it."""
    rows = tuple(limits)
    stop: list[Reason] = []
    if report.reflex == "absent":
        stop.append(Reason("q25_patellar_reflex", f"the patellar reflex is lost; {ANTIDOTE}"))
    stop += [Reason("q25_reported_sign", f"the patient is reported {sign}; {ANTIDOTE}") for sign in report.signs]
    stop += _broken(report, rows, baseline)
    alarm, limit = (HOME_ALARM, HOME_STOP) if at_home else (MONITORED_ALARM, MONITORED_STOP)
    serum = report.figures.get("serum_magnesium")
    tell: list[Reason] = []
    if isinstance(serum, SerumMagnesium) and serum >= limit:
        stop.append(Reason("serum_magnesium_high", f"serum magnesium {_mmol_l(serum)}: stopped; {ANTIDOTE}"))
    elif isinstance(serum, SerumMagnesium) and serum >= alarm:
        tell.append(Reason("serum_magnesium_raised", f"serum magnesium {_mmol_l(serum)}: look at the patient"))
    urine = report.figures.get("urine")
    little = [row for row in rows if row.measure is Measure.URINE and urine and row.is_broken(urine, urine)]
    if little or (urine is not None and urine.num == 0):
        tell.append(Reason("urine_low", "less than 100 mL of urine in 4 h (Q17): magnesium leaves with the urine"))
    return Meaning(tuple(stop), tuple(tell))


def lapse(oldest_sign_ns: int, *, loading: bool) -> Lapse:
    """`oldest_sign_ns`: for how long the sign that was looked for longest ago has not been looked for again."""
    due_ns, grace_ns = (LOADING_DUE_NS, LOADING_GRACE_NS) if loading else (RUNNING_DUE_NS, RUNNING_GRACE_NS)
    if oldest_sign_ns > due_ns + grace_ns:
        return Lapse.STOP
    return Lapse.OVERDUE if oldest_sign_ns > due_ns else Lapse.NONE


_MEASURES = {
    "breathing_rate": Measure.BREATHING_RATE,
    "systolic_pressure": Measure.SYSTOLIC_PRESSURE,
    "heart_rate": Measure.HEART_RATE,
}


def _broken(report: Report, rows: tuple[Limit, ...], baseline: Quantity | None) -> Iterator[Reason]:
    measured = [(measure, report.figures[kind]) for kind, measure in _MEASURES.items() if kind in report.figures]
    fall = _fall(report.figures.get("baseline_systolic_pressure", baseline), report.figures.get("systolic_pressure"))
    if fall is not None:
        measured.append((Measure.SYSTOLIC_FALL, fall))
    for measure, value in measured:
        row = next((r for r in rows if r.rule == "Q25" and r.measure is measure and r.is_broken(value, value)), None)
        if row is not None:
            told = f"{measure.value.replace('_', ' ')} is not {row.text}; {ANTIDOTE}"
            yield Reason(f"q25_{measure.value}", told)


def _fall(baseline: Quantity | None, now: Quantity | None) -> Pressure | None:
    if baseline is None or now is None or now.num * baseline.den >= baseline.num * now.den:
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
