"""Days in virtual time: each occurrence an infusion of its own, with its own bag check and its own press."""

from __future__ import annotations

import pytest

from simulator.faults import FaultKind
from simulator.pump import Button
from tests.controller.orders import golden, once
from tests.system.worlds import (
    HOUR,
    MINUTE,
    A,
    S,
    answer,
    heal,
    infusing,
    inject,
    ledger_covers_truth,
    prepare,
    press_and_start,
    refusal,
    state,
    truth,
    until,
)

HOUR_LONG = once()  # 200 mg in 10 mL over one hour
SHORT = once(dose="50 mg", volume="2.5 mL", duration="15 min")


@pytest.mark.hazard("H31")
@pytest.mark.hazard("H34")
def test_the_next_day_is_another_occurrence_and_the_same_one_is_refused():
    order = golden()
    order["phases"] = SHORT["phases"]
    order["schedule"] = {**order["schedule"], "local_time": "19:00"}  # Berlin: 18:00 UTC, the world's first minute
    made = infusing(order)
    until(made, lambda: state(made) == "completed", HOUR)
    number = prepare(made)
    assert refusal(made, number) == ["S01"]
    made.run_for(21 * HOUR)
    number = prepare(made)
    assert refusal(made, number) == ["S02"]  # more than two hours early
    made.run_for(2 * HOUR)
    number = prepare(made)
    made.run_for(5 * S)
    assert answer(made, number)["prepared"]["occurrence"] == 2
    press_and_start(made)
    until(made, lambda: state(made) == "completed", HOUR)
    assert truth(made).starts == 2
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H34")
def test_three_days_each_with_its_own_check_and_its_own_press():
    made = infusing(golden())  # ten hours a day, 20:00 in Berlin; the world begins an hour before
    for day in range(1, 4):
        until(made, lambda: state(made) == "completed", 11 * HOUR)
        made.run_for(day * 24 * HOUR - made.now_ns)
        assert truth(made).starts == day
        assert truth(made).delivered_ul <= day * 100_000
        made.press(A, Button.CONFIRM)
        made.run_for(10 * S)
        assert truth(made).starts == day  # nothing is loaded until somebody has looked at the bag
        if day < 3:
            inject(made, FaultKind.EMPTY)
            heal(made, FaultKind.EMPTY)  # a full bag hangs again
            number = prepare(made)
            made.run_for(5 * S)
            assert answer(made, number)["prepared"]["occurrence"] == day + 1
            press_and_start(made)
    assert [r.body["occurrence"] for r in made.seen.records if r.kind == "bag_checked"] == [1, 2, 3]
    assert len({r.body["check"]["bags"][0]["bag_id"] for r in made.seen.records if r.kind == "bag_checked"}) == 3
    assert truth(made).starts == 3
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H45")
@pytest.mark.parametrize("daemon_too", [False, True])
def test_a_repeat_after_power_loss_is_refused(daemon_too: bool):
    """Clinical.md section 6: the bag is half full and the occurrence is not started over (S01)."""
    made = infusing(HOUR_LONG)
    made.run_for(30 * MINUTE)
    inject(made, FaultKind.POWER_CYCLE)
    until(made, lambda: state(made) == "stopped", MINUTE)
    if daemon_too:
        made.unplug(A)
        made.restart()
        made.plug_in(A)
        until(made, lambda: state(made) == "stopped", MINUTE)
    number = made.ask("clear", persons=["nurse", "physician"])
    made.run_for(5 * S)
    assert answer(made, number)["cleared"]
    number = prepare(made)
    assert "S01" in refusal(made, number)
    assert truth(made).starts == 1
    assert ledger_covers_truth(made)


def test_the_order_of_day_one_is_still_there_after_a_restart_on_day_two():
    order = golden()
    order["phases"] = SHORT["phases"]
    made = infusing(order)
    until(made, lambda: state(made) == "completed", HOUR)
    made.unplug(A)
    made.run_for(24 * HOUR - made.now_ns)
    made.restart()
    made.plug_in(A)
    made.run_for(5 * S)
    number = prepare(made)
    made.run_for(5 * S)
    assert answer(made, number)["prepared"]["occurrence"] == 2
