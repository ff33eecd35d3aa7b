"""Reports on the patient: one sign stops at once, in every state; an infusion that nobody looks at ends."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Priority
from pumpctl.effects import WritePump
from tests.controller.desk import MS, A, B, Desk
from tests.controller.orders import SOUND, START_UTC_MS, monitored_iv, monitored_iv_continuous, once
from tests.controller.scenes import infusing, loaded, two_channels

D = DeliveryState
MINUTE_MS = 60_000
SEEN_UTC_MS = START_UTC_MS - 10 * MINUTE_MS  # OBSERVED_AT
SERUM_AT = "2026-12-01T18:00:00Z"


def _continuous(**options: object) -> Desk:
    return infusing(monitored_iv_continuous(), **options)


@pytest.mark.hazard("H37")
@pytest.mark.parametrize("order", [once, monitored_iv_continuous])
def test_one_report_of_a_sign_stops_at_once_latches_and_names_the_antidote(order: object):
    desk = infusing(order())  # pyright: ignore[reportCallIssue]
    desk.run_for(30_000)
    before = len(desk.effects)
    desk.ask("observe", breathing_rate="11 /min", person="nurse")
    first = desk.effects[before]
    assert isinstance(first, WritePump)
    assert first.is_stop
    desk.must_be(D.STOPPED, 2_000)
    assert desk.latched == {"q25_breathing_rate"}
    (alarm,) = desk.alarms("q25_breathing_rate")
    assert alarm.priority is Priority.HIGH
    assert "calcium" in alarm.message


@pytest.mark.hazard("H37")
def test_a_latch_of_a_sign_needs_two_persons_and_keeps_every_order_of_the_patient_from_starting():
    desk = infusing(once())
    desk.ask_and_wait("observe", signs=["drowsy"])
    desk.must_be(D.STOPPED, 2_000)
    assert desk.refused(desk.ask("clear", persons=["nurse"])).reasons[0].code == "two_persons_needed"
    refusal = desk.refused(desk.submit(once("another", at="2026-12-02T18:00:00Z")))
    assert "S06" in {reason.code for reason in refusal.reasons}


@pytest.mark.hazard("H37")
def test_it_stops_the_patients_other_pump_and_no_other_patients():
    for same_patient in (True, False):
        desk = infusing(once(), channels=two_channels(same_patient))
        desk.plug_in(B)
        desk.run_for(2_000)
        desk.ask_and_wait("observe", channel=A, patellar_reflex="absent")
        desk.run_for(2_000)
        other = desk.controller.ward.channels[B]
        assert (other.state is D.STOPPED) is same_patient


@pytest.mark.hazard("H37")
@pytest.mark.parametrize("state", [D.UNKNOWN, D.IDLE, D.AWAITING_CONFIRMATION, D.PAUSED, D.COMPLETED])
def test_it_latches_in_every_state(state: DeliveryState):
    if state is D.AWAITING_CONFIRMATION:
        desk = loaded(once())
    elif state in {D.PAUSED, D.COMPLETED}:
        desk = infusing(once())
        if state is D.PAUSED:
            desk.ask("pause")
        desk.must_be(state, 4_000_000)
    else:
        desk = Desk()
        if state is D.IDLE:
            desk.plug_in()
            desk.run_for(1_000)
    desk.ask("observe", heart_rate="49 /min")
    if state is D.UNKNOWN:
        desk.plug_in()
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"q25_heart_rate"}


@pytest.mark.hazard("H37")
def test_what_can_be_read_of_a_report_is_acted_on_even_when_the_rest_cannot():
    desk = infusing(once())
    number = desk.ask_and_wait("observe", breathing_rate="11 /min", heart_rate="seventy")
    assert any("heart_rate" in told for told in desk.given(number)["advice"])
    desk.must_be(D.STOPPED, 2_000)
    desk = infusing(once())
    refusal = desk.refused(desk.ask_and_wait("observe", breathing_rate="16 /min", heart_rate="seventy"))
    assert refusal.exit_code == 2
    assert not desk.recorded("observed")


@pytest.mark.parametrize("params", [{}, {"person": "nurse"}, {"signs": []}, {"signs": "drowsy"}, {"signs": ["x"] * 9}])
def test_nothing_seen_is_no_report(params: dict[str, object]):
    desk = infusing(once())
    assert desk.refused(desk.ask("observe", **params)).exit_code == 2


@pytest.mark.hazard("H37")
def test_a_serum_level_alarms_then_stops_and_a_lower_one_ends_the_alarm():
    desk = infusing(once())
    desk.ask_and_wait("observe", serum_magnesium="1.05 mmol/L", serum_at=SERUM_AT)
    assert desk.alarms("serum_magnesium_raised")[-1].priority is Priority.MEDIUM
    desk.ask_and_wait("observe", serum_magnesium="1.04 mmol/L", serum_at=SERUM_AT)
    assert desk.active_alarms() == set()
    assert desk.state is D.INFUSING
    desk.ask_and_wait("observe", serum_magnesium="1.5 mmol/L", serum_at=SERUM_AT)
    desk.must_be(D.STOPPED, 2_000)
    assert desk.latched == {"serum_magnesium_high"}


@pytest.mark.parametrize(
    ("at", "code"), [(None, "bad_parameter"), ("2026-12-01T19:00:00Z", "T02"), ("now", "bad_parameter")]
)
def test_a_level_without_the_time_of_its_sample_is_refused_unless_it_is_high(at: str | None, code: str):
    desk = infusing(once())
    refusal = desk.refused(desk.ask_and_wait("observe", serum_magnesium="1 mmol/L", serum_at=at))
    assert refusal.reasons[0].code == code
    desk.ask_and_wait("observe", serum_magnesium="2 mmol/L", serum_at=at)
    desk.must_be(D.STOPPED, 2_000)


def test_little_urine_is_told_until_there_is_more():
    desk = _continuous()
    desk.ask_and_wait("observe", urine="99 mL")
    assert desk.alarms("urine_low")[-1].priority is Priority.MEDIUM
    desk.ask_and_wait("observe", urine="100 mL")
    assert desk.active_alarms() == set()


def test_a_baseline_that_was_told_counts_from_then_on_and_after_a_restart():
    desk = _continuous()
    desk.ask_and_wait("observe", baseline_systolic_pressure="149 mmHg")
    desk = desk.restarted()
    desk.plug_in()
    desk.run_for(2_000)
    desk.ask_and_wait("observe", systolic_pressure="120 mmHg")
    assert desk.state is D.INFUSING
    desk.ask_and_wait("observe", systolic_pressure="119 mmHg")
    desk.must_be(D.STOPPED, 2_000)
    assert desk.latched == {"q25_systolic_fall"}


def _since_start_ms(desk: Desk) -> int:
    assert desk.channel.infusion is not None
    return (desk.now.therapy_ns - desk.channel.infusion.began_therapy_ns) // MS


def _run_to(desk: Desk, since_start_ms: int) -> None:
    desk.run_for(since_start_ms - _since_start_ms(desk))


def _seen_before_start_ms(order: dict[str, object]) -> int:
    """How old the order's signs were when it started."""
    desk = infusing(order, looked_after=False)
    assert desk.channel.infusion is not None
    return (desk.channel.infusion.started_utc_ms or 0) - SEEN_UTC_MS


@pytest.mark.hazard("H38")
@pytest.mark.parametrize(
    ("order", "due_ms", "stop_ms"),
    [(monitored_iv, 5 * MINUTE_MS, 10 * MINUTE_MS), (monitored_iv_continuous, 60 * MINUTE_MS, 75 * MINUTE_MS)],
)
def test_an_infusion_that_nobody_looks_at_alarms_and_then_stops(order: object, due_ms: int, stop_ms: int):
    """While loading from the start on; after that from the last look, be it the one before the start."""
    desk = infusing(order(), looked_after=False)  # pyright: ignore[reportCallIssue]
    if order is monitored_iv_continuous:
        before_ms = _seen_before_start_ms(monitored_iv_continuous())
        assert 10 * MINUTE_MS <= before_ms < 11 * MINUTE_MS
        due_ms, stop_ms = due_ms - before_ms, stop_ms - before_ms
    _run_to(desk, due_ms - 1_500)
    assert desk.active_alarms() == set()
    _run_to(desk, due_ms + 1_500)
    assert [alarm.priority for alarm in desk.alarms("observation_overdue")] == [Priority.MEDIUM]
    assert desk.state is D.INFUSING
    _run_to(desk, stop_ms - 1_500)
    assert desk.state is D.INFUSING
    desk.must_be(D.STOPPED, 5_000)
    assert desk.latched == {"observation_lapsed"}
    assert desk.alarms("observation_lapsed")[0].priority is Priority.HIGH


@pytest.mark.hazard("H38")
def test_a_look_while_loading_counts_after_it_and_no_phase_begins_anew():
    desk = infusing(monitored_iv(), looked_after=False)
    for _ in range(5):
        _run_to(desk, _since_start_ms(desk) + 4 * MINUTE_MS - 5_000)
        desk.ask_and_wait("observe", **SOUND)
    seen_ms = desk.now.therapy_ns // MS
    desk.must(lambda: desk.channel.infusion is not None and not desk.channel.infusion.remaining, 5 * MINUTE_MS)
    desk.must_be(D.AWAITING_CONFIRMATION, 10_000)
    desk.press(token=8)
    desk.must_be(D.INFUSING, 10_000)
    desk.run_for(seen_ms + 60 * MINUTE_MS - desk.now.therapy_ns // MS - 3_000)
    assert desk.active_alarms() == set()
    desk.run_for(6_000)
    assert desk.active_alarms() == {"observation_overdue"}


@pytest.mark.hazard("H38")
def test_a_start_without_a_look_buys_no_more_than_the_quarter_of_an_hour_that_was_agreed_to():
    order = monitored_iv_continuous()
    order["observations"] = [each for each in order["observations"] if each["kind"] in {"urine", "heart_rate"}]
    desk = Desk(looked_after=False)
    desk.plug_in()
    desk.run_for(1_000)
    desk.submit(order, overrides=["Q25=physician on call:the patient is in the next bed"])
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.press()
    desk.must_be(D.INFUSING, 5_000)
    _run_to(desk, 45 * MINUTE_MS - 1_500)
    assert desk.active_alarms() == set()
    _run_to(desk, 45 * MINUTE_MS + 1_500)
    assert "heart rate" not in desk.alarms("observation_overdue")[0].message


@pytest.mark.hazard("H38")
def test_every_sign_must_be_looked_for_and_a_restart_does_not_forget_when():
    desk = infusing(monitored_iv(), looked_after=False)
    desk.run_for(4 * MINUTE_MS)
    desk.ask_and_wait("observe", **{kind: text for kind, text in SOUND.items() if kind != "heart_rate"})
    desk.run_for(2 * MINUTE_MS)
    assert desk.active_alarms() == {"observation_overdue"}
    assert "heart rate" in desk.alarms("observation_overdue")[0].message
    desk.ask_and_wait("observe", **SOUND)
    assert desk.active_alarms() == set()
    desk.run_for(4 * MINUTE_MS)
    desk = desk.restarted()
    desk.plug_in()
    desk.run_for(30_000)
    assert desk.active_alarms() == set()
    desk.run_for(MINUTE_MS)
    assert desk.active_alarms() == {"observation_overdue"}


@pytest.mark.hazard("H38")
def test_at_home_nobody_has_to_look():
    desk = infusing(once(), looked_after=False)
    desk.must_be(D.COMPLETED, 4_000_000)
    assert not desk.alarms("observation_overdue")


@pytest.mark.hazard("H38")
def test_a_lease_is_not_renewed_once_nobody_has_looked_for_too_long():
    desk = _continuous(looked_after=False)
    desk.pump.deaf = {wire.Stop}  # the stop does not get through: the lease must not go on
    desk.run_for(76 * MINUTE_MS)
    renewals = desk.pump.count(wire.Renew)
    desk.run_for(3 * MINUTE_MS)
    assert desk.pump.count(wire.Renew) == renewals
