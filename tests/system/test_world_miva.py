"""The whole system in virtual time with a MIVA pump: the golden infusion, and what its link must not hide."""

from __future__ import annotations

import pytest

from protocols.miva.framing import FrameDecoder
from simulator.faults import Fault, FaultKind
from simulator.firmware.miva_pump import miva
from simulator.pump import Button
from simulator.rig.world import World
from tests.controller.orders import golden, monitored_iv_continuous, once
from tests.system.miva_worlds import miva_infusing, miva_world
from tests.system.worlds import (
    HOUR,
    MINUTE,
    A,
    S,
    answer,
    heal,
    inject,
    latched,
    ledger_covers_truth,
    prepare,
    press_and_start,
    state,
    submit,
    truth,
    until,
)

HOUR_LONG = once()  # 200 mg in 10 mL over one hour
SHORT = once(dose="50 mg", volume="2.5 mL", duration="15 min")


def written(made: World) -> list[str]:
    """Every text the daemon wrote."""
    pieces = FrameDecoder().receive(b"".join(write.frame for _, write in made.seen.writes))
    return [piece for piece in pieces if isinstance(piece, str)]


@pytest.mark.timeout(600)
def test_the_golden_home_order() -> None:
    """P01: 2 g in 100 mL over ten hours, subcutaneous, at home."""
    made = miva_world()
    assert submit(made, golden())["prepared"]["programs"] == 1
    press_and_start(made)
    begun_ns = made.now_ns
    until(made, lambda: state(made) == "completed", 11 * HOUR)
    assert abs(made.now_ns - begun_ns - 10 * HOUR) < 5 * S
    seen = truth(made)
    assert 99_000 <= seen.delivered_ul <= 100_000
    assert (seen.starts, seen.resumes, seen.stops_received) == (1, 0, 0)
    assert seen.max_commanded_flow_ul_h == 10_000
    assert ledger_covers_truth(made)
    assert made.seen.alarms == []
    made.run_for(6 * S)
    told = made.seen.states[A]
    assert (told["state"], told["delivered_most_ml"], told["progress_percent"]) == ("completed", 110.0, 100.0)
    assert 99.9 < told["delivered_least_ml"] <= 100.0
    texts = written(made)
    assert texts.count("WT01") == 1
    assert not [text for text in texts if text.startswith(("KE", "WT00", "WN", "WK", "W0"))]


@pytest.mark.hazard("H07")
def test_an_occlusion_stops_latches_and_says_why() -> None:
    made = miva_infusing(HOUR_LONG)
    made.run_for(10 * MINUTE)
    inject(made, FaultKind.OCCLUSION)
    until(made, lambda: state(made) == "stopped", HOUR)
    assert latched(made) == {"occlusion_downstream"}
    assert ledger_covers_truth(made)
    heal(made, FaultKind.OCCLUSION)
    made.run_for(MINUTE)
    number = made.ask("clear", persons=["nurse"])
    made.run_for(10 * S)
    assert answer(made, number)["cleared"] == ["occlusion_downstream"]
    assert state(made) == "idle"
    assert truth(made).starts == 1


@pytest.mark.parametrize(
    ("kind", "code"),
    [(FaultKind.DOOR, "door_open"), (FaultKind.EMPTY, "reservoir_empty"), (FaultKind.STALL, "motor_stall"),
     (FaultKind.UPSTREAM_OCCLUSION, "occlusion_upstream"), (FaultKind.POWER_CYCLE, "pump_reset"),
     (FaultKind.SAY_STOPPED, "stopped_at_pump"), (FaultKind.BROWN_OUT, "pump_reset")],
)  # fmt: skip
def test_what_stops_the_pump_stops_the_channel_for_that_reason(kind: FaultKind, code: str) -> None:
    made = miva_infusing(HOUR_LONG)
    made.run_for(5 * MINUTE)
    inject(made, kind)
    until(made, lambda: state(made) == "stopped", 10 * MINUTE)
    assert code in latched(made)
    made.run_for(5 * S)
    assert truth(made).commanded_flow_ul_h == 0
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H55")
def test_a_start_whose_answer_is_lost_is_asked_about_and_never_sent_again() -> None:
    made = miva_world()
    submit(made, SHORT)
    inject(made, FaultKind.DROP_START_ACK)
    made.press(A, Button.CONFIRM)
    until(made, lambda: state(made) == "infusing", 10 * S)
    assert "dosing_unconfirmed" in {alarm.code for alarm in made.seen.alarms}
    until(made, lambda: state(made) == "completed", HOUR)
    assert written(made).count("WT01") == 1
    assert truth(made).starts == 1


def test_a_start_that_is_under_review_for_sixteen_seconds_is_one_start_and_no_stop() -> None:
    """The longest that the driver waits for is 17 s (docs/dialects/miva.md section 6)."""
    made = miva_world(dialect=miva(16 * S))
    submit(made, SHORT)
    made.press(A, Button.CONFIRM)
    made.run_for(15 * S)
    assert (state(made), truth(made).starts) == ("starting", 0)
    until(made, lambda: state(made) == "infusing", 5 * S)
    assert truth(made).starts == 1
    until(made, lambda: state(made) == "completed", HOUR)
    seen = truth(made)
    assert (seen.starts, seen.resumes, seen.stops_received) == (1, 0, 0)
    assert written(made).count("WT01") == 1
    assert seen.delivered_ul == pytest.approx(2_500, abs=2)
    assert ledger_covers_truth(made)
    assert (made.seen.alarms, latched(made)) == ([], set())


@pytest.mark.hazard("H29")
def test_a_start_that_never_arrived_is_found_out_and_needs_another_press() -> None:
    made = miva_world()
    submit(made, SHORT)
    made.press(A, Button.CONFIRM)
    until(made, lambda: state(made) == "starting", 5 * S)
    inject(made, FaultKind.BUSY, for_ns=S)  # the run key is still on its way
    until(made, lambda: state(made) == "awaiting_confirmation", 30 * S)
    assert truth(made).starts == 0
    made.run_for(MINUTE)
    assert (truth(made).starts, state(made)) == (0, "awaiting_confirmation")
    press_and_start(made)
    assert truth(made).starts == 1


@pytest.mark.hazard("H56")
def test_a_stop_by_a_person_is_proven_and_nothing_of_the_program_runs_again() -> None:
    made = miva_infusing(HOUR_LONG)
    made.run_for(10 * MINUTE)
    inject(made, FaultKind.IGNORE_STOP, 3)
    number = made.ask("stop", channel=A, person="nurse")
    until(made, lambda: state(made) == "stopped", 2 * S)
    assert answer(made, number)["proven"]
    assert truth(made).stops_ignored == 3
    made.press(A, Button.CONFIRM)
    made.run_for(5 * MINUTE)
    assert truth(made).starts == 1
    assert truth(made).commanded_flow_ul_h == 0
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("field", [0, 1, 3])
def test_a_read_back_that_differs_is_never_started(field: int) -> None:
    made = miva_world()
    made.inject(Fault(FaultKind.READ_BACK, by=field), A)
    submit(made, SHORT)
    until(made, lambda: state(made) == "stopped", 10 * S)
    assert "read_back_differs" in latched(made)
    made.press(A, Button.CONFIRM)
    made.run_for(MINUTE)
    assert truth(made).starts == 0


@pytest.mark.hazard("H25")
def test_another_pump_on_the_line_is_refused() -> None:
    made = miva_world(serial="SIM00002")
    assert "wrong_pump" in {alarm.code for alarm in made.seen.alarms}
    assert set(written(made)) <= {"RN", "RS", "RL", "RC", "RI", "RE00000000"}


def test_an_intravenous_order_is_refused_for_want_of_a_lease() -> None:
    """U04: nothing stops this pump when nobody supervises it."""
    made = miva_world()
    told = submit(made, monitored_iv_continuous())
    assert told["prepared"] is None
    assert {"U04"} == {reason["code"] for reason in told["not_prepared"]}
    assert "lease" in " ".join(reason["message"] for reason in told["not_prepared"])


def test_a_pause_is_refused_because_it_would_look_like_a_stop() -> None:
    made = miva_infusing(HOUR_LONG)
    made.run_for(MINUTE)
    made.ask("pause", channel=A, person="nurse")
    made.run_for(3 * S)
    assert "pause_refused" in {alarm.code for alarm in made.seen.alarms}
    until(made, lambda: state(made) == "stopped", 30 * S)


def test_what_was_stopped_before_its_start_is_loaded_anew_and_only_that_runs() -> None:
    """The pump still holds the first prescription: to the daemon it is void."""
    made = miva_world()
    submit(made, SHORT)
    made.ask("stop", channel=A, person="nurse")
    until(made, lambda: state(made) == "stopped", 5 * S)
    made.press(A, Button.CONFIRM)
    made.run_for(10 * S)
    assert truth(made).starts == 0
    made.ask("clear", channel=A, persons=["nurse"])
    made.run_for(10 * S)
    assert state(made) == "idle"
    number = prepare(made)
    made.run_for(10 * S)
    assert answer(made, number)
    press_and_start(made)
    assert truth(made).starts == 1
    until(made, lambda: state(made) == "completed", HOUR)
    assert truth(made).delivered_ul == pytest.approx(2_500, abs=2)
