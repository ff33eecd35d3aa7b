"""The simulated Alaris pump when something is wrong with it, or with what it says."""

from __future__ import annotations

import pytest

from protocols.alaris import messages as m
from protocols.alaris.framing import encode_frame
from simulator.firmware.alaris_pump import ALARIS
from simulator.firmware.dialect import Button
from simulator.profile import REFERENCE
from tests.simulator.alaris_desk import AlarisDesk


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("occlusion", "AL_OCCLU"),
        ("stall", "AL_DRDIS"),
        ("door", "AL_SYRCO"),
        ("empty", "AL_EOIST"),
    ],
)
def test_an_alarm_that_stops_stays_until_a_person_has_seen_it(fault: str, code: str) -> None:
    desk = AlarisDesk()
    desk.run(rate_ul_h=100_000, vtbi_ul=50_000)
    desk.inject(fault)
    desk.wait(120)
    assert (desk.status().mode, desk.status().alarmed, desk.alarm()) == (m.HOLD, True, code)
    assert desk.refused(m.Order.START) == "ALARM"
    desk.heal(fault)
    desk.wait(60)
    assert desk.alarm() == code
    desk.press(Button.CONFIRM)
    assert desk.alarm() == "AL_NOALM"
    desk.ask(m.Order.START, m.Echo)


def test_a_syringe_that_was_taken_out_must_be_confirmed() -> None:
    desk = AlarisDesk()
    desk.inject("door")
    desk.heal("door")
    assert desk.ask(m.Query.SYRINGE, m.Syringe).confirmed is False
    desk.program()
    desk.press(Button.CONFIRM)
    assert desk.ask(m.Query.SYRINGE, m.Syringe).confirmed is True
    desk.ask(m.Order.START, m.Echo)


def test_mains_and_battery_are_told_and_do_not_stop() -> None:
    desk = AlarisDesk()
    desk.run()
    desk.inject("mains_loss")
    assert (desk.alarm(), desk.status().mode) == ("AL_ACDIS", m.SET)
    desk.heal("mains_loss")
    assert desk.alarm() == "AL_NOALM"


def test_a_power_cycle_forgets_rate_vtbi_and_volume() -> None:
    desk = AlarisDesk()
    desk.run()
    desk.wait(60)
    desk.inject("power_cycle")
    assert desk.exchange(m.Query.STATUS) is None
    desk.wait(2)
    status = desk.status()
    assert (status.mode, status.infused_ul) == (m.HOLD, 0)
    assert desk.ask(m.Query.RATE, m.Rate).flow_rate_ul_h == 0
    assert desk.ask(m.Query.VTBI, m.Vtbi).vtbi_ul is None


@pytest.mark.parametrize(
    ("fault", "request_", "lie"),
    [
        ("say_stopped", m.Query.STATUS, "mode"),
        ("volume_freeze", m.Query.STATUS, "infused_ul"),
        ("counter_runaway", m.Query.STATUS, "infused_ul"),
        ("volume_drop", m.Query.STATUS, "infused_ul"),
        ("status_freeze", m.Query.STATUS, "infused_ul"),
        ("read_back", m.Query.RATE, "flow_rate_ul_h"),
        ("spurious_alarm", m.Query.ALARM, "code"),
        ("other_serial", m.Query.SERIAL, "serial"),
    ],
)
def test_it_lies_when_told_and_a_sound_one_does_not(fault: str, request_: m.Query, lie: str) -> None:
    sound, lying = AlarisDesk(), AlarisDesk()
    for desk in (sound, lying):
        desk.run(rate_ul_h=100_000, vtbi_ul=50_000)
        desk.wait(30)
    lying.exchange(request_)
    lying.inject(fault)
    lying.exchange(request_)
    for desk in (sound, lying):
        desk.wait(30)
    told = [getattr(desk.exchange(request_), lie) for desk in (sound, lying)]
    assert told[0] != told[1]


def test_a_vtbi_can_be_read_back_wrong_and_a_held_pump_can_say_it_infuses() -> None:
    desk = AlarisDesk()
    desk.run()
    desk.inject("read_back", by="vtbi_ul")
    assert desk.ask(m.Query.VTBI, m.Vtbi).vtbi_ul == 5_001
    desk.status()
    desk.inject("say_infusing")
    desk.ask(m.Order.STOP, m.Echo)
    assert (desk.status().mode, desk.status().flow_rate_ul_h) == (m.SET, 10_000)
    assert desk.truth.commanded_flow_ul_h == 0


def test_a_stuck_alarm_is_told_for_ever() -> None:
    desk = AlarisDesk()
    desk.inject("stuck_alarm")
    desk.inject("mains_loss")
    assert desk.alarm() == "AL_ACDIS"
    desk.heal("mains_loss")
    assert desk.alarm() == "AL_ACDIS"


def test_replies_stops_and_echoes_are_lost_when_told() -> None:
    desk = AlarisDesk()
    desk.program()
    desk.inject("drop_start_ack:1")
    assert desk.exchange(m.Order.START) is None
    assert desk.status().mode == m.SET
    desk.inject("ignore_stop:1")
    assert desk.exchange(m.Order.STOP) is None
    assert desk.status().mode == m.SET
    desk.inject("drop_reply:1")
    assert desk.exchange(m.Order.STOP) is None
    assert desk.status().mode == m.HOLD
    assert (desk.truth.stops_received, desk.truth.stops_ignored) == (2, 1)


def test_a_busy_pump_refuses_everything_but_stop() -> None:
    desk = AlarisDesk()
    desk.run()
    desk.inject("busy")
    assert desk.refused(m.Query.STATUS) == "BUSY"
    assert desk.refused(m.SetRate(20_000)) == "BUSY"
    desk.enable()
    desk.ask(m.Order.STOP, m.Echo)
    assert desk.truth.commanded_flow_ul_h == 0


def test_a_person_holds_it_changes_the_rate_and_purges() -> None:
    desk = AlarisDesk()
    desk.run(rate_ul_h=10_000, vtbi_ul=1_000)
    desk.inject("keypad_rate", by="2000 permille")
    assert desk.status().flow_rate_ul_h == 20_000
    desk.inject("keypad_bolus", by="300 uL")
    desk.wait(30)  # the purge is through, the infusion goes on
    assert 300 < desk.status().infused_ul < 500
    assert desk.truth.program_ul == desk.status().infused_ul - 300
    desk.press(Button.STOP)
    assert desk.status().mode == m.HOLD


def test_kvo_as_a_fault_runs_on_after_the_vtbi_and_a_stop_ends_it() -> None:
    desk = AlarisDesk()
    desk.inject("kvo", by="5 mL/h")
    desk.run(rate_ul_h=60_000, vtbi_ul=1_000)
    desk.wait(120)
    assert desk.status().mode == m.HOLD  # which is what it says
    assert desk.truth.commanded_flow_ul_h == 5_000
    desk.ask(m.Order.STOP, m.Echo)
    assert desk.truth.commanded_flow_ul_h == 0


@pytest.mark.parametrize("text", ["INF_BOLUS^ENABLED", "INF_START^NOW", "HELLO"])
def test_what_it_does_not_know_it_refuses_by_name(text: str) -> None:
    desk = AlarisDesk()
    assert desk.pump.receive(encode_frame(text), desk.now) == encode_frame(f"{text.partition('^')[0]}^ERROR^UNKNOWN")


@pytest.mark.parametrize("line", [b"!INF|4960\r", b"noise\r\n", encode_frame("^"), encode_frame("A" * 33)])
def test_noise_is_not_answered(line: bytes) -> None:
    desk = AlarisDesk()
    assert desk.pump.receive(line, desk.now) == b""


def test_a_bag_of_another_pump_is_a_syringe_of_its_size() -> None:
    assert AlarisDesk(REFERENCE).ask(m.Query.SYRINGE, m.Syringe).size_ml == 250


def test_clearing_the_volume_begins_the_counter_anew() -> None:
    desk = AlarisDesk()
    desk.run(rate_ul_h=60_000)
    desk.wait(10)
    assert desk.ask(m.Query.VOLUME_INFUSED, m.VolumeInfused).infused_ul > 160
    desk.ask(m.Order.CLEAR_VOLUME, m.Echo)
    assert desk.ask(m.Query.VOLUME_INFUSED, m.VolumeInfused).infused_ul == 0


def test_every_fault_of_such_a_pump_can_begin_and_end_while_it_infuses() -> None:
    for kind in sorted(ALARIS.faults, key=lambda each: each.value):
        desk = AlarisDesk()
        desk.run()
        desk.inject(kind.value)
        desk.wait(5)
        desk.heal(kind.value)
        desk.wait(5)
        assert desk.truth.powered, kind
