"""Plans: drawn from seed and number alone, whole in JSON, and strict about what they are read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.rig.campaign.drawing import drawn_plan
from simulator.rig.campaign.kinds import KINDS, UnknownKind, kinds_named, what
from simulator.rig.campaign.plan import Incident, PlanUnreadable, RunPlan, Scenario, read_scenario, scenario_text

ALL = tuple(KINDS)


def saved(folder: Path, text: str) -> Path:
    path = folder / "scenario.json"
    path.write_text(text)
    return path


def test_the_same_seed_and_number_is_the_same_plan_and_others_are_others():
    assert drawn_plan(1, 7, ALL) == drawn_plan(1, 7, ALL)
    plans = [drawn_plan(seed, index, ALL) for seed in (1, 2) for index in range(20)]
    assert len({plan.model_dump_json() for plan in plans}) == 40


def test_a_plan_comes_back_whole_from_its_file(tmp_path: Path, seed: int):
    for index in range(50):
        scenario = Scenario(broke="I1", replay="pumpsim campaign --replay X", plan=drawn_plan(seed, index, ALL))
        assert read_scenario(saved(tmp_path, scenario_text(scenario))) == scenario


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "JSON"),
        ('{"broke": "I1", "replay": "x"}', "plan"),
        ('{"broke": "I1", "replay": "x", "plan": {"seed": 1, "start_utc_ms": 0, "limit_ns": 1, "beds": []}}', "beds"),
        ('{"broke": "I1", "replay": "x", "plan": {}, "more": 1}', "plan.seed"),
    ],
)
def test_what_is_no_scenario_is_refused_in_one_line(tmp_path: Path, text: str, named: str):
    with pytest.raises(PlanUnreadable, match=named) as refused:
        read_scenario(saved(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_an_unknown_key_deep_in_a_plan_is_refused(tmp_path: Path):
    scenario = Scenario(broke="I1", replay="x", plan=drawn_plan(1, 0, ALL))
    text = scenario_text(scenario).replace('"clear_after_ns"', '"clear_after_us"', 1)
    with pytest.raises(PlanUnreadable, match="clear_after"):
        read_scenario(saved(tmp_path, text))


def test_every_kind_is_drawn_again_and_again_and_each_can_be_injected():
    drawn: dict[str, list[Incident]] = {kind: [] for kind in ALL}
    for index in range(len(ALL)):
        for incident in drawn_plan(3, index, ALL).incidents:
            drawn[incident.kind].append(incident)
    assert min(len(incidents) for incidents in drawn.values()) >= 3
    for kind, incidents in drawn.items():
        for incident in incidents:
            injected = what(incident)
            assert KINDS[kind] is (injected if kind in _MISHAPS else injected.kind)


def test_each_run_has_kinds_switched_off():
    """Of the kinds that come by chance; the ones in turn come in any case."""
    plans = [drawn_plan(5, index, ALL) for index in range(100)]
    assert all(len({incident.kind for incident in plan.incidents}) < len(ALL) / 2 for plan in plans)


def test_only_the_kinds_asked_for_are_drawn():
    plans = [drawn_plan(1, index, ("loss", "kill")) for index in range(30)]
    assert {incident.kind for plan in plans for incident in plan.incidents} == {"loss", "kill"}
    assert all(drawn_plan(1, index, ()).incidents == () for index in range(30))


def test_faults_are_named_in_the_houses_order_or_refused():
    assert kinds_named("all") == ALL
    assert kinds_named("none") == ()
    assert kinds_named("kill, occlusion") == ("occlusion", "kill")
    with pytest.raises(UnknownKind, match="'gremlin' is no fault"):
        kinds_named("kill,gremlin")
    with pytest.raises(UnknownKind, match="gremlin"):
        what(Incident(at_ns=0, kind="gremlin", channel="a"))


def test_a_cable_has_two_ends():
    """Both enums know `unplug`."""
    assert KINDS["unplug"] is not KINDS["host_unplug"]


def test_a_later_course_at_a_bed_is_intravenous():
    """S03: a second subcutaneous start on the same day is refused in any case."""
    plans: list[RunPlan] = [drawn_plan(1, index, ()) for index in range(100)]
    later = [course for plan in plans for bed in plan.beds for course in bed.courses[1:]]
    assert later
    assert {course.order["route"] for course in later} == {"iv"}


_MISHAPS = {name for name, kind in KINDS.items() if type(kind).__name__ == "Mishap"}
