"""What a daemon makes of a past or of an answer that lacks something: never less than may have been given."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import RefusalReason
from pumpctl.configuration import JournalCondition, JournalContent, PastRecord
from pumpctl.core.delivered import Counters
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.limit import Measure
from pumpctl.core.order import MAX_OVERRIDES
from pumpctl.core.rules.finding import Severity
from pumpctl.drivers.pump import Denied, PumpActivity, ReadEvent
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.settling import STOPPED, settle
from pumpctl.supervision.uncommanded import moved_uncommanded_ul
from tests.controller.desk import LIBRARY, A, Desk
from tests.controller.happenings import FACTS, hear, status
from tests.controller.orders import PATIENT, START_UTC_MS, once
from tests.controller.scenes import infusing, loaded, two_channels

D = DeliveryState


def _after(kind: str, body: dict[str, Any], desk: Desk | None = None, **options: Any) -> Desk:  # noqa: ANN401
    """A daemon that finds this record, behind those that another one has left."""
    kept = [PastRecord(r.seq, r.kind, dict(r.body), r.utc_ms) for r in desk.records] if desk else []
    kept.append(PastRecord(len(kept) + 1, kind, body, START_UTC_MS))
    return Desk(past=JournalContent(JournalCondition.SOUND, "", tuple(kept)), **options)


def test_after_a_retired_journal_each_patient_has_had_more_than_any_cap():
    desk = _after("journal_retired", {}, channels=two_channels(same_patient=False))
    caps = [
        limit.above.ceiling()
        for limit in LIBRARY.limits
        if limit.measure in {Measure.DOSE_24H, Measure.DOSE_7D} and limit.severity is Severity.HARD and limit.above
    ]
    segments = desk.controller.ward.ledger.segments
    assert sorted(segment.patient_id for segment in segments) == [PATIENT, "patient-0002"]
    assert len(caps) > 2
    assert {segment.most_ug for segment in segments} == {max(caps) + 1}


def test_a_cancelled_order_stays_cancelled_over_a_restart():
    for cancels in (False, True):
        desk = loaded(once())
        if cancels:
            desk.ask_and_wait("order.cancel", order=next(iter(desk.controller.ward.orders)))
        again = desk.restarted()
        again.plug_in()
        again.run_for(3_000)
        number = again.prepare()
        again.run_for(3_000)
        if cancels:
            assert [reason.code for reason in again.refused(number).reasons] == ["order_cancelled"]
        else:
            assert again.given(number)["prepared"]


def test_an_order_that_nothing_is_loaded_of_is_cancelled_without_a_stop():
    desk = loaded(once())
    digest = next(iter(desk.controller.ward.orders))
    desk.ask("stop")
    desk.must_be(D.STOPPED, 3_000)
    stops = len(desk.recorded("stop_requested"))
    assert desk.given(desk.ask_and_wait("order.cancel", order=digest))["cancelled"] is True
    assert len(desk.recorded("stop_requested")) == stops


def test_a_start_that_the_pump_denied_is_nothing_after_a_restart_either():
    desk = loaded(once())
    desk.pump.deny = {wire.Start: RefusalReason.TOKEN_EXPIRED}
    desk.press()
    desk.must(lambda: bool(desk.recorded("dosing_outcome")), 3_000)
    again = desk.restarted()
    assert again.channel.infusion is None
    assert again.controller.ward.ledger.segments == ()
    until_then = [record.seq for record in desk.recorded("dosing_intent")][-1]
    unknown = desk.restarted(durable=until_then)  # without the outcome it may have run
    assert unknown.channel.infusion is not None
    assert [segment.most_ug for segment in unknown.controller.ward.ledger.segments] == [210_000]


def test_a_check_of_an_order_that_nobody_accepted_lets_nothing_start():
    desk = loaded(once())
    (checked,) = desk.recorded("bag_checked")
    again = _after("bag_checked", {**checked.body, "order": "0" * 64}, desk)
    (accepted,) = again.controller.ward.orders.values()
    assert list(accepted.checks) == [1]
    alone = _after("bag_checked", dict(checked.body))
    assert alone.controller.ward.orders == {}


@pytest.mark.parametrize("seen", [True, False])
def test_an_account_is_closed_with_the_worst_where_no_status_was_seen(seen: bool):
    desk = infusing(once())
    desk.run_for(60_000)
    channel, out = desk.channel, Outbox(10_000, desk.now)
    assert channel.infusion is not None
    assert channel.infusion.delivered is not None
    most_ul = channel.infusion.delivered.most_ul(desk.now.therapy_ns)
    assert most_ul >= desk.pump.moved_ul > 0
    if not seen:
        channel.status, channel.still_base = None, None
    settle(desk.controller.ward, channel, STOPPED, out)
    (settled,) = [effect for effect in out.effects() if getattr(effect, "kind", "") == "settled"]
    body: dict[str, Any] = getattr(settled, "body", {})
    assert body["most_ul"] == most_ul
    assert ("counters" in body) is seen
    assert desk.controller.ward.ledger.segments[0].most_ug == most_ul * 20
    again = _after("settled", body, desk)  # with counters or without, it is read again
    assert again.channel.infusion is None
    assert (again.channel.still_base is not None) is seen
    assert again.controller.ward.ledger.segments[0].most_ug == most_ul * 20


def test_nothing_has_moved_uncommanded_before_the_first_status():
    desk = Desk()
    assert moved_uncommanded_ul(desk.channel, Counters(1, 500, 500, 500)) == 0
    desk.channel.still_base = Counters(1, 200, 200, 200)
    assert moved_uncommanded_ul(desk.channel, Counters(1, 500, 500, 500)) == 300
    assert moved_uncommanded_ul(desk.channel, Counters(2, 500, 500, 500)) == 500
    assert moved_uncommanded_ul(desk.channel, Counters(2, 500, 500, None)) == 500


def test_a_read_back_that_nobody_needs_any_more_changes_nothing():
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    hear(desk, FACTS["program_read_other"](desk))
    desk.run_for(3_000)
    assert desk.state is D.IDLE
    assert not desk.channel.read_back_equal


def test_history_that_the_pump_has_overwritten_is_not_asked_for_again():
    desk = infusing(once())
    hear(desk, status(desk, PumpActivity.INFUSING, event_count=40))
    desk.channel.event_cursor = 3
    hear(desk, Denied(ReadEvent(3), "no_such_event"))
    assert desk.channel.event_cursor == 40
    desk.channel.status = None
    hear(desk, Denied(ReadEvent(3), "no_such_event"))
    assert desk.channel.event_cursor is None


@pytest.mark.parametrize(("names", "right"), [(4, True), (5, False), (0, False)])
def test_a_latch_is_cleared_by_one_to_four_names(names: int, right: bool):
    desk = infusing(once())
    desk.ask("stop")
    desk.must_be(D.STOPPED, 3_000)
    number = desk.ask_and_wait("clear", channel=A, persons=[f"nurse {each}" for each in range(names)])
    if right:
        assert desk.given(number)
        assert not desk.latched
    else:
        assert (desk.refused(number).exit_code, desk.refused(number).reasons[0].code) == (2, "bad_parameter")
        assert desk.latched


@pytest.mark.parametrize(("more", "exit_code"), [(0, None), (1, 2)])
def test_overrides_are_a_bounded_list(more: int, exit_code: int | None):
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    number = desk.submit(once(), overrides=["Q31=pharmacist:agreed"] * (MAX_OVERRIDES + more))
    desk.run_for(1_000)
    if exit_code is None:
        assert desk.given(number)["order"]
    else:
        assert desk.refused(number).exit_code == exit_code
    assert desk.refused(desk.submit(once("other"), overrides="Q31=pharmacist:agreed")).exit_code == 2
