"""The daemon dies at every kind of moment and comes back: it reads first, starts nothing, and its account holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from protocols.companion import messages as wire
from simulator.faults import FaultKind
from simulator.pump import Button
from simulator.rig.world import World, journal_of
from tests.controller.orders import monitored_iv, once
from tests.system.worlds import (
    HOUR,
    MINUTE,
    A,
    S,
    infusing,
    inject,
    latched,
    ledger_covers_truth,
    state,
    submit,
    truth,
    until,
    world,
    written,
)

SHORT = once(dose="50 mg", volume="2.5 mL", duration="15 min")
Moment = Callable[[], World]


def _recorded(made: World, kind: str) -> bool:
    return any(record.kind == kind for record in made.seen.records)


def _loaded() -> World:
    made = world()
    submit(made, SHORT)
    return made


def _intent() -> World:
    made = _loaded()
    made.press(A, Button.CONFIRM)
    until(made, lambda: _recorded(made, "dosing_intent"), 3 * S)
    assert not any(isinstance(message, wire.Start) for message in written(made))
    return made


def _start_on_the_wire() -> World:
    made = _intent()
    until(made, lambda: isinstance(written(made)[-1], wire.Start), 3 * S)
    assert truth(made).starts == 0  # it arrives while nobody listens
    return made


def _started_unheard() -> World:
    made = _start_on_the_wire()
    until(made, lambda: truth(made).starts == 1, S)
    assert state(made) == "starting"
    return made


def _mid_infusion() -> World:
    made = infusing(SHORT)
    made.run_for(5 * MINUTE)
    return made


def _paused() -> World:
    made = _mid_infusion()
    made.ask("pause")
    until(made, lambda: state(made) == "paused", 3 * S)
    return made


def _stopping() -> World:
    made = _mid_infusion()
    inject(made, FaultKind.IGNORE_STOP, 4)
    made.ask("stop")
    made.run_for(100_000_000)
    assert state(made) == "stopping"
    return made


def _alarmed() -> World:
    made = _mid_infusion()
    inject(made, FaultKind.DOOR)
    until(made, lambda: state(made) == "stopped", 5 * S)
    return made


def _completed() -> World:
    made = _mid_infusion()
    until(made, lambda: state(made) == "completed", HOUR)
    return made


def _between_phases() -> World:
    made = infusing(monitored_iv())
    until(made, lambda: state(made) == "awaiting_confirmation", HOUR)
    return made


# moment: how it ends when the daemon is back at once, and after a minute
MOMENTS: dict[str, tuple[Moment, set[str]]] = {
    "loaded": (_loaded, {"idle"}),
    "intent": (_intent, {"idle"}),
    "start_on_the_wire": (_start_on_the_wire, {"infusing"}),
    "started_unheard": (_started_unheard, {"infusing"}),
    "mid_infusion": (_mid_infusion, {"infusing"}),
    "paused": (_paused, {"paused"}),
    "stopping": (_stopping, {"stopped"}),
    "alarmed": (_alarmed, {"stopped"}),
    "completed": (_completed, {"idle"}),
    "between_phases": (_between_phases, {"idle"}),
}


@pytest.mark.hazard("H44")
@pytest.mark.hazard("H29")
@pytest.mark.parametrize("away_ns", [0, MINUTE], ids=["at_once", "after_a_minute"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_daemon_that_comes_back_reads_first_and_starts_nothing(moment: str, away_ns: int):
    make, ends = MOMENTS[moment]
    made = make()
    writes, starts = len(made.seen.writes), truth(made).starts + (moment == "start_on_the_wire")
    durable = [record for record in made.seen.records if moment != "intent" or record.kind != "dosing_intent"]
    made.restart(journal_of(durable))
    made.run_for(away_ns)
    made.plug_in(A)
    made.run_for(10 * S)
    assert isinstance(written(made, writes)[0], wire.Identify)  # I8
    assert not any(isinstance(message, wire.Start | wire.Resume) for message in written(made, writes))
    assert truth(made).starts == starts
    assert state(made) in ends
    assert ledger_covers_truth(made, mg_per_ml=40 if moment == "between_phases" else 20)
    assert bool(latched(made)) == (state(made) == "stopped")


@pytest.mark.hazard("H44")
@pytest.mark.parametrize("times", [1, 5])
def test_however_often_it_dies_the_infusion_is_one(times: int):
    made = infusing(SHORT)
    for _ in range(times):
        made.run_for(2 * MINUTE)
        made.restart()
        made.plug_in(A)
        until(made, lambda: state(made) == "infusing", 5 * S)
        assert ledger_covers_truth(made)
    until(made, lambda: state(made) == "completed", HOUR)
    assert truth(made).starts == 1
    assert 2_450 <= truth(made).delivered_ul <= 2_500
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H44")
def test_what_nobody_supervised_ends_at_its_vtbi_and_is_found_complete():
    made = infusing(SHORT)
    made.run_for(MINUTE)
    made.restart()
    made.run_for(HOUR)  # the port stays closed
    assert truth(made).delivered_ul <= 2_500
    made.plug_in(A)
    until(made, lambda: state(made) == "completed", 5 * S)
    assert ledger_covers_truth(made)


@pytest.mark.hazard("H45")
def test_a_pump_that_lost_power_while_nobody_looked_is_latched_and_booked_in_full():
    made = infusing(SHORT)
    made.run_for(14 * MINUTE)
    made.restart()
    inject(made, FaultKind.POWER_CYCLE)
    made.run_for(HOUR)
    made.plug_in(A)
    until(made, lambda: state(made) == "stopped", 5 * S)
    assert latched(made) == {"pump_reset"}
    assert ledger_covers_truth(made)
    account = [record.body for record in made.seen.records if record.kind == "settled"][-1]
    assert account["most_ul"] == 2_625  # all of it, at the pump's accuracy: nobody can know better


def test_the_same_seed_with_restarts_is_the_same_wire():
    def once_more() -> str:
        made = infusing(SHORT, 3)
        made.run_for(MINUTE)
        made.restart()
        made.plug_in(A)
        made.run_for(MINUTE)
        return made.wire.hexdigest()

    assert once_more() == once_more()
