"""What was reported at the bedside, at a start: it counts as looked for, and a sign of too much refuses."""

from __future__ import annotations

from typing import Any

import pytest

from pumpctl.core.delivery import DeliveryState
from tests.controller.bedside import ready, rules, seen_long_ago
from tests.controller.desk import MS, A, B
from tests.controller.orders import SOUND, monitored_iv, once
from tests.controller.scenes import two_channels

D = DeliveryState
MINUTE_MS = 60_000
QUARTER_MS = 15 * MINUTE_MS


@pytest.mark.parametrize("late_ms", [0, 1])
def test_a_look_counts_for_a_quarter_of_an_hour_before_the_start_to_the_millisecond(late_ms: int):
    desk = ready(looked_after=False)
    assert "Q25" in rules(desk, desk.submit(seen_long_ago()))
    desk.ask("observe", **SOUND)
    seen_ms = desk.now.therapy_ns // MS
    desk.run_for(seen_ms + QUARTER_MS + late_ms - desk.now.therapy_ns // MS)
    assert desk.now.therapy_ns // MS - seen_ms == QUARTER_MS + late_ms
    assert rules(desk, desk.prepare()) == ({"Q25"} if late_ms else set())


def test_every_sign_has_to_be_looked_for():
    desk = ready()
    desk.submit(seen_long_ago())
    desk.ask_and_wait("observe", **{kind: text for kind, text in SOUND.items() if kind != "heart_rate"})
    number = desk.prepare()
    assert rules(desk, number) == {"Q25"}
    assert "heart rate" in desk.refused(number).reasons[0].message
    assert "breathing" not in desk.refused(number).reasons[0].message


def test_a_look_of_which_the_time_ran_out_before_the_button_was_pressed_is_none():
    desk = ready(looked_after=False)
    desk.submit(seen_long_ago())
    desk.ask_and_wait("observe", **SOUND)
    desk.run_for(14 * MINUTE_MS)
    desk.prepare()
    desk.must_be(D.AWAITING_CONFIRMATION, 5_000)
    desk.run_for(MINUTE_MS)
    desk.press()
    desk.run_for(2_000)
    assert desk.state is D.AWAITING_CONFIRMATION
    assert "Q25" in " ".join(alarm.message for alarm in desk.alarms("start_refused"))
    desk.ask_and_wait("observe", **SOUND)
    desk.press(token=8)
    desk.must_be(D.INFUSING, 5_000)


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("by_ms", [-60_000, 60_000])
def test_the_calendar_makes_no_look_younger_or_older(by_ms: int):
    desk = ready(looked_after=False)
    desk.submit(seen_long_ago(), check=None)
    desk.ask("observe", **SOUND)
    seen_ms = desk.now.therapy_ns // MS
    desk.move_wall_clock(by_ms)
    desk.run_for(seen_ms + QUARTER_MS - desk.now.therapy_ns // MS)
    assert rules(desk, desk.prepare()) == set()
    desk = ready(looked_after=False)
    desk.submit(seen_long_ago(), check=None)
    desk.ask("observe", **SOUND)
    desk.move_wall_clock(by_ms)
    desk.run_for(QUARTER_MS + 1)
    assert rules(desk, desk.prepare()) == {"Q25"}


def test_a_look_in_an_earlier_life_of_the_daemon_renews_no_start():
    desk = ready()
    desk.submit(seen_long_ago())
    desk.ask_and_wait("observe", **SOUND)
    desk = desk.restarted()
    desk.plug_in()
    desk.run_for(1_000)
    assert rules(desk, desk.prepare()) == {"Q25"}
    desk.ask_and_wait("observe", **SOUND)
    assert rules(desk, desk.prepare()) == set()


@pytest.mark.hazard("H37")
@pytest.mark.parametrize(
    ("toxic", "sound"),
    [
        ({"breathing_rate": "11.9 /min"}, {"breathing_rate": "12 /min"}),
        ({"patellar_reflex": "absent"}, {"patellar_reflex": "present"}),
    ],
)
@pytest.mark.parametrize("order", [once, monitored_iv])
def test_a_sign_that_was_reported_refuses_when_its_latch_is_cleared_until_a_sound_one_is(
    toxic: dict[str, str],
    sound: dict[str, str],
    order: Any,  # noqa: ANN401
):
    desk = ready()
    desk.submit(order(), check=None)
    desk.ask_and_wait("observe", **(SOUND | toxic))
    desk.must_be(D.STOPPED, 2_000)
    assert {"S06", "latched"} & rules(desk, desk.prepare())
    desk.ask_and_wait("clear", persons=["nurse", "physician"])
    desk.run_for(2_000)
    assert rules(desk, desk.prepare()) == {"Q25"}
    assert desk.refused(desk.prepare(overrides=["Q25=physician on call:looks well"])).exit_code == 4
    desk.ask_and_wait("observe", **sound)
    assert rules(desk, desk.prepare()) == set()


@pytest.mark.hazard("H37")
def test_it_is_the_patients_whichever_pump_it_was_reported_at_after_a_restart_too():
    desk = ready(channels=two_channels(same_patient=True))
    desk.submit(once(), check=None, channel=A)
    desk.ask_and_wait("observe", channel=B, breathing_rate="11 /min")
    desk.run_for(2_000)
    for channel in (A, B):
        desk.ask_and_wait("clear", channel=channel, persons=["nurse", "physician"])
    for again in (desk, desk.restarted()):
        again.plug_in(A)
        again.plug_in(B)
        again.run_for(3_000)
        assert rules(again, again.prepare()) == {"Q25"}


@pytest.mark.hazard("H37")
def test_a_fall_shows_at_the_start_whichever_of_its_two_pressures_was_told_last():
    for reported, expected in (("96 mmHg", set[str]()), ("95 mmHg", {"Q25"})):
        desk = ready()  # nothing is loaded, so nobody knows the order's baseline of 125 mmHg yet
        desk.ask_and_wait("observe", **(SOUND | {"systolic_pressure": reported}))
        assert rules(desk, desk.submit(seen_long_ago())) == expected
    for baseline, expected in (("149 mmHg", set[str]()), ("150 mmHg", {"Q25"})):
        desk = ready()
        desk.ask_and_wait("observe", baseline_systolic_pressure=baseline)
        assert rules(desk, desk.submit(monitored_iv())) == expected


def test_a_sound_report_does_not_take_back_what_the_order_says():
    desk = ready()
    desk.ask_and_wait("observe", **SOUND)
    refusal = desk.refused(desk.submit(seen_long_ago(breathing_rate="11 /min")))
    assert refusal.exit_code == 4
    assert "Q25" in {reason.code for reason in refusal.reasons}
