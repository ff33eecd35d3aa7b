"""The journal's double against what the real journal promises: durable when told so, final when failed."""

from __future__ import annotations

import pytest

from pumpctl.configuration import JournalCondition
from pumpctl.effects import Record
from pumpctl.events import Recorded, RecordFailed
from simulator.rig.disk import Disk, journal_of

SYNC_NS = 1_000


def record(seq: int) -> Record:
    return Record(seq, "progress", {"pair": (seq, 1)}, 0)


def disk(*seqs: int) -> Disk:
    """A sound disk on which these are durable."""
    made = Disk(SYNC_NS)
    for seq in seqs:
        made.append(record(seq))
        made.begin(0)
        assert made.finish() == Recorded(seq)
    return made


def read(made: Disk) -> list[int]:
    return [each.seq for each in made.read().records]


def test_what_waits_is_one_group_and_its_head_is_told():
    made = Disk(SYNC_NS)
    made.append(record(1))
    assert made.begin(10) == 10 + SYNC_NS
    made.append(record(2))
    made.append(record(3))
    assert made.begin(20) is None  # the writer is busy
    assert made.finish() == Recorded(1)
    assert made.begin(30) == 30 + SYNC_NS
    assert made.finish() == Recorded(3)
    assert read(made) == [1, 2, 3]
    assert made.read().records[0].body == {"pair": [1, 1]}  # as JSON gives it back


@pytest.mark.parametrize(("at_ns", "power_lost", "kept"), [
    (SYNC_NS // 2 - 1, False, []), (SYNC_NS // 2, False, [1]), (SYNC_NS - 1, True, []),
])  # fmt: skip
def test_a_process_leaves_what_it_wrote_and_a_power_loss_what_was_synced(at_ns: int, power_lost: bool, kept: list[int]):
    made = Disk(SYNC_NS)
    made.append(record(1))
    made.begin(0)
    made.append(record(2))
    made.end_of_process(at_ns, power_lost=power_lost)
    assert read(made) == kept
    assert made.begin(SYNC_NS) is None  # what was queued is nobody's


@pytest.mark.parametrize("trouble", ["full", "sync"])
def test_the_first_failure_is_final_for_the_process(trouble: str):
    made = disk(1)
    if trouble == "full":
        made.full = True
    else:
        made.sync_failure = 0
    made.append(record(2))
    made.begin(0)
    assert isinstance(made.finish(), RecordFailed)
    made.full = False
    made.append(record(3))
    assert made.begin(0) is None
    assert read(made) == [1]
    made.end_of_process(0, power_lost=False)
    made.append(record(2))
    made.begin(0)
    assert made.finish() == Recorded(2)


def test_an_anchor_that_cannot_be_synced_fails_with_the_rows_there():
    made = disk(1)
    made.sync_failure = 1
    made.append(record(2))
    made.begin(0)
    assert isinstance(made.finish(), RecordFailed)
    assert read(made) == [1, 2]
    assert made.read().condition is JournalCondition.SOUND


def test_a_file_that_ends_before_its_anchor_is_damaged():
    made = disk(1, 2)
    made.append(record(3))
    made.begin(0)
    made.end_of_process(SYNC_NS // 2, power_lost=False)  # in the file, and the anchor has not seen it
    made.tear(1)
    assert made.read().condition is JournalCondition.SOUND
    made.tear(1)
    content = made.read()
    assert content.condition is JournalCondition.DAMAGED
    assert "records are gone" in content.reason


def test_damage_is_found_again_at_each_start_whatever_is_written_since():
    made = disk(1, 2)
    made.tear(1)
    reason = made.read().reason
    for seq in (2, 3):
        made.append(record(seq))
        made.begin(0)
        made.finish()
    assert made.read().reason == reason != ""
    made.adopt(journal_of([record(1)]))
    assert made.read().condition is JournalCondition.SOUND


def test_a_record_out_of_order_or_without_a_text_ends_the_journal():
    for bad in (record(1), Record(2, "progress", {"x": object()}, 0)):
        made = disk(1)
        made.append(bad)
        made.begin(0)
        assert isinstance(made.finish(), RecordFailed)
