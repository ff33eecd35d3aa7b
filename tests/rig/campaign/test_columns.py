"""Rows as Parquet, read back by the library itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import parquet

from simulator.rig.campaign.columns import NoColumns, write_columns
from simulator.rig.campaign.outcome import Broken, Outcome, Row


def test_each_run_is_a_row_with_what_happened_in_it(tmp_path: Path):
    quiet = Outcome(
        digest="aa", started=False, ended="limit", is_live=None, pump_ms=0, fired={}, excess_ul={}, broken=()
    )
    broken = (Broken(invariant="I6", at_ns=7, detail="a start"), Broken(invariant="I3", at_ns=9, detail="less"))
    loud = quiet.model_copy(
        update={
            "started": True,
            "fired": {"loss": 2, "door": 1},
            "excess_ul": {"siphon": 70},
            "broken": broken,
        }
    )
    path = tmp_path / "new" / "rows.parquet"
    write_columns(path, 3, [Row(index=4, outcome=quiet), Row(index=9, outcome=loud)])
    first, second = parquet.read_table(path).to_pylist()
    assert (first["seed"], first["run"], first["live"], first["violations"]) == (3, 4, None, [])
    assert (second["run"], second["started"], dict(second["fired"])) == (9, True, {"loss": 2, "door": 1})
    assert [each["invariant"] for each in second["violations"]] == ["I6", "I3"]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path):
    with pytest.raises(NoColumns, match=tmp_path.name):
        write_columns(tmp_path, 1, [])
