"""The simulated MIVA pump: what it answers, what it refuses, what it writes into its log, and how it goes wrong."""

from __future__ import annotations

import zlib

import pytest

from protocols.miva.library import SIMULATED
from protocols.miva.record import Occlusion, RecordType
from protocols.miva.requests import (
    INFUSION_RATE,
    IS_RUNNING,
    PROTOCOL_RATE,
    RUN,
    STOP,
    begin_rx,
    confirm_rx,
    send_block,
)
from protocols.miva.rx import Rx, blocks_of, logged_image, rx_image
from protocols.miva.seal import rx_seal
from simulator.faults import Fault, FaultKind
from simulator.firmware.dialect import Button
from simulator.firmware.miva_log import EMPTY_ROW, EventLog
from simulator.firmware.miva_pump import MIVA
from simulator.instant import NS_PER_H, NS_PER_S
from simulator.profile import MIVA as PROFILE
from simulator.pump import SimPump
from tests.simulator.miva_bench import IMAGE, RX, SERIAL, Bench, T


def test_it_says_who_it_is_and_that_it_is_simulated() -> None:
    bench = Bench()
    assert bench.ask("RN", ":SERIAL?", "RS", "RL") == ["RNSIM00001", SERIAL, "RSsim-1.0", f"RL{SIMULATED.title}"]
    assert Bench(auto_confirm=True).ask("RS") == ["RSsim-1.0-auto"]
    with pytest.raises(ValueError, match="SIM and five"):
        SimPump(PROFILE, serial="SN800008", seed=1, dialect=MIVA)


def test_what_it_does_not_know_it_does_not_answer() -> None:
    assert Bench().ask("WT00", "WK", "WN12345678", "KE61", "RE1", ":PROT:RUN?", ":PROTOCOL:RATE 20.0", "X") == []


def test_the_golden_infusion_runs_to_its_end_and_no_further() -> None:
    bench = Bench()
    bench.start()
    assert bench.ask(IS_RUNNING, INFUSION_RATE, PROTOCOL_RATE, "QD", "QE", "Q0", "QC") == [
        "TRUE", "10.00", "10.00", "QD2710", "QE8CA0", "Q0CONT", "QCML/HR",
    ]  # fmt: skip
    bench.wait(NS_PER_H)
    assert bench.ask("Q5") == ["Q503E8"]
    bench.wait(10 * NS_PER_H)
    assert bench.ask(IS_RUNNING, "Q5", "R3", "R8") == ["FALSE", "Q52710", "R303E8", "R811F80010FB"]
    assert bench.truth.delivered_ul == pytest.approx(100_000)
    assert (bench.truth.starts, bench.truth.max_commanded_flow_ul_h) == (1, 10_000)
    assert bench.ask(RUN) == ["WT"]
    bench.wait(NS_PER_H)
    assert bench.truth.delivered_ul == pytest.approx(100_000)


def test_the_run_key_shows_the_parameters_before_the_motor_turns() -> None:
    bench = Bench()
    assert bench.load() == "LC0"
    bench.ask(RUN)
    bench.wait(2_999_999_999)
    assert (bench.ask(IS_RUNNING), bench.kinds()[-1]) == (["FALSE"], T.INFUSION_DATA)
    bench.wait(1)
    assert (bench.ask(IS_RUNNING), bench.kinds()[-1]) == (["TRUE"], T.RUN)


@pytest.mark.hazard("H56")
def test_stop_stands_in_every_state_and_a_run_key_goes_on_with_what_it_left() -> None:
    bench = Bench()
    assert bench.ask(STOP) == ["WT"]
    assert bench.load() == "LC0"
    bench.ask(RUN)
    assert bench.ask(STOP) == ["WT"]  # during the review
    bench.wait(60 * NS_PER_S)
    assert bench.truth.starts == 0
    bench.ask(RUN)
    bench.wait(NS_PER_H)
    assert bench.ask(STOP, IS_RUNNING) == ["WT", "FALSE"]
    paused = bench.log()[-1]
    assert paused.kind is T.PAUSED
    given_ul = bench.truth.program_ul
    assert given_ul == 9_991
    bench.wait(NS_PER_H)
    assert bench.truth.program_ul == given_ul
    bench.ask(RUN)
    bench.wait(4 * NS_PER_S)
    assert (bench.truth.starts, bench.truth.resumes) == (1, 1)
    bench.wait(10 * NS_PER_H)
    assert bench.truth.delivered_ul == pytest.approx(100_000)


def test_the_log_shows_what_the_motor_control_holds() -> None:
    bench = Bench()
    assert bench.load() == "LC0"
    assert bench.kinds() == [T.POWER_ON, T.INFUSION_DATA, T.INFUSION_DATA]
    assert b"".join(bench.row(index) for index in range(2, 18)) == logged_image(IMAGE)


@pytest.mark.hazard("H01")
def test_a_wrong_value_in_the_motor_control_shows_in_the_log_and_in_the_answers() -> None:
    bench = Bench()
    bench.inject(FaultKind.READ_BACK)
    assert bench.load() == "LC0"
    assert b"".join(bench.row(index) for index in range(2, 18)) != logged_image(IMAGE)
    assert bench.ask(PROTOCOL_RATE) == ["10.10"]


def with_byte(place: int, value: int) -> bytes:
    """A whole image with one byte of its own."""
    changed = IMAGE[:place] + bytes([value]) + IMAGE[place + 1 :]
    return changed[:252] + zlib.crc32(changed[:252]).to_bytes(4, "little") + changed[256:]


@pytest.mark.parametrize(
    ("image", "answer"),
    [
        (IMAGE[:252] + bytes(4) + IMAGE[256:], "LC6"),  # its own CRC
        (with_byte(84, 0), "LC4"),
        (IMAGE[:256] + b"\6" + IMAGE[257:], "LC4"),
        (with_byte(93, 1), "LC6"),  # a bolus
        (with_byte(3, 0x43), "LC6"),  # 160 mL/h
        (rx_image(Rx(750, 100_000, "", (), RX.protocol_crc, RX.protocol_index)), "LC6"),
        (rx_image(Rx(10_000, 250_250, "", (), RX.protocol_crc, RX.protocol_index)), "LC6"),
        (rx_image(Rx(10_000, 250_000, "", (), RX.protocol_crc, RX.protocol_index)), "LC0"),
        (rx_image(Rx(135_000, 250, "", (), RX.protocol_crc, RX.protocol_index)), "LC0"),
        (with_byte(23, 0x3F), "LC6"),  # KVO
    ],
)
def test_an_upload_that_is_not_in_order_is_refused_with_its_digit(image: bytes, answer: str) -> None:
    bench = Bench()
    assert bench.load(image) == answer
    assert (bench.truth.program_id != "") is (answer == "LC0")


def test_the_beginning_and_the_seal_of_an_upload_are_judged() -> None:
    bench = Bench()
    assert bench.load(serial="SIM00002") == "LI2"
    assert bench.ask(begin_rx(SERIAL, 1, SIMULATED.number)) == ["LI3"]
    assert bench.ask("LI00") == ["LI1"]
    assert bench.ask(send_block(0, bytes(64))) == []  # nothing has begun
    assert bench.ask(confirm_rx(bytes(16))) == ["LC1"]
    bench.ask(begin_rx(SERIAL, SIMULATED.crc, SIMULATED.number))
    assert bench.ask(send_block(8, bytes(64))) == []
    for place, block in enumerate(blocks_of(IMAGE)):
        bench.ask(send_block(place, block))
    assert bench.ask(confirm_rx(rx_seal("SIM00002", IMAGE))) == ["LC7"]
    bench.start()
    assert bench.load() == "LI5"


def test_a_code_at_its_keys_is_written_down() -> None:
    bench = Bench()
    bench.load()
    bench.pump.press(Button.CONFIRM, bench.now)
    assert bench.kinds()[-1] is T.AUTHENTICATION


@pytest.mark.parametrize(
    ("fault", "kind", "detail"),
    [
        (FaultKind.OCCLUSION, T.OCCLUSION, Occlusion.DOWNSTREAM),
        (FaultKind.UPSTREAM_OCCLUSION, T.OCCLUSION, Occlusion.UPSTREAM),
        (FaultKind.EMPTY, T.CASSETTE_EMPTY, 0),
        (FaultKind.DOOR, T.CASSETTE_DETACHED, 0),
        (FaultKind.STALL, T.SYSTEM_ERROR, 2),
    ],
)
def test_an_alarm_stops_it_and_stands_in_its_log(fault: FaultKind, kind: RecordType, detail: int) -> None:
    bench = Bench()
    bench.start()
    bench.inject(fault)
    bench.wait(NS_PER_H)
    assert bench.ask(IS_RUNNING) == ["FALSE"]
    raised = next(record for record in bench.log() if record.kind is kind)
    assert raised.detail == detail
    assert bench.load() == ("LC0" if fault is FaultKind.STALL else "LI5")  # a motor at rest does not stall
    bench.pump.heal(Fault(fault), bench.now)
    bench.wait(60 * NS_PER_S)
    assert bench.load() == "LC0"
    if kind is T.OCCLUSION:
        cleared = [record.detail for record in bench.log() if record.kind is kind]
        assert cleared == [detail, Occlusion.CLEARED]


@pytest.mark.hazard("H59")
def test_after_a_power_cut_it_is_still_and_holds_nothing_but_its_log() -> None:
    bench = Bench()
    bench.start()
    bench.wait(NS_PER_H)
    before = bench.head()
    bench.inject(FaultKind.POWER_CYCLE)
    bench.wait(2 * NS_PER_S)
    assert bench.ask(IS_RUNNING, "QD") == ["FALSE", "QD0000"]
    assert bench.head() == before + 1
    powered = bench.log()[-1]
    assert powered.kind is T.POWER_ON
    assert bench.ask("R3") == ["R30064"]  # of its whole life: 10 mL


def test_mains_that_come_and_go_are_written_down() -> None:
    bench = Bench()
    bench.inject(FaultKind.MAINS_LOSS)
    bench.pump.heal(Fault(FaultKind.MAINS_LOSS), bench.now)
    assert [record.detail for record in bench.log()[1:]] == [32, 16]


@pytest.mark.hazard("H55")
def test_answers_get_lost_and_stops_unseen_when_it_is_told_so() -> None:
    bench = Bench()
    bench.load()
    bench.inject(FaultKind.DROP_START_ACK, 1)
    assert bench.ask(RUN) == []
    bench.wait(4 * NS_PER_S)
    assert bench.ask(IS_RUNNING) == ["TRUE"]
    bench.inject(FaultKind.DROP_REPLY, 1)
    assert bench.ask("Q5", "Q6") == ["Q62710"]
    bench.inject(FaultKind.IGNORE_STOP, 1)
    assert bench.ask(STOP, STOP) == ["WT"]
    assert bench.truth.stops_ignored == 1
    bench.inject(FaultKind.BUSY)
    assert bench.ask("RN", "Q5", STOP) == ["WT"]


@pytest.mark.parametrize("kind", [FaultKind.AIR, FaultKind.BUBBLE, FaultKind.STUCK_ALARM])
def test_what_such_a_pump_cannot_suffer_is_refused(kind: FaultKind) -> None:
    with pytest.raises(ValueError, match="not a fault"):
        Bench().inject(kind)


def test_a_lie_about_its_state_or_volume_is_told_in_its_own_words() -> None:
    bench = Bench()
    bench.start()
    bench.wait(NS_PER_H)
    bench.inject(FaultKind.SAY_STOPPED)
    assert bench.ask(IS_RUNNING, "S9")[0] == "FALSE"
    bench.pump.heal(Fault(FaultKind.SAY_STOPPED), bench.now)
    bench.inject(FaultKind.VOLUME_FREEZE)
    before = bench.ask("R3", "R8", "Q5")
    bench.wait(NS_PER_H)
    assert bench.ask("R3", "R8", "Q5") == before
    assert bench.truth.delivered_ul > 19_000


def test_the_ring_keeps_the_newest_rows() -> None:
    log = EventLog()
    assert (log.head, log.tail, log.row(0)) == (0, 0, EMPTY_ROW)
    for count in range(43_264):
        log.append(count.to_bytes(16, "big"))
    assert (log.head, log.tail) == (43_263, 0)
    log.append(b"newest".ljust(16))
    assert (log.head, log.tail, log.row(0)) == (0, 1, b"newest".ljust(16))
