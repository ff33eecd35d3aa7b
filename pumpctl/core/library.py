"""The drug library: which ways of giving the drug exist, and every limit on them, with its source.

Refuses to know orders and patients, and where the file lies. A library that lacks a limit which
its profile cannot do without is refused as a whole: an absent limit would read as "no limit".
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from pydantic import Field, ValidationError

from pumpctl.core.limit import LibraryUnreadable, Limit, LimitText, Measure, Strict, parse_limit
from pumpctl.core.rules.finding import Severity
from pumpctl.core.units import Duration, Misread, Quantity, read_quantity

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
class Profile:
    """One way of giving the drug. `lease_ms` is 0 exactly when the pump finishes by itself."""

    name: str
    route: str
    care_area: str
    phase: PhaseKind
    link_loss: LinkLoss
    lease_ms: int


@dataclass(frozen=True, slots=True)
class Library:
    """`content_hash` names the content, not the file: comments and layout do not count."""

    drug: str
    version: str
    content_hash: str
    profiles: tuple[Profile, ...]
    limits: tuple[Limit, ...]
    limits_by_rule: dict[str, tuple[Limit, ...]]

    def profile_for(self, route: str | None, care_area: str | None, phase: PhaseKind | None) -> Profile | None:
        for profile in self.profiles:
            if (profile.route, profile.care_area, profile.phase) == (route, care_area, phase):
                return profile
        return None

    def hard_maxima(self, profile: str, measure: Measure) -> list[Quantity]:
        """Every unconditional upper HARD bound of this measure; the tightest wins."""
        return [
            limit.above
            for limit in self.limits
            if profile in limit.profiles
            and limit.measure is measure
            and limit.severity is Severity.HARD
            and limit.above is not None
            and limit.when is None
        ]


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
    profiles = tuple(_profile(name, text) for name, text in parsed.profiles.items())
    limits = tuple(parse_limit(index, row, frozenset(parsed.profiles)) for index, row in enumerate(parsed.limits))
    _demand_required_limits(profiles, limits)
    canonical = json.dumps(table, sort_keys=True, separators=(",", ":")).encode()
    by_rule = {rule: tuple(row for row in limits if row.rule == rule) for rule in {row.rule for row in limits}}
    return Library(
        drug=parsed.drug,
        version=parsed.version,
        content_hash=hashlib.sha256(canonical).hexdigest(),
        profiles=profiles,
        limits=limits,
        limits_by_rule=by_rule,
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


def _profile(name: str, text: _ProfileText) -> Profile:
    link_loss = LinkLoss(text.link_loss)
    if (text.lease is None) != (link_loss is LinkLoss.FINISH_LOADED):
        raise LibraryUnreadable(f"profiles.{name}.lease: stated exactly when link_loss is stop_at_lease_end")
    lease_ms = 0
    if text.lease is not None:
        lease = read_quantity(text.lease, Duration)
        if isinstance(lease, Misread):
            raise LibraryUnreadable(f"profiles.{name}.lease: {text.lease!r} {lease.reason}")
        lease_ms = lease.floor()
    return Profile(name, text.route, text.care_area, PhaseKind(text.phase), link_loss, lease_ms)


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


def _demand_required_limits(profiles: tuple[Profile, ...], limits: tuple[Limit, ...]) -> None:
    stated = {
        (profile, limit.measure)
        for limit in limits
        if limit.severity is Severity.HARD and limit.when is None
        for profile in limit.profiles
    }
    for profile in profiles:
        for measure in _NEEDED_HARD[profile.phase]:
            if (profile.name, measure) not in stated:
                raise LibraryUnreadable(f"profiles.{profile.name}: no hard limit on {measure.value}")


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)
