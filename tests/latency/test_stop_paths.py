"""Each way to stop, once, over a real pty: that it stops, who wrote it, and that nothing doses afterwards.

No time is judged here: `make stop-latency` does that.
"""

from __future__ import annotations

from random import Random

import pytest

from protocols.companion.messages import GetStatus, Resume, Start, Stop
from simulator.instant import SimNow
from tests.latency.line import RecordedLine
from tests.latency.trials import Trouble, normal, troubled

STALL_S = 3


@pytest.mark.hazard("H46")
def test_a_daemon_that_is_well_stops_its_pumps_itself(seed: int):
    trials = normal(Random(seed), count=3)
    assert [(t.starts, t.dosed_after_stop, t.killed, t.stopped) for t in trials] == [(1, 0, False, True)] * 3
    assert all(trial.took_ns > 0 for trial in trials)


@pytest.mark.hazard("H46")
@pytest.mark.parametrize("trouble", Trouble)
def test_a_daemon_that_hangs_is_ended_and_its_pump_stopped(trouble: Trouble, seed: int):
    trial = troubled(trouble, STALL_S, Random(seed))
    assert (trial.starts, trial.dosed_after_stop, trial.killed, trial.stopped) == (1, 0, True, True)


def test_a_dose_behind_a_stop_would_be_seen():
    line = RecordedLine("SIM-p1", 1, lambda: SimNow(0, 0))
    start, resume = Start(program_id=b"\x01" * 8, token=1), Resume(program_id=b"\x01" * 8, token=2)
    try:
        line.heard = [(1, start), (2, GetStatus())]
        assert (line.starts, line.dosed_after_stop, line.stops_ns) == (1, 0, [])
        line.heard += [(3, Stop()), (4, GetStatus()), (5, Stop())]
        assert (line.dosed_after_stop, line.stops_ns) == (0, [3, 5])
        line.heard += [(6, resume), (7, start)]
        assert line.dosed_after_stop == 2
    finally:
        line.close()
