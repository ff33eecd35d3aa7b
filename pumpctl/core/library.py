"""The drug library: which ways of giving the drug exist, and every limit on them, with its source.

Refuses to know orders and patients, and where the file lies. A library that lacks a limit which
its profile cannot do without is refused as a whole: an absent limit would read as "no limit".
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from pydantic import Field, ValidationError

from pumpctl.core.limit import (
    OF_PHASE,
    OF_START,
    WHILE_RUNNING,
    Condition,
    LibraryUnreadable,
    Limit,
    LimitText,
    Measure,
    Strict,
    parse_limit,
)
from pumpctl.core.quantity import DoseRate, Duration, FlowRate, Quantity
from pumpctl.core.rules.finding import Severity
from pumpctl.core.units import Misread, read_quantity

MAX_BYTES = 1 << 20


class PhaseKind(Enum):
    """Named by the order, never inferred from duration or rate (clinical.md section 4)."""

    INFUSION = "infusion"  # subcutaneous
    LOADING = "loading"
    CONTINUOUS = "continuous"
    INTERMITTENT = "intermittent"
    EMERGENCY = "emergency"


class LinkLoss(Enum):
    """What the pump does when the companion stays away."""

    FINISH_LOADED = "finish_loaded"
    STOP_AT_LEASE_END = "stop_at_lease_end"


@dataclass(frozen=True, slots=True)
class Rows:
    """The limits on one measure that hold under some conditions.

    A value between `floor` and `ceiling` breaks none of them: most values need no second look. None: no such bound.
    `at_floor` and `at_ceiling` are 1 where that very value is allowed too, else 0. Everything below `harmless_below`
    is allowed, however low.
    """

    measure: Measure
    limits: tuple[Limit, ...]
    floor: Quantity | None
    at_floor: int
    ceiling: Quantity | None
    at_ceiling: int
    harmless_below: Quantity | None

    def broken(self, most: Quantity, least: Quantity) -> Sequence[Limit]:
        """The limits that do not hold for a value that lies from `least` to `most`."""
        # Cross-multiplied as in Limit.is_broken(), and for the same reason.
        floor, ceiling = self.floor, self.ceiling
        if (ceiling is None or most.num * ceiling.den < ceiling.num * most.den + self.at_ceiling) and (
            floor is None or least.num * floor.den + self.at_floor > floor.num * least.den
        ):
            return ()
        return [limit for limit in self.limits if limit.is_broken(most, least)]


@dataclass(frozen=True, slots=True)
class Sheaf:
    """What of a profile holds under some conditions: for each phase, and for the order and the patient.

    What is measured at a start alone, or while it runs, is in neither (start_table.py, core/observation.py).
    """

    of_phase: tuple[Rows, ...]
    of_case: tuple[Rows, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """One way of giving the drug. `lease_ms` is 0 exactly when the pump finishes by itself.

    `limits` has every row that names this profile, by rule id. The hard maxima are the tightest of its
    unconditional HARD upper bounds; None: no such bound on the flow.
    """

    name: str
    route: str
    care_area: str
    phase: PhaseKind
    link_loss: LinkLoss
    lease_ms: int
    limits: dict[str, tuple[Limit, ...]]
    hard_max_dose_rate: DoseRate
    hard_max_flow: FlowRate | None
    by_conditions: dict[frozenset[Condition], Sheaf]  # at most one entry a set of conditions

    def rows(self, conditions: frozenset[Condition]) -> Sheaf:
        """What holds under these conditions, by measure; worked out once for each set of conditions."""
        rows = self.by_conditions.get(conditions)
        if rows is None:
            rows = self.by_conditions[conditions] = _rows(self, conditions)
        return rows


@dataclass(frozen=True, slots=True)
class Library:
    """`content_hash` names the content, not the file: comments and layout do not count."""

    drug: str
    version: str
    content_hash: str
    profiles: tuple[Profile, ...]
    limits: tuple[Limit, ...]
    rule_ids: frozenset[str]
    reduced_clearance: tuple[Limit, ...]  # Q02's own rows: what counts as reduced
    long_qtc: tuple[Limit, ...]  # Q09's: what counts as long

    def profile_for(self, route: str | None, care_area: str | None, phase: PhaseKind | None) -> Profile | None:
        for profile in self.profiles:
            if profile.phase is phase and profile.route == route and profile.care_area == care_area:
                return profile
        return None


def parse_library(content: bytes) -> Library:
    """Read a library strictly, or raise LibraryUnreadable."""
    if len(content) > MAX_BYTES:
        raise LibraryUnreadable(f"larger than {MAX_BYTES} bytes")
    try:
        table = tomllib.loads(content.decode("utf-8"))
        parsed = _LibraryText.model_validate(table)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise LibraryUnreadable(f"not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise LibraryUnreadable(f"{_path(first['loc'])}: {first['msg']}") from error
    limits = tuple(parse_limit(index, row, frozenset(parsed.profiles)) for index, row in enumerate(parsed.limits))
    profiles = tuple(_profile(name, text, limits) for name, text in parsed.profiles.items())
    canonical = json.dumps(table, sort_keys=True, separators=(",", ":")).encode()
    return Library(
        drug=parsed.drug,
        version=parsed.version,
        content_hash=hashlib.sha256(canonical).hexdigest(),
        profiles=profiles,
        limits=limits,
        rule_ids=frozenset(limit.rule for limit in limits),
        reduced_clearance=_defining(limits, "Q02", Measure.CREATININE_CLEARANCE),
        long_qtc=_defining(limits, "Q09", Measure.QTC),
    )


def _defining(limits: tuple[Limit, ...], rule: str, measure: Measure) -> tuple[Limit, ...]:
    """Rows that say what a condition of other rows is: without them those would never hold."""
    rows = tuple(row for row in limits if row.rule == rule and row.measure is measure)
    if not rows:
        raise LibraryUnreadable(f"limits: none of rule {rule} on {measure.value}")
    return rows


def _rows(profile: Profile, conditions: frozenset[Condition]) -> Sheaf:
    by_measure: dict[Measure, list[Limit]] = {}
    for limits in profile.limits.values():
        for limit in limits:
            if limit.when in conditions:
                by_measure.setdefault(limit.measure, []).append(limit)
    rows = [_of_measure(measure, tuple(limits)) for measure, limits in by_measure.items()]
    return Sheaf(
        tuple([each for each in rows if each.measure in OF_PHASE]),
        tuple([each for each in rows if each.measure not in OF_PHASE | OF_START | WHILE_RUNNING]),
    )


def _of_measure(measure: Measure, limits: tuple[Limit, ...]) -> Rows:
    """A limit with bounds on both sides is taken at the one on the side where the others have theirs."""
    is_low = any(limit.upper_bound is None for limit in limits)
    low = [limit for limit in limits if limit.upper_bound is None or (is_low and limit.lower_bound is not None)]
    high = [limit for limit in limits if limit not in low]
    floor = max((bound for limit in low if (bound := limit.lower_bound) is not None), default=None)
    ceiling = min((bound for limit in high if (bound := limit.upper_bound) is not None), default=None)
    return Rows(
        measure,
        limits,
        floor,
        int(all(limit.at_or_below != floor for limit in low)),
        ceiling,
        int(all(limit.at_or_above != ceiling for limit in high)),
        harmless_below=ceiling if floor is None else None,
    )


class _ProfileText(Strict):
    route: Literal["sc", "iv"]
    care_area: Literal["home", "monitored"]
    phase: Literal["infusion", "loading", "continuous", "intermittent", "emergency"]
    link_loss: Literal["finish_loaded", "stop_at_lease_end"]
    lease: str | None = None
    kvo: Literal["off"]  # a keep-vein-open drip of this drug is a dose
    source: str = Field(min_length=1)


class _LibraryText(Strict):
    format: Literal[1]
    drug: str = Field(min_length=1)
    version: str = Field(min_length=1)
    mass_basis: Literal["heptahydrate"]
    profiles: dict[str, _ProfileText] = Field(min_length=1)
    limits: list[LimitText] = Field(min_length=1)


def _profile(name: str, text: _ProfileText, limits: tuple[Limit, ...]) -> Profile:
    link_loss = LinkLoss(text.link_loss)
    if (text.lease is None) != (link_loss is LinkLoss.FINISH_LOADED):
        raise LibraryUnreadable(f"profiles.{name}.lease: stated exactly when link_loss is stop_at_lease_end")
    lease_ms = 0
    if text.lease is not None:
        lease = read_quantity(text.lease, Duration)
        if isinstance(lease, Misread):
            raise LibraryUnreadable(f"profiles.{name}.lease: {text.lease!r} {lease.reason}")
        lease_ms = lease.floor()
    own = [limit for limit in limits if name in limit.profiles]
    hard = [limit for limit in own if limit.severity is Severity.HARD and limit.when is Condition.ALWAYS]
    phase = PhaseKind(text.phase)
    for measure in _NEEDED_HARD[phase]:
        if all(limit.measure is not measure for limit in hard):
            raise LibraryUnreadable(f"profiles.{name}: no hard limit on {measure.value}")
    for measure in _WATCHED[text.route]:
        _demand_alarm_and_stop(name, measure, own)
    dose_rates = [limit.above for limit in hard if isinstance(limit.above, DoseRate)]
    if not dose_rates:
        raise LibraryUnreadable(f"profiles.{name}: no hard maximum of the dose rate")
    return Profile(
        name=name,
        route=text.route,
        care_area=text.care_area,
        phase=phase,
        link_loss=link_loss,
        lease_ms=lease_ms,
        limits={rule: tuple(each for each in own if each.rule == rule) for rule in dict.fromkeys(x.rule for x in own)},
        hard_max_dose_rate=min(dose_rates),
        hard_max_flow=min((limit.above for limit in hard if isinstance(limit.above, FlowRate)), default=None),
        by_conditions={},
    )


def _demand_alarm_and_stop(name: str, measure: Measure, own: list[Limit]) -> None:
    """Whoever is watched while it runs is told first, then stopped; a bound below is no bound on what may come."""
    for severity in (Severity.ADVISORY, Severity.HARD):
        if not any(
            limit.measure is measure and limit.severity is severity and limit.upper_bound is not None
            for limit in own
            if limit.lower_bound is None and limit.when is Condition.ALWAYS
        ):
            raise LibraryUnreadable(f"profiles.{name}: no {severity.value} limit on {measure.value}")


# clinical.md section 5: at home nobody has to look, and what is found there counts all the same.
_WATCHED = {
    "sc": (Measure.SERUM_WHILE_RUNNING,),
    "iv": (Measure.SERUM_WHILE_RUNNING, Measure.UNOBSERVED_TIME),
}
_PATIENT = (Measure.CREATININE_CLEARANCE, Measure.DOSE_RATE, Measure.CONCENTRATION, Measure.DOSE_24H, Measure.COURSE)
_NEEDED_HARD: dict[PhaseKind, tuple[Measure, ...]] = {
    PhaseKind.INFUSION: (
        *_PATIENT,
        Measure.DOSE,
        Measure.DOSE_7D,
        Measure.FLOW,
        Measure.VOLUME_24H,
        Measure.OSMOLARITY,
    ),
    PhaseKind.LOADING: (*_PATIENT, Measure.DOSE, Measure.DURATION),
    PhaseKind.CONTINUOUS: _PATIENT,
    PhaseKind.INTERMITTENT: (*_PATIENT, Measure.DOSE, Measure.DURATION),
    PhaseKind.EMERGENCY: (*_PATIENT, Measure.DOSE, Measure.DURATION),
}


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)
