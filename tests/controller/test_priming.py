"""A line is primed in idle, by a person who says that nobody is connected, and never into the patient's account."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import NOT_CONNECTED, PumpState, RefusalReason
from pumpctl.core.delivery import DeliveryState
from pumpctl.effects import Reply
from pumpctl.events import GuardChanged, RecordFailed
from tests.controller.desk import Desk
from tests.controller.orders import once
from tests.controller.scenes import infusing, loaded

D = DeliveryState
FULL: dict[str, object] = {"volume": "2 mL", "flow": "300 mL/h", "not_connected": True}


def _idle() -> Desk:
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    return desk


def _booked(desk: Desk) -> list[object]:
    return [segment for segment in desk.controller.ward.ledger.segments if segment.key.startswith("external:")]


@pytest.mark.hazard("H20")
def test_a_prime_goes_to_the_bag_and_not_to_the_patient():
    desk = _idle()
    desk.given(desk.ask_and_wait("prime", **FULL))
    desk.must(lambda: bool(desk.recorded("primed")), 40_000)
    assert desk.recorded("primed")[0].body["moved_ul"] == 2_000
    assert desk.pump.moved_ul == 2_000
    assert [m for _, m in desk.pump.heard if isinstance(m, wire.Prime)] == [wire.Prime(2_000, 300_000, NOT_CONNECTED)]
    desk.run_for(20_000)
    assert (desk.state, desk.latched, _booked(desk)) == (D.IDLE, set(), [])
    desk.submit(once())
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)


@pytest.mark.hazard("H20")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"not_connected": False}, "not_disconnected"),
        ({"not_connected": "yes"}, "not_disconnected"),
        ({"volume": "5.001 mL"}, "prime_volume"),
        ({"volume": "0.0005 mL"}, "prime_volume"),
        ({"flow": "0.05 mL/h"}, "prime_flow"),
        ({"flow": "1200.1 mL/h"}, "prime_flow"),
        ({"flow": "100.05 mL/h"}, "prime_flow"),
        ({"volume": "2"}, "bad_parameter"),
    ],
)
def test_what_is_not_allowed_is_refused_and_never_rounded(changes: dict[str, object], code: str):
    desk = _idle()
    refusal = desk.refused(desk.ask_and_wait("prime", **(FULL | changes)))
    assert code in {reason.code for reason in refusal.reasons}
    assert desk.pump.count(wire.Prime) == 0


def test_five_millilitres_are_allowed():
    desk = _idle()
    desk.given(desk.ask_and_wait("prime", **(FULL | {"volume": "5 mL"})))


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("state", [D.UNKNOWN, D.AWAITING_CONFIRMATION, D.INFUSING, D.COMPLETED, D.STOPPED])
def test_only_in_idle(state: DeliveryState):
    if state is D.UNKNOWN:
        desk = Desk()
    elif state is D.AWAITING_CONFIRMATION:
        desk = loaded(once())
    else:
        desk = infusing(once())
        if state is D.STOPPED:
            desk.ask("stop")
        desk.must_be(state, 4_000_000)
    refusal = desk.refused(desk.ask_and_wait("prime", **FULL))
    assert "channel_busy" in {reason.code for reason in refusal.reasons}


def test_not_without_a_guard_nor_a_journal():
    desk = _idle()
    desk.tell(GuardChanged(alive=False))
    assert "guard_absent" in {r.code for r in desk.refused(desk.ask_and_wait("prime", **FULL)).reasons}
    desk = _idle()
    desk.holds_records = True
    number = desk.ask("prime", **FULL)
    desk.run_for(2_000)
    assert desk.pump.count(wire.Prime) == 0  # not before its record is durable
    desk.tell(RecordFailed("disk full"))
    assert desk.refused(number).exit_code == 1
    desk.run_for(10_000)
    assert desk.pump.count(wire.Prime) == 0


def test_a_wish_that_cannot_leave_within_five_seconds_is_dead():
    desk = _idle()
    desk.holds_records = True
    number = desk.ask("prime", **FULL)
    desk.run_for(6_000)
    desk.release_records()
    desk.run_for(3_000)
    assert desk.pump.count(wire.Prime) == 0
    assert isinstance(desk.answers[number], Reply)
    assert desk.channel.priming is None


@pytest.mark.hazard("H20")
def test_an_overrun_is_stopped_and_what_is_beyond_the_wish_is_the_patients():
    desk = _idle()
    desk.ask_and_wait("prime", **FULL)
    desk.must(lambda: desk.pump.state is PumpState.PRIMING, 3_000)
    desk.pump.prime_left_ul = 10_000
    desk.must_be(D.STOPPED, 60_000)
    assert desk.latched == {"runs_uncommanded"}
    booked = desk.recorded("external_dose")
    assert sum(record.body["moved_ul"] for record in booked) == desk.pump.moved_ul - 2_000


@pytest.mark.hazard("H20")
def test_a_stop_in_the_middle_leaves_nothing_with_the_patient():
    desk = _idle()
    desk.ask_and_wait("prime", **FULL)
    desk.run_for(5_000)
    desk.ask("stop")
    desk.run_for(3_000)
    assert 0 < desk.pump.moved_ul < 2_000
    assert _booked(desk) == []


def test_a_pump_that_refuses_is_idle_again():
    desk = _idle()
    desk.pump.deny = {wire.Prime: RefusalReason.PRIME_REFUSED}
    desk.ask_and_wait("prime", **FULL)
    desk.run_for(10_000)
    assert desk.pump.count(wire.Prime) == 1
    assert (desk.state, desk.channel.priming) == (D.IDLE, None)
    (refused,) = desk.recorded("prime_refused")
    assert refused.body["channel"] == desk.channel.name
    assert [reason["code"] for reason in refused.body["reasons"]] == ["pump_refused_prime_refused"]
