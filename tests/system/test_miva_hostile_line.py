"""A MIVA pump on a line that loses, repeats, delays, splits and spoils what is said; hosts and hands do worse.

Refuses to use chance that nobody can repeat: each world has its own seed. Whatever happens, one press gives at most one
start, the account covers what the patient was given, and in the end nothing runs that nobody watches.
"""

from __future__ import annotations

from random import Random

import pytest

from protocols.miva.framing import FrameDecoder
from simulator.faults import Fault, FaultKind
from simulator.pump import Button
from simulator.rig.mishaps import Mishap
from simulator.rig.world import World
from tests.controller.orders import once
from tests.system.miva_worlds import miva_world
from tests.system.worlds import MINUTE, A, S, ledger_covers_truth, state, submit, truth

SHORT = once(dose="50 mg", volume="2.5 mL", duration="15 min")
MISHAPS: tuple[tuple[Mishap, int | None], ...] = (
    (Mishap.DELAY, 40), (Mishap.LOSS, 100), (Mishap.LOSS, 400), (Mishap.DUPLICATE, 200), (Mishap.REORDER, 200),
    (Mishap.SPLIT, 500), (Mishap.COALESCE, 16), (Mishap.BIT_FLIP, 100), (Mishap.BIT_FLIP, 500),
    (Mishap.BAUD_PACING, 9_600), (Mishap.HOST_SLEEP, None), (Mishap.KILL, 1_000), (Mishap.STOP_REQUEST, None),
    (Mishap.DUPLICATE_REQUEST, None), (Mishap.CLEAR_REQUEST, None),
)  # fmt: skip
FAULTS = (
    FaultKind.DROP_REPLY, FaultKind.DROP_START_ACK, FaultKind.IGNORE_STOP, FaultKind.BABBLE, FaultKind.BUSY,
    FaultKind.BROWN_OUT, FaultKind.DOOR, FaultKind.EVENT_WRAP, FaultKind.VOLUME_DROP,
)  # fmt: skip
# Longer ranges brought up worlds in which all volume counters fell and nobody could see it: while the pump was busy, or
# before the first tenth of a millilitre.
SEEDS = (*range(8), 14, 30, 31, 93)


@pytest.mark.hazard("H13")
@pytest.mark.hazard("H53")
@pytest.mark.hazard("H54")
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_the_line_does_no_press_gives_two_starts_and_the_account_holds(seed: int) -> None:
    chance = Random(seed)
    made = miva_world(seed)
    submit(made, SHORT)
    presses = 1
    made.press(A, Button.CONFIRM)
    for _ in range(4):
        made.run_for(chance.randint(1, 120) * S // 2)
        _go_wrong(made, chance)
        if chance.random() < 0.3:
            made.press(A, Button.CONFIRM)
            presses += 1
    made.run_for(3 * MINUTE)
    made.heal_all()
    if A not in made.linked:
        made.plug_in(A)
    made.run_for(20 * MINUTE)
    frames = b"".join(write.frame for _, write in made.seen.writes)
    assert FrameDecoder().receive(frames).count("WT01") <= presses
    seen = truth(made)
    assert seen.starts <= 1
    assert seen.delivered_ul < 2_501
    assert seen.commanded_flow_ul_h == 0
    assert ledger_covers_truth(made)
    assert state(made) not in {"stopping", "starting", "infusing"}


def _go_wrong(made: World, chance: Random) -> None:
    for_ns = chance.choice([5, 60, 200]) * S
    if chance.random() < 0.7:
        mishap, by = chance.choice(MISHAPS)
        made.inject(mishap, A, by=by, for_ns=for_ns)
    else:
        made.inject(Fault(chance.choice(FAULTS), chance.randint(1, 4)), A, for_ns=for_ns)
