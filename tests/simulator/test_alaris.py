"""The simulated Alaris pump: remote control, rate, VTBI, alarms, and what it does when a host falls silent."""

from __future__ import annotations

import pytest

from protocols.alaris import messages as m
from protocols.alaris.codec import stop_bytes
from simulator.firmware.alaris import LONGEST_SILENCE_MS, CommsLoss
from simulator.firmware.alaris_pump import ALARIS, alaris
from tests.simulator.alaris_desk import SERIAL, AlarisDesk

NEEDS_CONTROL = [
    m.SetRate(10_000),
    m.SetVtbi(5_000, m.EndAction.STOP),
    m.ClearVtbi(),
    *m.Order,
]


def test_it_says_who_it_is_and_that_it_is_simulated() -> None:
    desk = AlarisDesk()
    assert desk.ask(m.Query.SERIAL, m.Serial).serial == SERIAL  # SIM- is no real pump's
    assert desk.ask(m.Query.PROTOCOL, m.ProtocolName).text == "Asena Rev 2.1.5"
    assert desk.ask(m.Query.LONGEST_SILENCE, m.LongestSilence).silence_ms == LONGEST_SILENCE_MS
    assert desk.ask(m.Query.SYRINGE, m.Syringe) == m.Syringe("BD PLASTIPAK", 50, confirmed=True)
    assert desk.ask(m.Query.RATE_MAX, m.RateMax).flow_rate_ul_h == 200_000
    assert desk.exchange(m.EndQuery()) == m.QueryEnded()


def test_after_power_on_it_holds_without_rate_vtbi_and_alarm() -> None:
    desk = AlarisDesk()
    status = desk.status()
    assert (status.mode, status.flow_rate_ul_h, status.infused_ul, status.alarmed) == (m.HOLD, 0, 0, False)
    assert status.time_left == "24+"
    assert desk.ask(m.Query.RATE, m.Rate).flow_rate_ul_h == 0
    assert desk.ask(m.Query.VTBI, m.Vtbi) == m.Vtbi(None, None)
    assert desk.alarm() == "AL_NOALM"


@pytest.mark.parametrize("request_", NEEDS_CONTROL, ids=str)
def test_without_remote_control_nothing_is_changed(request_: m.Request) -> None:
    desk = AlarisDesk()
    assert desk.refused(request_) == "REMOTE"


def test_remote_control_needs_the_code_of_this_serial_number() -> None:
    desk = AlarisDesk()
    assert desk.enable("SIM-0002") == m.Refusal("REMOTE_CTRL", "CODE")
    assert desk.refused(m.SetRate(10_000)) == "REMOTE"
    assert desk.enable() == m.Switched(m.Switch.CONTROL, enabled=True, permitted=True)
    desk.ask(m.SetRate(10_000), m.Rate)
    desk.ask(m.Disable(m.Switch.CONTROL), m.Switched)
    assert desk.refused(m.SetRate(10_000)) == "REMOTE"


def test_configuration_alone_gives_no_control() -> None:
    desk = AlarisDesk()
    desk.ask(m.Enable(m.Switch.CONFIGURATION, "3CC1"), m.Refusal)
    desk.program()
    desk.ask(m.Disable(m.Switch.CONFIGURATION), m.Switched)
    desk.ask(m.Order.START, m.Echo)


@pytest.mark.parametrize("rate_ul_h", [90, 200_010, 0])
def test_a_rate_out_of_range_is_refused_and_the_old_one_stays(rate_ul_h: int) -> None:
    desk = AlarisDesk()
    desk.program(rate_ul_h=10_000)
    assert desk.refused(m.SetRate(rate_ul_h)) == "RANGE"
    assert desk.ask(m.Query.RATE, m.Rate).flow_rate_ul_h == 10_000


@pytest.mark.parametrize("rate_ul_h", [100, 200_000])
def test_the_ends_of_the_range_are_taken(rate_ul_h: int) -> None:
    desk = AlarisDesk()
    desk.enable()
    assert desk.ask(m.SetRate(rate_ul_h), m.Rate).flow_rate_ul_h == rate_ul_h


@pytest.mark.parametrize(("vtbi_ul", "taken"), [(0, False), (1, True), (50_000, True), (50_001, False)])
def test_a_vtbi_is_from_a_microlitre_to_a_syringe(vtbi_ul: int, taken: bool) -> None:
    desk = AlarisDesk()
    desk.enable()
    assert isinstance(desk.exchange(m.SetVtbi(vtbi_ul, m.EndAction.STOP)), m.Vtbi) is taken


def test_an_infusion_ends_at_its_vtbi_and_says_so() -> None:
    desk = AlarisDesk()
    desk.run(rate_ul_h=60_000, vtbi_ul=5_000)  # five minutes
    desk.wait(60)
    status = desk.status()
    assert (status.mode, status.flow_rate_ul_h) == (m.SET, 60_000)
    assert abs(status.infused_ul - 1_000) <= 1
    assert status.time_left in {"00:03:59", "00:04:00"}
    desk.wait(241)
    assert desk.status().mode == m.HOLD
    assert desk.status().infused_ul == 5_000
    assert (desk.status().alarmed, desk.alarm()) == (True, "AL_VTBIS")
    assert desk.ask(m.Query.VTBI, m.Vtbi).vtbi_ul is None
    before_ul = desk.truth.motor_ul
    desk.wait(60)
    assert desk.truth.motor_ul == before_ul == 5_000
    desk.program()
    assert desk.alarm() == "AL_NOALM"  # a new VTBI ends that alarm


@pytest.mark.parametrize(
    ("end", "code", "goes_on_ul"), [(m.EndAction.KVO, "AL_VTBIK", 100), (m.EndAction.CONTINUE, "AL_VTBIC", 6_000)]
)
def test_what_else_may_happen_at_a_vtbi(end: m.EndAction, code: str, goes_on_ul: int) -> None:
    desk = AlarisDesk()
    desk.program(rate_ul_h=60_000)
    desk.ask(m.SetVtbi(1_000, end), m.Vtbi)
    desk.ask(m.Order.START, m.Echo)
    desk.wait(60)
    desk.wait(360)
    assert desk.alarm() == code
    assert abs(desk.truth.motor_ul - 1_000 - goes_on_ul) <= 5


def test_without_a_vtbi_it_runs_until_it_is_stopped() -> None:
    desk = AlarisDesk()
    desk.run(rate_ul_h=60_000, vtbi_ul=1_000)
    desk.ask(m.ClearVtbi(), m.Vtbi)
    desk.wait(600)
    assert desk.status().mode == m.SET
    desk.ask(m.Order.STOP, m.Echo)
    assert desk.status().mode == m.HOLD


def test_start_again_changes_nothing() -> None:
    desk = AlarisDesk()
    desk.run()
    desk.wait(5)
    desk.ask(m.Order.START, m.Echo)
    assert desk.truth.starts == 1


def test_start_without_a_rate_is_refused() -> None:
    desk = AlarisDesk()
    desk.enable()
    assert desk.refused(m.Order.START) == "RATE"


def test_the_bytes_of_the_guard_stop_it_whatever_was_half_written_before() -> None:
    desk = AlarisDesk()
    desk.run()
    desk.wait(10, keep_alive=False)  # control has gone meanwhile
    desk.pump.receive(b"!INF_RATE^99", desk.now)
    answer = desk.pump.receive(stop_bytes(SERIAL), desk.now)
    assert answer.endswith(b"!INF_STOP|CD57\r")
    assert desk.status().mode == m.HOLD
    assert desk.truth.commanded_flow_ul_h == 0
    assert desk.truth.stopped_sent_ns == desk.now.link_ns


def test_the_bytes_for_another_pump_do_not_stop_this_one() -> None:
    desk = AlarisDesk()
    desk.run()
    desk.wait(10, keep_alive=False)
    desk.pump.receive(stop_bytes("SIM-0002"), desk.now)
    assert desk.status().mode == m.SET


@pytest.mark.parametrize("comms_loss", CommsLoss)
def test_a_silent_host_is_told_by_the_alarm_and_by_what_the_pump_then_does(comms_loss: CommsLoss) -> None:
    desk = AlarisDesk(dialect=alaris(comms_loss))
    desk.run()
    desk.wait(3, keep_alive=False)
    assert desk.alarm() == "AL_NOALM"  # asking was a sign of life
    desk.wait(3.9, keep_alive=False)
    assert desk.alarm() == "AL_NOALM"
    desk.wait(4, keep_alive=False)
    assert desk.alarm() == "AL_COMTO"
    assert desk.status().mode == (m.SET if comms_loss is CommsLoss.CONTINUES else m.HOLD)
    assert desk.refused(m.Order.STOP) == "REMOTE"
    assert ALARIS.faults == alaris(comms_loss).faults


def test_on_hold_control_just_ends() -> None:
    desk = AlarisDesk()
    desk.program()
    desk.wait(10, keep_alive=False)
    assert desk.alarm() == "AL_NOALM"
    assert desk.refused(m.Order.START) == "REMOTE"
