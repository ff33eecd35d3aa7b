"""What a report means, at both sides of each edge, exactly; and how long nobody may look."""

from __future__ import annotations

import pytest

from pumpctl.core.limit import Limit
from pumpctl.core.observation import SIGNS, TOXIC_SIGNS, Lapse, Meaning, lapse, meaning, read_report, worst_signs
from pumpctl.core.quantity import PerMinute, Pressure
from pumpctl.shell.library_file import read_library

LIBRARY = read_library(None)
S = 1_000_000_000
SOUND = {
    "patellar_reflex": "present",
    "breathing_rate": "12 /min",
    "systolic_pressure": "90 mmHg",
    "baseline_systolic_pressure": "119 mmHg",
    "heart_rate": "50 /min",
    "urine": "100 mL",
}


def _rows(profile: str) -> list[Limit]:
    return [limit for limit in LIBRARY.limits if profile in limit.profiles]


def _meaning(told: dict[str, str], *signs: str, at_home: bool = False, baseline: Pressure | None = None) -> Meaning:
    report = read_report(told, signs)
    assert report.unreadable == ()
    return meaning(report, _rows("home_sc" if at_home else "monitored_iv_continuous"), baseline)


def _codes(told: dict[str, str], *signs: str, at_home: bool = False) -> tuple[list[str], list[str]]:
    found = _meaning(told, *signs, at_home=at_home)
    return [reason.code for reason in found.stop], [reason.code for reason in found.tell]


def test_at_the_edge_of_everything_nothing_is_done():
    assert _codes(SOUND) == ([], [])
    assert read_report(SOUND, ()).seen == set(SIGNS)


@pytest.mark.hazard("H37")
@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("patellar_reflex", "absent", "q25_patellar_reflex"),
        ("breathing_rate", "11.999 /min", "q25_breathing_rate"),
        ("breathing_rate", "0 /min", "q25_breathing_rate"),
        ("systolic_pressure", "89.999 mmHg", "q25_systolic_pressure"),
        ("baseline_systolic_pressure", "120 mmHg", "q25_systolic_fall"),
        ("heart_rate", "49.999 /min", "q25_heart_rate"),
        ("heart_rate", "0 /min", "q25_heart_rate"),
    ],
)
def test_one_sign_beyond_its_limit_is_a_stop(kind: str, text: str, code: str):
    stop, _ = _codes(SOUND | {kind: text})
    assert code in stop
    assert "calcium" in _meaning(SOUND | {kind: text}).stop[0].message


def test_a_fall_from_the_baseline_that_was_told_before_counts():
    told = {"systolic_pressure": "100 mmHg"}
    assert _meaning(told, baseline=Pressure(129)).stop == ()
    assert [reason.code for reason in _meaning(told, baseline=Pressure(130)).stop] == ["q25_systolic_fall"]
    assert _meaning(told).stop == ()
    assert _meaning({"systolic_pressure": "140 mmHg"}, baseline=Pressure(130)).stop == ()


@pytest.mark.hazard("H37")
@pytest.mark.parametrize("sign", sorted(TOXIC_SIGNS))
def test_each_sign_of_too_much_magnesium_is_a_stop_by_itself(sign: str):
    assert _codes({}, sign) == (["q25_reported_sign"], [])


@pytest.mark.hazard("H37")
@pytest.mark.parametrize(
    ("text", "at_home", "stop", "tell"),
    [
        ("1.04999 mmol/L", True, [], []),
        ("1.05 mmol/L", True, [], ["serum_magnesium_raised"]),
        ("1.49999 mmol/L", True, [], ["serum_magnesium_raised"]),
        ("1.5 mmol/L", True, ["serum_magnesium_high"], []),
        ("1.49999 mmol/L", False, [], []),
        ("1.5 mmol/L", False, [], ["serum_magnesium_raised"]),
        ("1.99999 mmol/L", False, [], ["serum_magnesium_raised"]),
        ("2 mmol/L", False, ["serum_magnesium_high"], []),
        ("3.99999 mEq/L", False, [], ["serum_magnesium_raised"]),
        ("4 mEq/L", False, ["serum_magnesium_high"], []),
        ("4.8609 mg/dL", False, [], ["serum_magnesium_raised"]),
        ("4.861 mg/dL", False, ["serum_magnesium_high"], []),
        ("3.6457 mg/dL", True, [], ["serum_magnesium_raised"]),
        ("3.6458 mg/dL", True, ["serum_magnesium_high"], []),
    ],
)
def test_a_serum_level_on_both_sides_of_its_edges_in_every_unit(
    text: str, at_home: bool, stop: list[str], tell: list[str]
):
    assert _codes({"serum_magnesium": text}, at_home=at_home) == (stop, tell)


@pytest.mark.parametrize(("text", "tell"), [("100 mL", []), ("99.9 mL", ["urine_low"]), ("0 mL", ["urine_low"])])
def test_little_urine_is_told(text: str, tell: list[str]):
    assert _codes({"urine": text}) == ([], tell)


@pytest.mark.parametrize(
    ("told", "signs"),
    [
        ({"breathing_rate": "16"}, ()),
        ({"breathing_rate": "0"}, ()),
        ({"breathing_rate": ". /min"}, ()),
        ({"breathing_rate": "16 mmHg"}, ()),
        ({"serum_magnesium": "1,5 mmol/L"}, ()),
        ({"serum_magnesium": "1.5"}, ()),
        ({"patellar_reflex": "weak"}, ()),
        ({}, ("sleepy",)),
    ],
)
def test_what_cannot_be_understood_is_said_and_never_guessed(told: dict[str, str], signs: tuple[str, ...]):
    report = read_report(told, signs)
    assert len(report.unreadable) == 1
    assert report.seen == set()
    assert meaning(report, LIBRARY.limits, None) == Meaning((), ())


@pytest.mark.hazard("H37")
def test_where_nothing_is_known_of_the_infusion_the_lowest_limits_hold():
    for text, stop, tell in (("1.04 mmol/L", 0, 0), ("1.05 mmol/L", 0, 1), ("1.5 mmol/L", 1, 0)):
        found = meaning(read_report({"serum_magnesium": text}, ()), LIBRARY.limits, None)
        assert (len(found.stop), len(found.tell)) == (stop, tell)


@pytest.mark.hazard("H37")
@pytest.mark.parametrize(("text", "stops"), [("9.999 /min", True), ("10 /min", False), ("11 /min", False)])
def test_a_sign_that_was_overridden_is_a_stop_when_it_is_worse(text: str, stops: bool):
    rows = _rows("emergency_iv")
    agreed = worst_signs([{"breathing_rate": PerMinute(10)}], rows)
    found = meaning(read_report({"breathing_rate": text}, ()), rows, None, agreed)
    codes = [[reason.code for reason in each] for each in (found.stop, found.tell)]
    assert codes == ([["q25_breathing_rate"], []] if stops else [[], ["sign_overridden"]])
    assert meaning(read_report({"heart_rate": "49 /min"}, ()), rows, None, agreed).stop


@pytest.mark.hazard("H38")
@pytest.mark.parametrize(
    ("profiles", "due_ns", "stop_ns"),
    [
        (("monitored_iv_loading", "emergency_iv"), 300 * S, 600 * S),
        (("monitored_iv_continuous", "monitored_iv_intermittent"), 3_600 * S, 4_500 * S),
    ],
)
def test_how_long_nobody_may_look(profiles: tuple[str, ...], due_ns: int, stop_ns: int):
    for rows in map(_rows, profiles):
        assert lapse(due_ns, rows) is Lapse.NONE
        assert lapse(due_ns + 1, rows) is Lapse.OVERDUE
        assert lapse(stop_ns, rows) is Lapse.OVERDUE
        assert lapse(stop_ns + 1, rows) is Lapse.STOP


@pytest.mark.hazard("H38")
def test_at_home_no_time_is_too_long():
    assert lapse(10**18, _rows("home_sc")) is Lapse.NONE
