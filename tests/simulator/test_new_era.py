"""The simulated New Era pump: what it answers, what it does by itself, and how it goes wrong."""

from __future__ import annotations

import pytest

from protocols.new_era.framing import Mode, encode_reply, encode_request
from protocols.new_era.messages import AlarmKind, Prompt, Refusal, Reply
from tests.simulator.new_era_desk import EXACT, NewEraDesk

STOPPED = Reply(0, Prompt.STOPPED)


def test_the_alarm_of_a_power_on_is_told_once_instead_of_what_was_asked():
    desk = NewEraDesk(acknowledged=False)
    assert desk.ask("VOL5") == Reply(0, AlarmKind.RESET)
    assert desk.body("VOL") == "0.000ML"
    assert desk.ask("VOL5") == STOPPED
    assert desk.body("VOL") == "5.000ML"


def test_only_its_own_address_is_answered_and_a_star_always():
    desk = NewEraDesk(12)
    assert desk.ask() == Reply(12, Prompt.STOPPED)
    assert desk.ask("VER", 1) is None
    assert desk.ask("VER", 0) is None
    assert desk.say(b"*ADR7\r") == Reply(7, Prompt.STOPPED)
    assert desk.ask("VER") is None
    assert desk.ask("VER", 7) == Reply(7, Prompt.STOPPED, "NE1000V3.928")
    assert desk.say(b"*ADR100\r") == Reply(7, Prompt.STOPPED, "?OOR")
    assert desk.say(b"*RESET\r") == STOPPED


def test_safe_mode_is_answered_in_the_new_mode_and_takes_no_basic_line():
    desk = NewEraDesk()
    now = desk.now
    assert desk.pump.receive(b"0SAF10\r", now) == encode_reply(b"00S", Mode.SAFE)
    assert desk.pump.receive(b"0\r", now) == b""
    assert desk.pump.receive(encode_request(b"0SAF", Mode.SAFE), now) == encode_reply(b"00S10", Mode.SAFE)
    assert desk.pump.receive(encode_request(b"0SAF0", Mode.SAFE), now) == encode_reply(b"00S", Mode.BASIC)
    assert desk.pump.receive(encode_request(b"0", Mode.SAFE), now) == encode_reply(b"00S", Mode.BASIC)


def test_a_packet_with_a_wrong_crc_is_told_to_be_one_by_the_pump_it_seems_to_be_for():
    desk = NewEraDesk()
    wrong = bytearray(encode_request(b"0RUN", Mode.SAFE))
    wrong[-2] ^= 1
    assert desk.say(bytes(wrong)) == Reply(0, Prompt.STOPPED, "?COM")
    wrong[2] = ord("5")
    assert desk.say(bytes(wrong)) is None
    assert desk.truth.starts == 0


def test_half_a_safe_packet_is_forgotten_after_half_a_second():
    desk = NewEraDesk()
    packet = encode_request(b"0VER", Mode.SAFE)
    for silence_s, answered in ((0.499, True), (0.5, False)):
        assert desk.say(packet[:5]) is None
        desk.wait(silence_s)
        assert (desk.say(packet[5:]) is not None) is answered
        desk.say(b"\r")  # ends the line that the rest was taken for


@pytest.mark.parametrize(
    ("diameter", "rate", "fits"),
    [
        ("8.585", "177.1MH", True), ("8.585", "177.2MH", False), ("8.585", "2.435UH", True),
        ("8.585", "2.434UH", False),
        ("14.43", "500.4MH", True), ("14.43", "500.6MH", False), ("26.59", "1699MH", True), ("26.59", "1700MH", False),
        ("26.59", "0.024MH", True), ("26.59", "0.023MH", False), ("26.59", "0MH", False), ("26.59", "9999MM", False),
    ],
)  # fmt: skip
def test_rates_are_limited_by_the_syringe(diameter: str, rate: str, fits: bool):
    desk = NewEraDesk()
    desk.ask(f"DIA{diameter}")
    assert desk.body(f"RAT{rate}") == ("" if fits else "?OOR")


@pytest.mark.parametrize(
    ("command", "body"),
    [
        ("DIA0.1", ""), ("DIA0.099", "?OOR"), ("DIA50", ""), ("DIA50.01", "?OOR"), ("DIA", "14.43"), ("PHN", "01"),
        ("PHN41", ""), ("PHN42", "?OOR"), ("PHN0", "?OOR"), ("FUN", "RAT"), ("FUNXYZ", "?"), ("RAT", "1.000MM"),
        ("RAT1.2345", "?OOR"), ("VOL", "0.000UL"), ("VOLXL", "?OOR"), ("DIR", "INF"), ("DIRUP", "?"), ("DIRREV", ""),
        ("CLDINF", ""), ("CLDWDR", ""), ("CLD", "?"), ("DIS", "I0.000W0.000UL"), ("SAF", "0"), ("SAF256", "?OOR"),
        ("BUZ13", ""), ("AL1", ""), ("BOGUS", "?"), ("RUNRAT", "?"), ("RUN42", "?"), ("STPX", "?"),
        ("VER", "NE1000V3.928"), ("RUN0", "?OOR"),
    ],
)  # fmt: skip
def test_each_command_at_a_stopped_pump(command: str, body: str):
    desk = NewEraDesk()
    desk.ask("VOLUL")
    assert desk.body(command) == body
    assert desk.truth.starts == 0


def test_the_diameter_sets_the_unit_and_clears_what_was_dispensed():
    desk = NewEraDesk()
    desk.program(volume="1")
    desk.ask("RUN")
    desk.wait(61)
    assert desk.body("DIS") == "I1.000W0.000ML"
    desk.ask("DIA14")
    assert desk.body("DIS") == "I0.000W0.000ML"
    fresh = NewEraDesk()
    assert fresh.body("VOL") == "0.000ML"
    fresh.ask("DIA14")
    assert fresh.body("VOL") == "0.000UL"
    fresh.ask("DIA14.01")
    assert fresh.body("VOL") == "0.000ML"


@pytest.mark.parametrize(
    "command", ["DIA20", "PHN2", "FUNSTP", "VOL5", "VOLML", "DIRINF", "CLDINF", "RUN", "RUN1", "PUR", "RAT30UH"]
)
def test_what_a_running_pump_refuses(command: str):
    desk = NewEraDesk()
    desk.program(volume="10")
    assert desk.state("RUN") == "I"
    reply = desk.ask(command)
    assert reply is not None
    assert reply.refusal is Refusal.NOT_APPLICABLE
    assert desk.state() == "I"


def test_a_program_ends_at_its_volume_exactly():
    desk = NewEraDesk(profile=EXACT)
    desk.program("60MH", "1")
    desk.ask("RUN")
    desk.wait(59.9)
    assert desk.state() == "I"
    desk.wait(0.2)
    assert desk.state() == "S"
    assert desk.body("DIS") == "I1.000W0.000ML"
    desk.wait(600)
    assert desk.truth.delivered_ul == pytest.approx(1000, abs=0.5)
    assert desk.truth.max_commanded_flow_ul_h == 60_000


def test_without_a_stop_behind_it_the_program_runs_on():
    desk = NewEraDesk(profile=EXACT)
    desk.program("60MH", "1")
    desk.ask("PHN2")
    desk.ask("FUNRAT")  # as from the factory: 1 mL/min, no end
    desk.ask("RUN")
    desk.wait(600)
    assert desk.state() == "I"
    assert desk.truth.delivered_ul > 9_000


def test_stop_pauses_and_a_second_stop_ends_the_program():
    desk = NewEraDesk(profile=EXACT)
    desk.program("60MH", "1")
    desk.ask("RUN")
    desk.wait(30)
    assert desk.state("STP") == "P"
    assert desk.state("RUN") == "I"
    desk.wait(29)
    assert desk.state("STP") == "P"
    assert desk.state("STP") == "S"
    assert desk.state("STP") == "S"
    assert desk.truth.delivered_ul == pytest.approx(983, abs=3)
    desk.ask("RUN")
    desk.wait(61)
    assert desk.truth.delivered_ul == pytest.approx(1983, abs=3)
    assert (desk.truth.starts, desk.truth.resumes, desk.truth.stops_received) == (2, 1, 4)


def test_the_rate_may_change_while_it_runs_its_unit_may_not():
    desk = NewEraDesk(profile=EXACT)
    desk.program("60MH", "10")
    desk.ask("RUN")
    assert desk.body("RAT30") == ""
    assert desk.truth.commanded_flow_ul_h == 30_000
    assert desk.body("RAT500UM") == "?NA"
    assert desk.body("RAT") == "30.00MH"


def test_purging_lasts_until_it_is_stopped():
    desk = NewEraDesk()
    assert desk.state("PUR") == "X"
    assert desk.truth.commanded_flow_ul_h > 490_000
    assert desk.state("STP") == "S"
    assert desk.truth.commanded_flow_ul_h == 0
