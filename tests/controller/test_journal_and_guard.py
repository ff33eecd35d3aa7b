"""Without a journal or a guard nothing starts; STOP needs neither."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.companion import messages as wire
from pumpctl.configuration import JournalCondition, JournalContent, PastRecord
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.exposure import MAX_SEGMENTS
from pumpctl.core.reason import Priority
from pumpctl.effects import ArmGuard
from pumpctl.events import GuardChanged, GuardFired, RecordFailed
from tests.controller.desk import A, Desk
from tests.controller.orders import START_UTC_MS, once
from tests.controller.scenes import infusing, loaded

D = DeliveryState


def _damaged(records: tuple[PastRecord, ...]) -> Desk:
    desk = Desk(past=JournalContent(JournalCondition.DAMAGED, "the chain is broken", records))
    desk.plug_in()
    desk.run_for(3_000)
    return desk


@pytest.mark.hazard("H70")
def test_a_damaged_journal_stops_latches_and_accepts_nothing():
    desk = _damaged(())
    assert desk.state is D.STOPPED
    assert desk.latched == {"journal_damaged"}
    assert desk.pump.count(wire.Stop) >= 1
    number = desk.submit(once())
    assert [reason.code for reason in desk.refused(number).reasons] == ["journal_unsound"]
    assert desk.refused(desk.ask_and_wait("clear", persons=["one"])).reasons[0].code == "two_persons_needed"
    desk.ask_and_wait("clear", persons=["one", "two"])
    assert desk.state is D.IDLE
    number = desk.submit(once())
    assert [reason.code for reason in desk.refused(number).reasons] == ["journal_unsound"]


@pytest.mark.hazard("H48")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("dosing_intent", {"channel": A, "program": "not a program"}),
        ("wall_clock_stepped", {"step_ms": "an hour"}),
        ("wall_clock_stepped", {}),
    ],
)
def test_a_record_that_cannot_be_replayed_does_not_keep_the_stop_only_daemon_down(kind: str, body: dict[str, str]):
    poison = PastRecord(1, kind, body, START_UTC_MS)
    desk = _damaged((poison,))
    assert desk.latched == {"journal_damaged"}
    assert "[1]" in desk.channel.latched[0].message
    with pytest.raises((TypeError, KeyError)):
        Desk(past=JournalContent(JournalCondition.SOUND, "", (poison,)))


@pytest.mark.hazard("H68")
def test_a_failed_journal_refuses_starts_lets_run_and_stops():
    desk = infusing(once())
    desk.tell(RecordFailed("disk full"))
    (alarm,) = desk.alarms("journal_failed")
    assert alarm.priority is Priority.MEDIUM
    desk.run_for(120_000)
    assert desk.state is D.INFUSING
    desk.ask("stop")
    desk.must_be(D.STOPPED, 1_000)


@pytest.mark.hazard("H68")
def test_a_journal_that_fails_before_the_press_refuses_it():
    desk = loaded(once())
    desk.tell(RecordFailed("disk full"))
    desk.press()
    desk.run_for(3_000)
    assert desk.written(wire.Start) == 0
    assert not desk.recorded("dosing_intent")
    assert "journal_unsound" in desk.alarms("start_refused")[0].message


def test_a_stop_does_not_wait_for_the_disk():
    desk = infusing(once())
    desk.holds_records = True
    desk.ask("stop")
    desk.must_be(D.STOPPED, 1_000)


def test_while_drug_flows_the_journal_proves_itself_once_a_minute():
    desk = infusing(once())
    desk.run_for(600_000)
    progress = desk.recorded("progress")
    assert 10 <= len(progress) <= 12
    for record in progress:
        assert record.body["least_ul"] <= record.body["most_ul"]


@pytest.mark.parametrize("alive", [True, False])
def test_only_a_living_guard_lets_start(alive: bool):
    desk = loaded(once())
    desk.tell(GuardChanged(alive=alive))
    desk.press()
    desk.run_for(3_000)
    assert (desk.written(wire.Start) == 1) is alive


def test_a_guard_that_never_spoke_counts_as_absent():
    desk = loaded(once(), guard=False)
    desk.press()
    desk.run_for(3_000)
    assert desk.written(wire.Start) == 0
    assert "guard_absent" in desk.alarms("start_refused")[0].message


def test_a_guard_that_is_back_is_armed_anew_and_its_alarm_ends():
    desk = infusing(once())
    desk.tell(GuardChanged(alive=False))
    assert desk.active_alarms() == {"guard_absent"}
    desk.run_for(60_000)
    assert desk.state is D.INFUSING
    before = len(desk.effects)
    desk.tell(GuardChanged(alive=True))
    assert any(isinstance(effect, ArmGuard) for effect in desk.effects[before:])
    assert desk.active_alarms() == set()


@pytest.mark.hazard("H46")
def test_what_the_guard_stopped_comes_up_latched():
    desk = Desk()
    desk.tell(GuardFired((A, "unknown"), "no heartbeat for 1 s"))
    desk.plug_in()
    desk.must_be(D.STOPPED, 3_000)
    assert desk.latched == {"guard_stopped"}
    again = desk.restarted()
    again.plug_in()
    again.must_be(D.STOPPED, 3_000)
    assert again.latched == {"guard_stopped"}


def _settled_long_ago(number: int, days: int, body: dict[str, Any]) -> PastRecord:
    program = {**body["program"], "program_id": number.to_bytes(8, "big").hex()}
    at_ms = START_UTC_MS - days * 86_400_000 - number
    account = {
        "least_ul": 1,
        "most_ul": 1,
        "started_ms": at_ms - 1,
        "ended_ms": at_ms,
        "how": "stopped",
        "certainty": "committed",
    }
    return PastRecord(number, "settled", {"channel": A, "program": program, **account}, at_ms)


def test_doses_that_no_window_reaches_any_more_are_forgotten_before_the_ledger_is_full():
    desk = infusing(once())
    desk.ask("stop")
    desk.must_be(D.STOPPED)
    settled = dict(desk.recorded("settled")[0].body)
    old = tuple(_settled_long_ago(number, 40, settled) for number in range(1, MAX_SEGMENTS + 1))
    again = Desk(past=JournalContent(JournalCondition.SOUND, "", old))
    again.plug_in()
    again.run_for(1_000)
    again.submit(once("another"))
    again.run_for(3_000)
    again.press()
    again.must_be(D.INFUSING, 5_000)
    assert len(again.controller.ward.ledger.segments) == 1
