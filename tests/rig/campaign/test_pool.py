"""Where a run is performed changes nothing: one process, two, or none but this one."""

from __future__ import annotations

import multiprocessing
from contextlib import closing

import pytest

from simulator.rig.campaign.drawing import drawn_plan
from simulator.rig.campaign.outcome import Row
from simulator.rig.campaign.pool import Here, Pool, Series

QUICK = Series(seed=4, kinds=("door", "torn_write", "power_cycle", "stop_request"))
SHORT_ONES = sorted(range(100), key=lambda index: drawn_plan(QUICK.seed, index, QUICK.kinds).limit_ns)[:4]


def test_one_process_or_two_the_rows_are_the_same():
    here = {row.index: row for row in Here().rows(QUICK, SHORT_ONES)}
    assert sorted(here) == sorted(SHORT_ONES)
    assert {row.index: row for row in Pool(2).rows(QUICK, SHORT_ONES)} == here


def test_whoever_leaves_early_leaves_nobody_behind():
    before = set(multiprocessing.active_children())
    with closing(Pool(2).rows(QUICK, SHORT_ONES * 10)) as rows:  # pyright: ignore
        assert isinstance(next(rows), Row)
        assert set(multiprocessing.active_children()) - before
    assert not set(multiprocessing.active_children()) - before


def test_no_runs_no_rows():
    assert list(Pool(1).rows(QUICK, [])) == []


def test_what_a_worker_raises_arrives_here():
    with pytest.raises(KeyError, match="gremlin"):
        list(Pool(1).rows(Series(seed=1, kinds=("gremlin",)), [0]))
