"""The drug library is read strictly; what it lacks is never "no limit"."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pumpctl.core.library import LinkLoss, PhaseKind, parse_library
from pumpctl.core.limit import Condition, LibraryUnreadable
from pumpctl.core.units import MS_PER_HOUR, UG_PER_MMOL, DoseRate, FlowRate
from pumpctl.shell.library_file import read_library
from tests.core.golden import LIBRARY

TEXT = (Path(__file__).resolve().parents[2] / "protocols/therapy/magnesium_sulfate.toml").read_text()
MG_MIN = 60_000


def test_the_five_profiles():
    told = {
        profile.name: (profile.phase, profile.hard_max_dose_rate, profile.link_loss, profile.lease_ms)
        for profile in LIBRARY.profiles
    }
    leased = LinkLoss.STOP_AT_LEASE_END
    assert told == {
        "home_sc": (PhaseKind.INFUSION, DoseRate(4 * MG_MIN), LinkLoss.FINISH_LOADED, 0),
        "monitored_iv_loading": (PhaseKind.LOADING, DoseRate(150 * MG_MIN), leased, 30_000),
        "monitored_iv_continuous": (PhaseKind.CONTINUOUS, DoseRate(4 * MG_MIN), leased, 120_000),
        "monitored_iv_intermittent": (PhaseKind.INTERMITTENT, DoseRate(12 * UG_PER_MMOL, 3), leased, 60_000),
        "emergency_iv": (PhaseKind.EMERGENCY, DoseRate(400 * MG_MIN), leased, 15_000),
    }
    assert LIBRARY.profiles[0].hard_max_flow == FlowRate(120_000)
    assert DoseRate(12 * UG_PER_MMOL, 3) == DoseRate(4 * UG_PER_MMOL * MS_PER_HOUR, MS_PER_HOUR)


def test_hash_names_the_content_and_not_the_layout():
    assert parse_library(("# a remark\n" + TEXT).encode()).content_hash == LIBRARY.content_hash
    other = TEXT.replace('above = "4 mg/min"', 'above = "40 mg/min"', 1)
    assert parse_library(other.encode()).content_hash != LIBRARY.content_hash


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ('version = "2026.2"\n', "", "version: Field required"),
        ("format = 1", "format = 2", "format"),
        ('mass_basis = "heptahydrate"', 'mass_basis = "anhydrous"', "mass_basis"),
        ('route = "sc"', 'route = "im"', "profiles.home_sc.route"),
        ('kvo = "off"', 'kvo = "0.1 mL/h"', "kvo"),
        ('lease = "30 s"\n', "", "lease"),
        ('lease = "30 s"', 'lease = "30"', "lease"),
        ('severity = "hard"', 'severity = "firm"', "firm"),
        ('measure = "flow"', 'measure = "flows"', "flows"),
        ('above = "4 mg/min"', 'above = "4 mL/h"', "DoseRate"),
        ('above = "4 mg/min"', "above = 4", "above"),
        ('above = "4 mg/min"\n', "", "no bound"),
        ('above = "4 mg/min"', 'abowe = "4 mg/min"', "abowe"),
        ('profiles = ["home_sc"]', 'profiles = ["home"]', "no profile"),
        ('when = "reduced_clearance"', 'when = "sometimes"', "sometimes"),
        ('basis = "label"', 'basis = ""', "basis"),
        ("[[limits]]", "[[limits", "TOML"),
    ],
)
def test_strict(old: str, new: str, hint: str):
    assert old in TEXT
    with pytest.raises(LibraryUnreadable, match=re.escape(hint)):
        parse_library(TEXT.replace(old, new, 1).encode())


@pytest.mark.parametrize("measure", ["dose_rate", "dose", "flow", "concentration", "osmolarity", "dose_24h", "dose_7d"])
def test_a_profile_without_a_hard_limit_it_needs_is_refused(measure: str):
    """Take every hard row of home_sc on this measure out: the library must not load."""
    head, *rows = TEXT.split("[[limits]]")
    kept = [
        row
        for row in rows
        if not (
            f'measure = "{measure}"' in row and 'severity = "hard"' in row and '"home_sc"' in row and "when" not in row
        )
    ]
    assert len(kept) < len(rows)
    with pytest.raises(LibraryUnreadable, match=f"no hard limit on {measure}"):
        parse_library("[[limits]]".join([head, *kept]).encode())


@pytest.mark.parametrize("severity", ["advisory", "hard"])
@pytest.mark.parametrize(
    ("profile", "measure"),
    [
        ("home_sc", "serum_while_running"),
        ("monitored_iv_continuous", "serum_while_running"),
        ("monitored_iv_loading", "unobserved_time"),
        ("monitored_iv_continuous", "unobserved_time"),
    ],
)
@pytest.mark.parametrize("change", ["out", "other_side", "conditional"])
def test_a_profile_that_nobody_would_be_told_of_while_it_runs_is_refused(
    severity: str, profile: str, measure: str, change: str
):
    """A row taken out, bounded on the wrong side, or holding only sometimes: the library must not load."""
    head, *rows = TEXT.split("[[limits]]")
    wanted = (f'measure = "{measure}"', f'severity = "{severity}"', f'"{profile}"')
    (place,) = [place for place, row in enumerate(rows) if all(each in row for each in wanted)]
    row = rows.pop(place)
    if change == "other_side":
        rows.insert(place, row.replace("at_or_above", "at_or_below").replace("\nabove", "\nbelow"))
    elif change == "conditional":
        rows.insert(place, row.replace("measure", 'when = "cardiac_risk"\nmeasure'))
    with pytest.raises(LibraryUnreadable, match=f"no {severity} limit on {measure}"):
        parse_library("[[limits]]".join([head, *rows]).encode())


@pytest.mark.parametrize("content", [b"\xff", b"\x00", b"", b"a = 1", b"x" * (1 << 21), b"[" * 5000])
def test_rubbish(content: bytes):
    with pytest.raises(LibraryUnreadable):
        parse_library(content)


def test_packaged_and_named_file_are_read_alike(tmp_path: Path):
    path = tmp_path / "library.toml"
    path.write_text(TEXT)
    assert read_library(path).content_hash == LIBRARY.content_hash
    path.write_bytes(b"#" * (1 << 21))
    with pytest.raises(LibraryUnreadable, match="larger"):
        read_library(path)


@pytest.mark.parametrize("name", [profile.name for profile in LIBRARY.profiles])
def test_what_needs_no_second_look_breaks_nothing(name: str):
    """Rows.broken() is its limits one by one: at every bound, and a millionth to each side of it."""
    profile = next(profile for profile in LIBRARY.profiles if profile.name == name)
    for conditions in (frozenset({Condition.ALWAYS, condition}) for condition in Condition):
        sheaf = profile.rows(conditions)
        for rows in (*sheaf.of_phase, *sheaf.of_case):
            for bound in [bound for limit in rows.limits for bound in (limit.lower_bound, limit.upper_bound) if bound]:
                for millionths in (-1, 0, 1):
                    value = type(bound)(bound.num * 1_000_000 + millionths, bound.den * 1_000_000)
                    one_by_one = [limit for limit in rows.limits if limit.is_broken(value, value)]
                    assert list(rows.broken(value, value)) == one_by_one, (rows.measure, value)
                    if rows.harmless_below is not None and value < rows.harmless_below:
                        assert not one_by_one
