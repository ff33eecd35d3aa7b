"""A sign that was overridden in an emergency (Q10): told as long as it runs, a stop when it gets worse."""

from __future__ import annotations

import pytest

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Priority
from tests.controller.bedside import Q10, emergency, ready, rules
from tests.controller.desk import A, B, Desk
from tests.controller.scenes import two_channels

D = DeliveryState


def _emergency_runs(desk: Desk, **seen: str) -> None:
    desk.submit(emergency(**seen), overrides=Q10)
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.press()
    desk.must_be(D.INFUSING, 5_000)


LOW = {"breathing_rate": "10 /min", "systolic_pressure": "85 mmHg", "heart_rate": "45 /min"}


@pytest.mark.hazard("H37")
@pytest.mark.parametrize(
    ("kind", "no_worse", "worse"),
    [
        ("breathing_rate", "10 /min", "9.999 /min"),
        ("systolic_pressure", "85 mmHg", "84.999 mmHg"),
        ("heart_rate", "45 /min", "44.999 /min"),
    ],
)
def test_a_sign_overridden_in_an_emergency_is_told_while_it_runs_and_stops_it_when_it_gets_worse(
    kind: str, no_worse: str, worse: str
):
    desk = ready(looked_after=False)
    refusal = desk.refused(desk.submit(emergency(**LOW)))
    assert refusal.exit_code == 3
    assert {reason.code for reason in refusal.reasons} == {"Q25"}
    _emergency_runs(desk, **LOW)
    (alarm,) = desk.alarms("sign_overridden")
    assert alarm.priority is Priority.HIGH
    assert all(each in alarm.message for each in ("10 /min", "85 mmHg", "45 /min"))
    number = desk.ask_and_wait("observe", **{kind: no_worse})
    assert any("no worse" in told for told in desk.given(number)["advice"])
    desk.run_for(10_000)
    assert desk.state is D.INFUSING
    assert "sign_overridden" in desk.active_alarms()
    desk.ask_and_wait("observe", **{kind: worse})
    desk.must_be(D.STOPPED, 2_000)
    assert f"q25_{kind}" in desk.latched
    assert "sign_overridden" not in desk.active_alarms()


@pytest.mark.hazard("H37")
def test_what_was_not_overridden_stops_an_emergency_as_anything_else():
    for told in ({"heart_rate": "49 /min"}, {"patellar_reflex": "absent"}, {"signs": ["breathless"]}):
        desk = ready(looked_after=False)
        _emergency_runs(desk, breathing_rate="10 /min")
        desk.ask_and_wait("observe", **told)
        desk.must_be(D.STOPPED, 2_000)


@pytest.mark.hazard("H37")
def test_a_higher_baseline_told_later_makes_no_fall_an_overridden_one():
    desk = ready(looked_after=False)
    _emergency_runs(desk, systolic_pressure="96 mmHg", breathing_rate="10 /min")  # a fall of 29 mmHg
    desk.ask_and_wait("observe", baseline_systolic_pressure="126 mmHg", systolic_pressure="96 mmHg")
    desk.must_be(D.STOPPED, 2_000)
    assert "q25_systolic_fall" in desk.latched


@pytest.mark.hazard("H37")
def test_what_was_overridden_is_known_after_a_restart_and_holds_for_the_patients_idle_pump():
    desk = ready(looked_after=False, channels=two_channels(same_patient=True))
    _emergency_runs(desk, breathing_rate="10 /min")
    desk.ask_and_wait("observe", channel=B, breathing_rate="10 /min")
    assert desk.state is D.INFUSING
    desk = desk.restarted()
    desk.plug_in(A)
    desk.must_be(D.INFUSING, 5_000)
    assert "sign_overridden" in desk.active_alarms()
    desk.ask_and_wait("observe", channel=B, breathing_rate="10 /min")
    desk.run_for(2_000)
    assert desk.state is D.INFUSING
    desk.ask_and_wait("observe", channel=B, breathing_rate="9 /min")
    desk.must_be(D.STOPPED, 2_000)


@pytest.mark.hazard("H37")
def test_a_reported_sign_that_was_cleared_and_overridden_counts_as_one():
    desk = ready(looked_after=False)
    desk.submit(emergency(), check=None)
    desk.ask_and_wait("observe", breathing_rate="10 /min")
    desk.must_be(D.STOPPED, 2_000)
    desk.ask_and_wait("clear", persons=["nurse", "physician"])
    desk.run_for(2_000)
    assert rules(desk, desk.prepare()) == {"Q25"}
    assert rules(desk, desk.prepare(overrides=Q10)) == set()
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.press()
    desk.must_be(D.INFUSING, 5_000)
    assert "sign_overridden" in desk.active_alarms()
    desk.ask_and_wait("observe", breathing_rate="10 /min")
    desk.ask_and_wait("observe", breathing_rate="10.1 /min")
    desk.ask_and_wait("observe", breathing_rate="10 /min")
    assert desk.state is D.INFUSING
    desk.ask_and_wait("observe", breathing_rate="9.9 /min")
    desk.must_be(D.STOPPED, 2_000)


@pytest.mark.hazard("H37")
@pytest.mark.parametrize(("told", "starts"), [("10.5 /min", True), ("9.9 /min", False)])
def test_a_report_while_it_waits_for_the_button_is_held_against_what_was_overridden(told: str, starts: bool):
    desk = ready(looked_after=False)
    desk.submit(emergency(breathing_rate="10 /min"), overrides=Q10)
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.ask_and_wait("observe", breathing_rate=told)
    desk.press()
    desk.run_for(3_000)
    assert desk.state is (D.INFUSING if starts else D.STOPPED)


@pytest.mark.hazard("H37")
def test_an_emergency_with_sound_signs_has_nothing_overridden():
    desk = ready(looked_after=False)
    _emergency_runs(desk)
    assert desk.active_alarms() == set()
    desk.ask_and_wait("observe", breathing_rate="11 /min")
    desk.must_be(D.STOPPED, 2_000)
