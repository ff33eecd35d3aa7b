"""The simulated New Era pump when nobody asks, when it is touched, and how it goes wrong."""

from __future__ import annotations

import pytest

from protocols.new_era.messages import AlarmKind, Prompt, Reply
from simulator.pump import Button
from tests.simulator.new_era_desk import EXACT, NewEraDesk

STOPPED = Reply(0, Prompt.STOPPED)


def test_safe_mode_stops_after_its_silence_and_says_so_once_unasked():
    desk = NewEraDesk()
    desk.program(volume="50")
    desk.safe(4)
    desk.ask("RUN")
    desk.wait(3.999)
    assert desk.state() == "I"
    desk.wait(3.999)
    assert desk.unasked == []
    desk.wait(0.001)
    assert desk.unasked == [Reply(0, AlarmKind.TIMED_OUT)]
    assert desk.truth.commanded_flow_ul_h == 0
    desk.wait(600)
    assert desk.unasked == [Reply(0, AlarmKind.TIMED_OUT)]
    assert desk.ask("RUN") == Reply(0, AlarmKind.TIMED_OUT)
    assert desk.ask() == STOPPED


def test_another_pumps_packets_do_not_keep_safe_mode_content():
    desk = NewEraDesk()
    desk.program(volume="50")
    desk.safe(4)
    desk.ask("RUN")
    desk.wait(3)
    desk.ask("", 5)
    desk.wait(1)
    assert desk.unasked == [Reply(0, AlarmKind.TIMED_OUT)]


def test_basic_mode_pumps_on_when_nobody_asks_any_more():
    desk = NewEraDesk()
    desk.program(volume="50")
    desk.ask("RUN")
    desk.wait(1_000)
    assert desk.state() == "I"
    assert desk.unasked == []


@pytest.mark.parametrize("fault", ["occlusion", "stall", "empty"])
@pytest.mark.parametrize("safe_s", [0, 200])
def test_whatever_holds_the_plunger_stalls_it(fault: str, safe_s: int):
    desk = NewEraDesk()
    desk.program("600MH", "50")
    desk.safe(safe_s)
    desk.inject(fault)
    desk.ask("RUN")
    desk.wait(60)
    assert desk.unasked == ([Reply(0, AlarmKind.STALLED)] if safe_s else [])
    assert desk.truth.commanded_flow_ul_h == 0
    assert desk.truth.alarms == ("motor_stall",)
    assert desk.ask("RUN") == Reply(0, AlarmKind.STALLED)
    assert desk.truth.starts == 1


def test_a_power_cut_keeps_program_and_mode_and_moves_nothing():
    desk = NewEraDesk(profile=EXACT)
    desk.program("60MH", "10")
    desk.safe(100)
    desk.ask("RUN")
    desk.wait(60)
    desk.inject("power_cycle")
    desk.wait(5)
    before_ul = desk.truth.delivered_ul
    desk.wait(600)
    assert desk.truth.delivered_ul == pytest.approx(before_ul, abs=1)
    assert desk.unasked == []  # nobody is told before somebody asks, nor does safe mode count before
    assert desk.ask() == Reply(0, AlarmKind.RESET)
    assert desk.state() == "S"
    assert (desk.body("RAT"), desk.body("VOL"), desk.body("SAF")) == ("60.00MH", "10.00ML", "100")
    assert desk.truth.boot_count == 2


def test_the_keys_stop_it_and_acknowledge_an_alarm():
    desk = NewEraDesk(acknowledged=False)
    desk.pump.press(Button.STOP, desk.now)
    assert desk.state() == "S"
    desk.program(volume="10")
    desk.ask("RUN")
    desk.pump.press(Button.CONFIRM, desk.now)
    assert desk.state() == "I"
    desk.pump.press(Button.PAUSE, desk.now)
    assert desk.state() == "P"
    desk.pump.press(Button.PAUSE, desk.now)
    assert desk.state() == "P"
    desk.pump.press(Button.STOP, desk.now)
    assert desk.state() == "S"


def test_how_it_lies():
    desk = NewEraDesk(profile=EXACT)
    desk.program("60MH", "10")
    desk.ask("RUN")
    desk.inject("say_stopped")
    assert desk.state() == "S"
    desk.heal("say_stopped")
    desk.wait(60)
    desk.inject("volume_freeze")
    frozen = desk.body("DIS")
    desk.wait(60)
    assert desk.body("DIS") == frozen
    desk.heal("volume_freeze")
    assert desk.body("DIS") == "I2.000W0.000ML"
    desk.inject("read_back")
    assert desk.body("RAT") == "61.00MH"
    desk.heal("read_back")
    desk.inject("keypad_rate")
    assert desk.body("RAT") == "30.00MH"
    desk.state("STP")
    desk.inject("say_infusing")
    assert desk.state() == "I"
    desk.inject("busy")
    assert desk.body("RUN") == "?NA"


def test_how_its_line_fails():
    desk = NewEraDesk(profile=EXACT)
    desk.program("60MH", "10")
    desk.inject("drop_start_ack")
    assert desk.ask("RUN") is None
    assert desk.state() == "I"
    desk.inject("ignore_stop")
    assert desk.ask("STP") is None
    assert desk.state() == "I"
    desk.inject("drop_reply")
    assert desk.ask("STP") is None
    assert desk.state() == "P"
    desk.inject("unplug")
    assert desk.ask() is None
    assert (desk.truth.stops_received, desk.truth.stops_ignored, desk.truth.starts) == (2, 1, 1)


def test_a_fault_of_parts_it_does_not_have_is_refused():
    desk = NewEraDesk()
    for fault in ("door", "air", "battery_death", "other_serial", "kvo", "event_wrap", "keypad_bolus"):
        with pytest.raises(ValueError, match="not a fault of a pump that speaks so"):
            desk.inject(fault)
