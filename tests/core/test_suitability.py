"""What a pump cannot do is refused with its figure; what it does more strictly, or cannot see, is told (U04)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pumpctl.core.capability import (
    ALARIS_REFERENCE,
    ALARMS,
    COMPANION_REFERENCE,
    MIVA_REFERENCE,
    NEW_ERA_BASIC_REFERENCE,
    REFERENCE_PUMPS,
    Capability,
)
from pumpctl.core.program import Plan, Refusal, compile_programs
from pumpctl.core.rules.finding import Severity
from tests.core.golden import LIBRARY, intravenous, order

CONTINUOUS = intravenous("continuous", "2.4 g", "60 mL", "10 h", "6 mL/h")


def home(pump: Capability) -> Plan | Refusal:
    return compile_programs(order(), LIBRARY, pump, occurrence=1, attempt=1)


@pytest.mark.parametrize("pump", [ALARIS_REFERENCE, replace(COMPANION_REFERENCE, may_stop_alone=True)])
def test_a_pump_that_may_stop_where_it_should_finish_is_taken_with_an_advisory(pump: Capability):
    found = home(replace(pump, alarms=ALARMS))
    assert isinstance(found, Plan)
    (advisory,) = found.advisories
    assert (advisory.rule, advisory.severity) == ("U04", Severity.ADVISORY)
    assert "may stop by itself" in advisory.message


@pytest.mark.parametrize(
    ("alarm", "hazard"),
    [("occlusion_downstream", "H07"), ("occlusion_upstream", "H08"), ("air_in_line", "H10")],
)
@pytest.mark.parametrize("base", [None, CONTINUOUS], ids=["sc", "iv"])
def test_an_alarm_of_the_line_that_a_pump_cannot_report_is_told_on_either_route(
    base: dict[str, Any] | None, alarm: str, hazard: str
):
    pump = replace(COMPANION_REFERENCE, alarms=ALARMS - {alarm})
    found = compile_programs(order(base=base) if base else order(), LIBRARY, pump, occurrence=1, attempt=1)
    assert isinstance(found, Plan)
    (advisory,) = found.advisories
    assert (advisory.rule, advisory.severity) == ("U04", Severity.ADVISORY)
    assert f"companion cannot report {alarm} ({hazard}): have somebody look at the line" in advisory.message


def test_one_advisory_names_all_that_a_pump_is_blind_to():
    found = home(NEW_ERA_BASIC_REFERENCE)
    assert isinstance(found, Plan)
    (advisory,) = found.advisories
    assert "cannot report occlusion_downstream (H07), occlusion_upstream (H08), air_in_line (H10)" in advisory.message


def test_what_the_counters_show_as_well_needs_no_advice():
    line = {"occlusion_downstream", "occlusion_upstream", "air_in_line"}
    found = home(replace(COMPANION_REFERENCE, alarms=frozenset(line)))
    assert isinstance(found, Plan)
    assert found.advisories == ()


def test_a_pump_that_finishes_needs_no_advice():
    found = home(COMPANION_REFERENCE)
    assert isinstance(found, Plan)
    assert found.advisories == ()


def test_a_lease_profile_gets_no_advice_about_finishing():
    pump = replace(COMPANION_REFERENCE, may_stop_alone=True)
    found = compile_programs(order(base=CONTINUOUS), LIBRARY, pump, occurrence=1, attempt=1)
    assert isinstance(found, Plan)
    assert found.advisories == ()


def test_an_alaris_pump_gets_no_intravenous_order_while_its_silence_is_unknown():
    found = compile_programs(order(base=CONTINUOUS), LIBRARY, ALARIS_REFERENCE, occurrence=1, attempt=1)
    assert isinstance(found, Refusal)
    assert {(finding.rule, finding.severity) for finding in found.findings} == {("U04", Severity.HARD)}
    assert any("alaris cannot stop when nobody supervises it" in finding.message for finding in found.findings)


def test_the_home_order_takes_two_syringes():
    found = home(ALARIS_REFERENCE)
    assert isinstance(found, Plan)
    assert [program.vtbi_ul for program in found.programs] == [50_000, 50_000]


def test_a_volume_is_set_in_the_steps_that_the_pump_can_hold_and_counted_in_its_own():
    """MIVA counts tenths of a millilitre and holds quarters exactly (docs/dialects/miva.md section 4)."""
    found = home(MIVA_REFERENCE)
    assert isinstance(found, Plan)
    assert [(program.flow_rate_ul_h, program.vtbi_ul) for program in found.programs] == [(10_000, 100_000)]
    uneven = replace(MIVA_REFERENCE, vtbi_step_ul=33_333, flow_step_ul_h=3_333)
    floored = home(uneven)
    assert isinstance(floored, Plan)
    assert [(program.flow_rate_ul_h, program.vtbi_ul) for program in floored.programs] == [(9_999, 99_999)]
    coarse = home(replace(MIVA_REFERENCE, vtbi_step_ul=30_000))
    assert isinstance(coarse, Refusal)
    assert any("steps of 30 mL" in finding.message for finding in coarse.findings)
    assert (MIVA_REFERENCE.volume_step_ul, COMPANION_REFERENCE.settable_volume_step_ul) == (100, 1)


def test_a_miva_pump_gets_no_intravenous_order():
    found = compile_programs(order(base=CONTINUOUS), LIBRARY, MIVA_REFERENCE, occurrence=1, attempt=1)
    assert isinstance(found, Refusal)
    told = " ".join(finding.message for finding in found.findings)
    assert "miva cannot stop when nobody supervises it" in told
    assert "miva cannot give this route" in told


def test_the_pumps_that_can_be_planned_for():
    assert REFERENCE_PUMPS["miva"] is MIVA_REFERENCE
    assert REFERENCE_PUMPS["alaris"] is ALARIS_REFERENCE
    assert REFERENCE_PUMPS["companion"] is COMPANION_REFERENCE
