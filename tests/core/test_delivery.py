"""The delivery table, every pair of it, against a list written down apart from it."""

from __future__ import annotations

import pytest

from pumpctl.core.delivery import TRANSITIONS, DeliveryState, Trigger, step

# state: trigger -> next state. STOP and the lost past are listed below, they hold for (nearly) every state.
LEGAL = """
unknown: found_idle -> idle, found_infusing_ours -> infusing, found_paused_ours -> paused
idle: program_requested -> programming
programming: read_back_equal -> ready
ready: shown_at_pump -> awaiting_confirmation
awaiting_confirmation: confirmation_given -> starting
starting: start_proven -> infusing, start_not_effective -> awaiting_confirmation, resume_not_effective -> paused
infusing: pause_requested -> pausing, pause_proven -> paused, vtbi_reached -> completed
infusing: phase_vtbi_reached -> phase_complete
pausing: pause_proven -> paused, vtbi_reached -> completed, phase_vtbi_reached -> phase_complete
paused: resume_requested -> awaiting_confirmation
stopping: stop_proven -> stopped
stopped: cleared -> idle
phase_complete: program_requested -> programming
completed: program_requested -> programming
"""
LATCHED_OVER_A_LOST_PAST = {"stopping", "stopped"}


def _expected() -> dict[tuple[str, str], str]:
    moves = {(state.value, "stop_requested"): "stopping" for state in DeliveryState}
    for state in DeliveryState:
        if state.value not in LATCHED_OVER_A_LOST_PAST:
            moves[state.value, "pump_lost_its_past"] = "unknown"
    for line in LEGAL.strip().splitlines():
        state, rest = line.split(": ")
        for pair in rest.split(", "):
            trigger, following = pair.split(" -> ")
            moves[state, trigger] = following
    return moves


EXPECTED = _expected()
PAIRS = [(state, trigger) for state in DeliveryState for trigger in Trigger]


@pytest.mark.parametrize(("state", "trigger"), PAIRS, ids=lambda each: each.value)
def test_every_pair_is_legal_or_refused_as_listed(state: DeliveryState, trigger: Trigger):
    following = step(state, trigger)
    assert (following.value if following else None) == EXPECTED.get((state.value, trigger.value))


@pytest.mark.hazard("H56")
def test_stop_is_legal_everywhere():
    assert all(step(state, Trigger.STOP_REQUESTED) is DeliveryState.STOPPING for state in DeliveryState)


@pytest.mark.hazard("H45")
def test_infusing_is_entered_only_by_proof():
    entered = {trigger for (_, trigger), state in TRANSITIONS.items() if state is DeliveryState.INFUSING}
    assert entered == {Trigger.START_PROVEN, Trigger.FOUND_INFUSING_OURS}


def test_only_a_person_leaves_a_latch_for_anything_but_another_stop():
    left = {trigger for (state, trigger) in TRANSITIONS if state is DeliveryState.STOPPED}
    assert left == {Trigger.CLEARED, Trigger.STOP_REQUESTED}


def test_starting_is_entered_only_by_a_confirmation():
    entered = {trigger for (_, trigger), state in TRANSITIONS.items() if state is DeliveryState.STARTING}
    assert entered == {Trigger.CONFIRMATION_GIVEN}


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        TRANSITIONS[DeliveryState.IDLE, Trigger.START_PROVEN] = DeliveryState.INFUSING  # pyright: ignore[reportIndexIssue]


def test_every_state_but_the_first_can_be_reached_and_left():
    reached = set(TRANSITIONS.values())
    left = {state for state, _ in TRANSITIONS}
    assert reached == left == set(DeliveryState)
