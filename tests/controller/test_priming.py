"""A line is primed in idle, by a person who says that nobody is connected, and never into the patient's account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import NOT_CONNECTED, Alarm, IdentityFlag, PumpState, RefusalReason
from pumpctl.configuration import Mode
from pumpctl.core.delivery import DeliveryState
from pumpctl.events import GuardChanged, Recorded, RecordFailed
from tests.controller.desk import ONE_CHANNEL, A, Desk
from tests.controller.orders import once
from tests.controller.pump_double import IDENTITY_FLAGS, PumpDouble
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
    assert [reason.code for reason in desk.refused(number).reasons] == ["prime_given_up"]
    assert desk.channel.priming is None


def test_a_record_of_a_wish_that_was_given_up_lets_no_later_one_leave():
    desk = _idle()
    desk.holds_records = True
    desk.ask("prime", **FULL)
    desk.run_for(6_000)
    first = desk.held.pop(0)  # its refusal is recorded after it
    desk.ask("prime", **FULL)
    desk.tell(Recorded(first))
    desk.run_for(3_000)
    assert desk.written(wire.Prime) == 0
    desk.release_records()
    desk.must(lambda: desk.written(wire.Prime) == 1, 3_000)


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


@pytest.mark.hazard("H78")
def test_a_mode_that_does_not_drive_this_pump_does_not_prime_with_it():
    channels = (replace(ONE_CHANNEL[0], firmware=("companion-sim sim-1.0",)),)
    real = PumpDouble(flags=IDENTITY_FLAGS & ~IdentityFlag.SIMULATED)
    desk = Desk(channels, Mode.THERAPY, doubles={A: real})
    desk.plug_in()
    desk.run_for(1_000)
    refusal = desk.refused(desk.ask_and_wait("prime", **FULL))
    assert [reason.code for reason in refusal.reasons] == ["mode_refuses_pump"]
    desk.run_for(3_000)
    assert desk.written(wire.Prime) == 0


def _guard_dies(desk: Desk) -> None:
    desk.tell(GuardChanged(alive=False))


def _alarms(desk: Desk) -> None:
    desk.pump.alarms |= Alarm.AIR_IN_LINE
    desk.run_for(1_500)


def _an_order_is_loaded(desk: Desk) -> None:
    desk.submit(once())


@pytest.mark.hazard("H30")
@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (_guard_dies, "guard_absent"),
        (_alarms, "pump_not_idle"),
        (_an_order_is_loaded, "channel_busy"),
    ],
)
def test_what_happens_before_the_write_ends_the_wish(happens: Callable[[Desk], None], code: str):
    desk = _idle()
    desk.holds_records = True
    desk.ask("prime", **FULL)
    desk.run_for(500)
    happens(desk)
    desk.release_records()
    desk.run_for(10_000)
    assert (desk.written(wire.Prime), desk.channel.priming) == (0, None)
    (refused,) = desk.recorded("prime_refused")
    assert code in {reason["code"] for reason in refused.body["reasons"]}


@pytest.mark.hazard("H30")
def test_a_pump_last_heard_seconds_ago_is_asked_first():
    """In idle it is asked every 5 s; a line is filled on the word of the last 3 s."""
    desk = _idle()
    desk.must(lambda: desk.link_ns - _last_asked(desk) > 4_000_000_000, 10_000)
    desk.pump.deny = {wire.GetStatus: RefusalReason.BAD_STATE}
    desk.ask_and_wait("prime", **FULL)
    assert desk.written(wire.Prime) == 0
    assert [reason["code"] for reason in desk.recorded("prime_refused")[0].body["reasons"]] == ["status_stale"]
    desk.pump.deny = {}
    desk.run_for(10_000)
    desk.must(lambda: desk.link_ns - _last_asked(desk) > 4_000_000_000, 10_000)
    desk.ask_and_wait("prime", **FULL)
    assert desk.written(wire.Prime) == 1


def _last_asked(desk: Desk) -> int:
    assert desk.channel.status is not None
    return desk.channel.status.asked.link_ns


def _idle_after_an_infusion() -> Desk:
    """Its settlement names the counters from which the next life would find what moved since."""
    desk = infusing(once())
    desk.run_for(5_000)
    desk.ask("stop")
    desk.must_be(D.STOPPED, 3_000)
    desk.ask("clear", persons=["a", "b"])
    desk.must_be(D.IDLE, 3_000)
    return desk


def _next_life(desk: Desk) -> Desk:
    again = desk.restarted()
    again.plug_in()
    again.run_for(8_000)
    return again


@pytest.mark.hazard("H20")
def test_a_prime_is_not_the_patients_in_the_next_life_either():
    desk = _idle_after_an_infusion()
    desk.ask_and_wait("prime", **FULL)
    desk.must(lambda: bool(desk.recorded("primed")), 40_000)
    again = _next_life(desk)
    assert (again.state, again.latched, _booked(again)) == (D.IDLE, set(), [])


@pytest.mark.hazard("H20")
def test_nor_is_one_that_was_stopped_in_the_middle():
    desk = _idle_after_an_infusion()
    before_ul = desk.pump.moved_ul
    desk.ask_and_wait("prime", **FULL)
    desk.run_for(5_000)
    desk.ask("stop")
    desk.must(lambda: bool(desk.recorded("primed")), 3_000)
    (primed,) = desk.recorded("primed")
    assert primed.body["moved_ul"] == pytest.approx(desk.pump.moved_ul - before_ul, abs=50)
    again = _next_life(desk)
    assert (again.state, again.latched, _booked(again)) == (D.IDLE, set(), [])


@pytest.mark.hazard("H20")
def test_the_prime_of_an_older_journal_counts_as_the_patients():
    desk = _idle_after_an_infusion()
    desk.ask_and_wait("prime", **FULL)
    desk.must(lambda: bool(desk.recorded("primed")), 40_000)
    cast("dict[str, object]", desk.recorded("primed")[0].body).pop("counters")
    again = _next_life(desk)
    assert again.latched == {"moved_while_stopped"}
    assert [record.body["moved_ul"] for record in again.recorded("external_dose")] == [2_000]
