"""The bag check: B01, B02 and B03 at their edges, field by field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pumpctl.core.capability import COMPANION_REFERENCE
from pumpctl.core.order import Order
from pumpctl.core.rules.start_case import Start, folded
from pumpctl.core.starting import parse_check
from pumpctl.core.validation import Decision
from tests.core.golden import EXAMPLES, FIRST_DUE, HOUR_MS, infusion, order, severities
from tests.core.starts import CHECK, judged, start

BAG = CHECK["bags"][0]
SECOND_BAG = {**BAG, "bag_id": "BAG-0002"}


def found(rule: str, changes: dict[str, Any], of: Order | None = None, **more: Any) -> list[str]:  # noqa: ANN401
    return severities(judged(start(of, changes, **more), of), rule)


def test_without_a_bag_check_there_is_no_start():
    """B01: every word of the label, the times and volumes, and the bag's number are asked for."""
    nothing = judged(start(checked={"bags": []}))
    assert severities(nothing, "B01") == ["hard"]
    assert nothing.decision is Decision.REFUSED
    empty = judged(start(checked={"bags": [{}]}))
    assert severities(empty, "B01") == ["hard"] * 6
    assert severities(empty, "B02") == ["hard"]
    assert severities(empty, "B03") == ["hard"] * 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("patient", "patient-0002"),
        ("patient", None),
        ("drug", "morphine"),
        ("drug", None),
        ("diluent", "glucose_5_percent"),
        ("diluent", None),
        ("content", None),
        ("content", "2,0 g"),
        ("content", "20 mL"),
        ("basis", None),
        ("basis", "salt"),
        ("basis", "anhydrous"),  # twice the magnesium
        ("final_volume", None),
        ("final_volume", "100"),
    ],
)
@pytest.mark.hazard("H24")
def test_a_label_that_is_wrong_or_not_entered(field: str, value: str | None):
    assert "hard" in found("B01", {f"bags.0.label.{field}": value})


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("content", "1.98 g", []),
        ("content", "1.979 g", ["hard"]),
        ("content", "2.02 g", []),
        ("content", "2.021 g", ["hard"]),
        ("content", "8.114577 mmol", []),  # 2 g, in another unit
        ("content", "16.2292 mmol", ["hard"]),
        ("content", "20 g", ["hard"]),
        ("final_volume", "99 mL", []),
        ("final_volume", "98.9 mL", ["hard"]),
        ("final_volume", "101 mL", []),
        ("final_volume", "101.1 mL", ["hard"]),
        ("final_volume", "0.1 L", []),
    ],
)
@pytest.mark.hazard("H22")
def test_content_and_volume_within_one_percent(field: str, value: str, expected: list[str]):
    assert found("B01", {f"bags.0.label.{field}": value}) == expected


@pytest.mark.parametrize(
    ("path", "rule"),
    [("phases.0.bag.content", "U01"), ("phases.0.bag.final_volume", "U01"), ("phases.0.volume", "U06")],
)
def test_an_order_that_lacks_the_figure_is_refused_for_that_alone(path: str, rule: str):
    """A label of any content: there is nothing in such an order that it could be held against."""
    label = {"bags.0.label.content": "20 g", "bags.0.label.final_volume": "10 mL"}
    lacking = judged(start(checked=label), order({path: None}))
    assert severities(lacking, "B01") == []
    assert severities(lacking, rule) == ["hard"]
    assert severities(judged(start(checked=label)), "B01") == ["hard", "hard"]


@pytest.mark.parametrize(
    ("beyond_use_at", "expected"),
    [
        ("2026-12-02T05:00:00Z", []),  # ten hours after the start
        ("2026-12-02T04:59:59.999Z", ["hard"]),
        ("2026-12-02T06:00:00+01:00", []),
        ("2026-12-02T05:00:00", ["hard"]),
        (None, ["hard"]),
    ],
)
def test_the_bag_outlasts_the_infusion(beyond_use_at: str | None, expected: list[str]):
    assert found("B01", {"bags.0.beyond_use_at": beyond_use_at}) == expected


def test_a_later_start_needs_a_fresher_bag():
    this = start(checked={"bags.0.beyond_use_at": "2026-12-02T05:00:00Z"})
    assert severities(judged(this, at_utc_ms=FIRST_DUE), "B01") == []
    assert severities(judged(this, at_utc_ms=FIRST_DUE + 1), "B01") == ["hard"]
    held = replace(this, paused_ms=60_000, left_ul=50_000)  # half of it is in
    assert severities(judged(held, at_utc_ms=FIRST_DUE + 5 * HOUR_MS), "B01") == []
    assert severities(judged(held, at_utc_ms=FIRST_DUE + 5 * HOUR_MS + 1), "B01") == ["hard"]


def test_the_example_that_people_copy_from_is_right():
    example = parse_check((EXAMPLES.parent / "checks/golden-home-sc.json").read_bytes(), "example")
    assert judged(replace(start(), check=example)).decision is Decision.ACCEPTED


# B02


@pytest.mark.parametrize("bag_id", [None, "", "  "])
def test_a_bag_has_a_number(bag_id: str | None):
    assert found("B02", {"bags.0.bag_id": bag_id}) == ["hard"]


@pytest.mark.parametrize("written", ["BAG-0001", "bag-0001", " BAG-0001 "])
def test_the_same_bag_hangs_once(written: str):
    own = order()
    used = {folded("BAG-0001"): ("another order", 1)}
    checked = {"bags.0.bag_id": written}
    assert found("B02", checked, own, used_bags=used) == ["hard"]
    assert found("B02", checked, own, used_bags={folded("BAG-0002"): ("another order", 1)}) == []
    # the same occurrence: its resume, or a new attempt after a start that provably did nothing
    assert found("B02", checked, own, used_bags={folded("BAG-0001"): (own.digest, 1)}) == []
    assert found("B02", checked, own, used_bags={folded("BAG-0001"): (own.digest, 2)}) == ["hard"]


def test_two_bags_in_one_program_would_be_two_concentrations():
    weaker = {**SECOND_BAG, "label": {**BAG["label"], "content": "1 g"}}
    assert found("B02", {"bags": [BAG, weaker]}) == ["hard"]


# B03


@pytest.mark.parametrize(
    ("final", "priming", "residual", "expected"),
    [
        ("100 mL", "0 mL", "0 mL", []),
        ("100 mL", "0.0 mL", "0 L", []),
        ("100.9 mL", "0.5 mL", "0.4 mL", []),  # exactly what the program takes
        ("100.9 mL", "0.5 mL", "0.401 mL", ["hard"]),
        ("100.9 mL", "0.901 mL", "0 mL", ["hard"]),
        ("99.999 mL", "0 mL", "0 mL", ["hard"]),
        ("100 mL", "0.001 mL", "0 mL", ["hard"]),
        ("100 mL", None, "0 mL", ["hard"]),
        ("100 mL", "0 mL", None, ["hard"]),
        ("100 mL", "none", "0 mL", ["hard"]),
        ("100 mL", "-1 mL", "0 mL", ["hard"]),
        ("100 mL", "0", "0 mL", ["hard"]),
    ],
)
def test_the_program_fits_into_what_the_bag_can_give(
    final: str, priming: str | None, residual: str | None, expected: list[str]
):
    changes = {
        "bags.0.label.final_volume": final,
        "bags.0.priming_volume": priming,
        "bags.0.residual_volume": residual,
    }
    assert found("B03", changes) == expected


# Several programs


def large() -> Order:
    """260 mL out of a reservoir of 250 mL: two containers."""
    return order(infusion("2 g", "260 mL", "10 h", "26 mL/h"))


def container(bag_id: str, content: str, volume: str) -> dict[str, Any]:
    return {**BAG, "bag_id": bag_id, "label": {**BAG["label"], "content": content, "final_volume": volume}}


FIRST, LAST = container("BAG-1", "1923 mg", "250 mL"), container("BAG-2", "76.9 mg", "10 mL")


def in_two(*bags: dict[str, Any]) -> Start:
    return start(large(), {"bags": list(bags)})


def test_each_container_has_its_own_bag():
    this = in_two(FIRST, LAST)
    assert [program.vtbi_ul for program in this.programs] == [250_000, 10_000]
    assert judged(this, large()).decision is Decision.ACCEPTED
    assert severities(judged(in_two(FIRST), large()), "B01") == ["hard"]
    assert severities(judged(in_two(FIRST, {**LAST, "bag_id": "bag-1"}), large()), "B02") == ["hard"]
    assert severities(judged(in_two(FIRST, container("BAG-2", "2 g", "10 mL")), large()), "B01") == ["hard"]
    assert severities(judged(in_two(FIRST, container("BAG-2", "76.9 mg", "9.9 mL")), large()), "B03") == ["hard"]


def test_the_second_container_is_judged_from_its_own_bag():
    this = in_two(FIRST, LAST)
    second = replace(this, programs=this.programs[1:])
    assert [path for path, _, _ in second.bags] == ["bags[1]"]
    assert second.bags[0][2].bag_id == "BAG-2"
    assert judged(second, large()).decision is Decision.ACCEPTED
    used = {folded("BAG-1"): (large().digest, 1)}
    assert severities(judged(replace(second, used_bags=used), large()), "B02") == []


def test_a_small_reservoir_needs_as_many_bags():
    small = replace(COMPANION_REFERENCE, reservoir_ul=25_000)
    assert len(start(pump=small).programs) == 4
    assert severities(judged(start(pump=small)), "B01")[0] == "hard"
