"""What stands between a person's press and a rising flow, in the circumstances that hardly ever come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import PumpState
from pumpctl.core.delivery import DeliveryState, Trigger
from pumpctl.core.reason import Reason
from pumpctl.drivers.pump import ConfirmationRead, PumpActivity
from pumpctl.events import Recorded
from pumpctl.supervision.bag_checks import MAX_USED_BAGS
from pumpctl.supervision.channel import IllegalMove
from pumpctl.supervision.ordering import MAX_ORDERS
from tests.controller.desk import A, Desk
from tests.controller.happenings import hear, status
from tests.controller.orders import monitored_iv_continuous, once
from tests.controller.pump_double import PumpDouble
from tests.controller.scenes import infusing, loaded

D = DeliveryState


def _confirmed(desk: Desk, token: int, *, for_resume: bool) -> None:
    infusion = desk.channel.infusion
    assert infusion is not None
    hear(desk, ConfirmationRead(infusion.program_id, token, for_resume=for_resume))


def _ready_to_resume() -> Desk:
    desk = infusing(once())
    desk.run_for(60_000)
    desk.ask("pause")
    desk.must_be(D.PAUSED)
    desk.ask("resume")
    desk.must_be(D.AWAITING_CONFIRMATION, 2_000)
    return desk


@pytest.mark.parametrize("resume", [False, True])
def test_a_press_for_a_start_resumes_nothing_and_the_other_way_round(resume: bool):
    desk = _ready_to_resume() if resume else loaded(once())
    before = len(desk.recorded("dosing_intent"))
    _confirmed(desk, 77, for_resume=not resume)
    assert len(desk.recorded("dosing_intent")) == before
    assert desk.state is D.AWAITING_CONFIRMATION
    _confirmed(desk, 77, for_resume=resume)  # the token was not used up by what it was not for
    assert [record.body["resume"] for record in desk.recorded("dosing_intent")[before:]] == [resume]


def _accepted(desk: Desk) -> Any:  # noqa: ANN401
    (accepted,) = desk.controller.ward.orders.values()
    return accepted


WITHOUT: dict[str, Callable[[Desk], object]] = {
    "no_order": lambda desk: desk.controller.ward.orders.clear(),
    "order_cancelled": lambda desk: setattr(_accepted(desk), "cancelled", True),
    "no_bag_check": lambda desk: _accepted(desk).checks.clear(),
}


def _refused_with(desk: Desk) -> list[str]:
    """What spoke against the order, of all starts that were refused."""
    reasons = [reason for record in desk.recorded("start_refused") for reason in record.body["reasons"]]
    assert {reason["code"] for reason in reasons} <= {"order_refused_now"}
    return [told.partition(" ")[0] for reason in reasons for told in reason["message"].split("; ")]


@pytest.mark.parametrize("code", WITHOUT)
@pytest.mark.parametrize("durable_first", [False, True], ids=["at the press", "on the last metre"])
def test_a_program_without_its_order_or_its_bag_is_not_started(code: str, durable_first: bool):
    desk = loaded(once())
    desk.holds_records = True
    if durable_first:
        desk.press()
        desk.must_be(D.STARTING, 3_000)
    WITHOUT[code](desk)
    if durable_first:
        desk.tell(Recorded(max(desk.held)))
    else:
        desk.press()
    desk.must(lambda: bool(desk.recorded("start_refused")), 3_000)
    assert _refused_with(desk) == [code]
    desk.run_for(3_000)
    assert desk.written(wire.Start) == 0
    assert desk.state is D.AWAITING_CONFIRMATION


@pytest.mark.parametrize("known", [True, False])
def test_a_pause_of_unknown_length_is_too_long(known: bool):
    """S05."""
    desk = _ready_to_resume()
    assert desk.channel.infusion is not None
    if not known:
        desk.channel.infusion.paused_therapy_ns = None
    desk.press(token=9)
    desk.run_for(3_000)
    assert desk.written(wire.Resume) == int(known)
    assert _refused_with(desk)[:1] == ([] if known else ["S05"])


@pytest.mark.parametrize(("state", "flow_ul_h"), [(PumpState.INFUSING, 10_000), (PumpState.STOPPED, 0)])
def test_a_pause_that_ends_at_the_pump_is_a_stop(state: PumpState, flow_ul_h: int):
    """Nobody may resume there: the press goes through this daemon, with all that it asks."""
    desk = infusing(once())
    desk.run_for(60_000)
    desk.ask("pause")
    desk.must_be(D.PAUSED)
    desk.run_for(5_000)
    assert desk.state is D.PAUSED
    desk.pump.run_to(desk.link_ns)
    if flow_ul_h:
        desk.pump.state, desk.pump.flow_ul_h = state, flow_ul_h
    else:
        desk.pump.halt(state)
    desk.must_be(D.STOPPED, 8_000)
    assert desk.latched
    assert desk.pump.flow_ul_h == 0
    assert desk.written(wire.Resume) == 0
    (account,) = desk.recorded("settled")
    assert account.body["least_ul"] <= desk.pump.moved_ul <= account.body["most_ul"]


def test_a_status_asked_for_before_the_start_says_nothing_about_it():
    desk = loaded(once())
    desk.pump.mute = {wire.Start}
    desk.press()
    desk.must(lambda: desk.pump.count(wire.Start) == 1, 3_000)
    assert desk.channel.infusion is not None
    assert desk.channel.infusion.dosing is not None
    sent = desk.channel.infusion.dosing.sent
    assert sent is not None
    for early_ns, outcomes in ((1, []), (0, ["denied"])):
        asked = replace(sent, link_ns=sent.link_ns - early_ns)
        hear(desk, status(desk, PumpActivity.LOADED, asked=asked))
        assert [record.body["outcome"] for record in desk.recorded("dosing_outcome")] == outcomes
        assert desk.state is (D.AWAITING_CONFIRMATION if outcomes else D.STARTING)


def _renewals(desk: Desk, for_ms: int) -> int:
    before = desk.pump.count(wire.Renew)
    desk.run_for(for_ms)
    return desk.pump.count(wire.Renew) - before


def _latch(desk: Desk) -> None:
    desk.channel.latched = [Reason("door_open", "as left by somebody")]


def test_no_lease_is_renewed_while_anything_is_latched():
    desk = infusing(monitored_iv_continuous())
    assert _renewals(desk, 60_000) >= 1
    _latch(desk)
    assert _renewals(desk, 60_000) == 0


def test_a_program_without_a_lease_is_never_renewed():
    desk = infusing(once())
    desk.channel.lease_until_uptime_ms = 1
    assert _renewals(desk, 60_000) == 0


def test_a_lease_is_not_renewed_while_a_resume_is_under_way():
    """What the pump does is not known then; the answer tells, and the lease bounds what nobody hears of."""
    desk = infusing(monitored_iv_continuous())
    desk.ask("pause")
    desk.must_be(D.PAUSED)
    assert _renewals(desk, 60_000) >= 1
    desk.ask("resume")
    desk.must_be(D.AWAITING_CONFIRMATION, 2_000)
    assert _renewals(desk, 60_000) >= 1
    desk.holds_records = True
    desk.press(token=9)
    desk.must_be(D.STARTING, 3_000)
    desk.channel.lease_until_uptime_ms = 1
    assert _renewals(desk, 1_000) == 0


def test_who_is_not_looked_at_is_stopped_once_however_long_the_pump_takes():
    desk = infusing(monitored_iv_continuous())
    desk.looked_after = False
    desk.pump.ignores_stops = 10_000
    desk.must(lambda: desk.channel.stop is not None, 7_200_000)
    desk.run_for(10_000)
    assert desk.state is D.STOPPING
    told = [reason["code"] for record in desk.recorded("stop_requested") for reason in record.body["reasons"]]
    assert told == ["observation_lapsed"]
    assert 40 <= desk.written(wire.Stop) <= 42  # and asked for every quarter of a second, no more often


def test_a_transition_that_is_not_in_the_table_is_not_taken():
    desk = loaded(once())
    with pytest.raises(IllegalMove, match="start_proven in awaiting_confirmation"):
        desk.channel.move(Trigger.START_PROVEN)
    assert desk.state is D.AWAITING_CONFIRMATION


@pytest.mark.parametrize(("max_lease_ms", "prepared"), [(120_000, True), (119_999, False)])
def test_a_pump_that_cannot_give_the_program_gets_none(max_lease_ms: int, prepared: bool):
    """U04: the profile's lease is 120 s."""
    desk = Desk(doubles={A: PumpDouble(max_lease_ms=max_lease_ms)})
    desk.plug_in()
    desk.run_for(1_000)
    told = desk.given(_submitted(desk, monitored_iv_continuous()))
    assert bool(told["prepared"]) is prepared
    assert [reason["code"] for reason in told["not_prepared"]] == ([] if prepared else ["U04"])
    assert desk.pump.count(wire.Load) == int(prepared)


def _submitted(desk: Desk, order: dict[str, Any] | None = None) -> int:
    number = desk.submit(order or once())
    desk.run_for(3_000)
    return number


@pytest.mark.parametrize(("spare", "prepared"), [(1, True), (0, False)])
def test_no_bag_hangs_that_could_not_be_remembered(spare: int, prepared: bool):
    """B02 rests on it."""
    desk = Desk()
    desk.controller.ward.used_bags.update({f"bag {number}": ("x", 1) for number in range(MAX_USED_BAGS - spare)})
    desk.plug_in()
    desk.run_for(1_000)
    told = desk.given(_submitted(desk))
    assert bool(told["prepared"]) is prepared
    assert [reason["code"] for reason in told["not_prepared"]] == ([] if prepared else ["too_many_bags"])


@pytest.mark.parametrize(("spare", "codes"), [(1, []), (0, ["too_many_orders"])])
def test_no_order_is_taken_that_could_not_be_kept(spare: int, codes: list[str]):
    desk = loaded(once())
    orders = desk.controller.ward.orders
    accepted = _accepted(desk)
    orders.update({f"order {number}": accepted for number in range(MAX_ORDERS - spare - len(orders))})
    number = desk.submit(once("another"))
    desk.run_for(1_000)
    if codes:
        assert [reason.code for reason in desk.refused(number).reasons] == codes
    else:
        assert desk.given(number)["order"]
    assert len(orders) == MAX_ORDERS
