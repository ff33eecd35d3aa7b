"""While it runs: how often the pump is asked, and what makes the daemon stop it by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from protocols.companion import messages as wire
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Priority
from pumpctl.effects import Publish
from tests.controller.desk import Desk
from tests.controller.orders import monitored_iv, once
from tests.controller.scenes import infusing

D = DeliveryState


def _another_program(desk: Desk) -> None:
    load = desk.pump.program
    assert load is not None
    desk.pump.program = wire.Load(b"\x02" * 8, *(getattr(load, name) for name in _AFTER_THE_ID))


_AFTER_THE_ID = [name for name in wire.Load.__dataclass_fields__ if name not in {"TYPE", "program_id"}]


def _much_faster(desk: Desk) -> None:
    desk.pump.run_to(desk.link_ns)
    desk.pump.commanded_ul_h, desk.pump.flow_ul_h = 10_000, 14_000


def _faster(desk: Desk) -> None:
    desk.pump.run_to(desk.link_ns)
    desk.pump.commanded_ul_h, desk.pump.flow_ul_h = 10_000, 11_500


def _slightly_faster(desk: Desk) -> None:
    desk.pump.run_to(desk.link_ns)
    desk.pump.commanded_ul_h, desk.pump.flow_ul_h = 10_000, 10_500


def _stuck(desk: Desk) -> None:
    desk.pump.run_to(desk.link_ns)
    desk.pump.commanded_ul_h, desk.pump.measured_ul_h, desk.pump.flow_ul_h = 10_000, 10_000, 0


def _far_too_much(desk: Desk) -> None:
    desk.pump.moved_ul += 108_000


def _encoder_behind(desk: Desk) -> None:
    desk.pump.encoder_gap_ul = 600


def _encoder_slightly_behind(desk: Desk) -> None:
    desk.pump.encoder_gap_ul = 400


TRIPPED: dict[str, tuple[Callable[[Desk], None], str, Priority]] = {
    "another_program": (_another_program, "foreign_program", Priority.HIGH),
    "much_faster": (_much_faster, "runaway", Priority.HIGH),
    "faster": (_faster, "over_infusion", Priority.HIGH),
    "stuck": (_stuck, "no_progress", Priority.MEDIUM),
    "far_too_much": (_far_too_much, "over_delivery", Priority.HIGH),
    "encoder_behind": (_encoder_behind, "counters_disagree", Priority.HIGH),
}


@pytest.mark.hazard("H02")
@pytest.mark.hazard("H03")
@pytest.mark.hazard("H04")
@pytest.mark.hazard("H13")
@pytest.mark.parametrize("fault", TRIPPED)
def test_a_pump_that_does_not_do_what_it_says_is_stopped(fault: str):
    happen, code, priority = TRIPPED[fault]
    desk = infusing(once(dose="2 g", volume="100 mL", duration="10 h"))
    desk.run_for(300_000)
    happen(desk)
    desk.must_be(D.STOPPED, 300_000 if fault in {"faster", "encoder_behind"} else 30_000)
    assert code in desk.latched
    assert desk.alarms(code)[0].priority is priority
    (account,) = desk.recorded("settled")
    assert account.body["most_ul"] >= desk.pump.moved_ul


@pytest.mark.parametrize("happen", [_slightly_faster, _encoder_slightly_behind])
def test_what_the_declared_accuracy_and_the_gears_explain_runs_on(happen: Callable[[Desk], None]):
    desk = infusing(once())
    desk.run_for(300_000)
    happen(desk)
    desk.run_for(1_800_000)
    assert desk.state is D.INFUSING


def _statuses_in_10_s(desk: Desk) -> int:
    before = desk.pump.count(wire.GetStatus)
    desk.run_for(10_000)
    return desk.pump.count(wire.GetStatus) - before


@pytest.mark.parametrize(
    ("make", "statuses"),
    [(lambda: infusing(once()), 10), (lambda: infusing(monitored_iv()), 40), (Desk, 2)],
    ids=["infusing", "loading", "idle"],
)
def test_how_often_a_pump_is_asked(make: Callable[[], Desk], statuses: int):
    desk = make()
    if desk.state is D.UNKNOWN:
        desk.plug_in()
        desk.run_for(1_000)
    assert abs(_statuses_in_10_s(desk) - statuses) <= 1


@pytest.mark.parametrize(("speed", "statuses"), [(5, 50), (20, 200), (600, 200)])
def test_scaled_therapy_is_asked_faster_but_not_above_twenty_times_a_second(speed: int, statuses: int):
    desk = infusing(once(dose="2 g", volume="100 mL", duration="10 h"), speed=speed)
    assert abs(_statuses_in_10_s(desk) - statuses) <= statuses // 50


def test_at_speed_600_an_hour_takes_six_seconds():
    desk = infusing(once(dose="2 g", volume="100 mL", duration="10 h"), speed=600)
    desk.pump.flow_ul_h = 6_000_000  # the double has one clock: what is 10 mL/h of therapy
    desk.pump.commanded_ul_h = desk.pump.measured_ul_h = 10_000
    desk.run_for(6_000)
    assert 9.8 <= desk.told["delivered_least_ml"] <= 10.2


def test_a_change_is_told_at_most_four_times_a_second_and_an_unchanged_state_once():
    desk = infusing(monitored_iv())
    told = _told_in_10_s(desk)
    assert 39 <= len(told) <= 41
    desk = Desk()
    desk.plug_in()
    desk.run_for(1_000)
    told = _told_in_10_s(desk)
    assert 9 <= len(told) <= 11
    assert not any(each.changed for each in told)


def _told_in_10_s(desk: Desk) -> list[Publish]:
    before = len(desk.effects)
    desk.run_for(10_000)
    return [e for e in desk.effects[before:] if isinstance(e, Publish) and e.leaf == "state"]
