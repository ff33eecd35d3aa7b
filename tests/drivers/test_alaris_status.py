"""What the Alaris driver makes of modes, alarm codes and what the pump does not tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.alaris import messages as m
from protocols.alaris.codec import encode
from protocols.alaris.framing import encode_frame
from pumpctl.drivers import pump
from simulator.firmware.alaris_pump import ALARIS
from simulator.instant import SimNow
from simulator.profile import SYRINGE
from simulator.pump import SimPump
from tests.drivers.alaris_bench import PROGRAM, SERIAL, Bench

A = pump.PumpActivity
START = encode(m.Order.START)


@pytest.mark.parametrize(
    ("fault", "name", "stops"),
    [
        ("occlusion", "occlusion_downstream", True),
        ("stall", "drive_disengaged", True),
        ("door", "syringe_clamp", True),
        ("empty", "reservoir_empty", True),
        ("mains_loss", "mains_lost", False),
    ],
)
def test_an_alarm_has_the_name_that_the_interlocks_know(fault: str, name: str, stops: bool):
    bench = Bench(profile=replace(SYRINGE, slack_ul=0))
    bench.run(replace(PROGRAM, flow_rate_ul_h=100_000))
    bench.inject(fault)
    bench.wait(60)
    status = bench.status()
    assert status.alarms == (name,)
    assert status.stopping_alarms == ((name,) if stops else ())


def with_alarm(code: str, flag: bool = True, before: Bench | None = None) -> Bench:
    """A status round whose last two replies are made by hand."""
    bench = before or Bench()
    bench.exchange(bench.driver.command(pump.ReadStatus(), bench.now))
    bench.exchange(bench.driver.outgoing(bench.now))
    bench.exchange(bench.driver.outgoing(bench.now))
    bench.driver.outgoing(bench.now)
    bench.driver.receive(encode(m.AlarmState(code)))
    bench.driver.outgoing(bench.now)
    status = m.Status(SERIAL, flag, m.HOLD, 0, "", 0, 0, "24+", "EVENT", "1")
    bench.facts = bench.driver.receive(encode(status))
    return bench


@pytest.mark.parametrize("code", ["AL_WHOKNOWS", "AL_FAULT", "AL_VTBIC", "AL_VTBIK", "AL_RHIGH", "AL_EMBAT"])
def test_an_alarm_that_nobody_has_said_to_be_harmless_stops(code: str):
    (status,) = with_alarm(code).facts
    assert isinstance(status, pump.StatusRead)
    assert len(status.stopping_alarms) == 1
    assert status.stopping_alarms == status.alarms


@pytest.mark.parametrize("code", ["AL_COMTO", "AL_VTBIS", "AL_ACDIS", "AL_CALLB", "AL_LWBAT", "AL_LBTAC", "AL_NEOIN"])
def test_what_only_tells_does_not_stop(code: str):
    (status,) = with_alarm(code).facts
    assert isinstance(status, pump.StatusRead)
    assert (len(status.alarms), status.stopping_alarms) == (1, ())


def test_a_flag_without_a_code_is_asked_again_and_then_stops():
    bench = with_alarm("AL_NOALM")
    status, noticed = bench.facts
    assert isinstance(status, pump.StatusRead)
    assert (status.alarms, status.stopping_alarms) == (("alarm_without_code",), ())
    assert isinstance(noticed, pump.Noticed)
    (status,) = with_alarm("AL_NOALM", before=bench).facts
    assert isinstance(status, pump.StatusRead)
    assert status.stopping_alarms == ("alarm_without_code",)
    assert bench.status().alarms == ()  # the pump of the bench has none


def test_without_a_flag_and_a_code_nothing_alarms():
    (status,) = with_alarm("AL_NOALM", flag=False).facts
    assert isinstance(status, pump.StatusRead)
    assert (status.alarms, status.stopping_alarms) == ((), ())


@pytest.mark.parametrize("mode", ["SET", "KVO", "XYZ"])
def test_any_mode_but_hold_counts_as_moving(mode: str):
    bench = Bench()
    bench.exchange(bench.driver.command(pump.ReadStatus(), bench.now))
    for _ in range(3):
        bench.exchange(bench.driver.outgoing(bench.now))
    bench.driver.outgoing(bench.now)
    status = m.Status(SERIAL, False, mode, 0, "", 0, 0, "24+", "EVENT", "1")  # noqa: FBT003 - as the fields
    (told,) = bench.driver.receive(encode(status))
    assert isinstance(told, pump.StatusRead)
    assert (told.activity, told.moving, told.program_id) == (A.INFUSING, True, None)


def test_on_battery_with_a_charge_that_nobody_tells_nothing_is_started():
    bench = Bench()
    bench.inject("mains_loss")
    status = bench.status()
    assert status.on_battery
    assert 80 < status.battery_permille < 90  # just above what stops a running one (core/energy.py)


class OtherwiseWorded(SimPump):
    """The simulated pump, but for what it says without a VTBI."""

    words = ""

    def receive(self, received: bytes, now: SimNow) -> bytes:
        said = super().receive(received, now)
        return said.replace(encode(m.Vtbi(None, None)), encode_frame(f"INF_VTBI^{self.words}"))


@pytest.mark.parametrize("words", ["ACTIV^^ml^STOP", "DEACT^^ml^STOP", "^"])
def test_a_pump_that_words_no_vtbi_otherwise_is_read_before_its_load_and_after_its_end(words: str):
    bench = Bench(identify=False)
    bench.pump = OtherwiseWorded(SYRINGE, serial=SERIAL, seed=1, dialect=ALARIS)
    bench.pump.words = words
    assert bench.pump.receive(encode(m.Query.VTBI), SimNow(0, 0)) == encode_frame(f"INF_VTBI^{words}")
    bench.one(pump.Identify(), pump.Identified)
    assert (bench.status().activity, bench.status().moving) == (A.STOPPED, False)
    bench.run(replace(PROGRAM, vtbi_ul=100))
    bench.wait(60)
    status = bench.status()
    assert (status.activity, status.program_id, status.moving) == (A.COMPLETED, PROGRAM.program_id, False)
    assert bench.truth.starts == 1
