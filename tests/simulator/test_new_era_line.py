"""Twenty New Era pumps on one line, one of them failing: each answers for itself, in memory and over a pty."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from protocols.new_era.framing import Mode, Packet, ReplyDecoder, encode_request
from protocols.new_era.messages import AlarmKind, Prompt, Reply, parse_reply, request_payload
from simulator.failure import Failure
from simulator.served_pump import SharedLine, all_different, parse_pump
from tests.simulator.new_era_desk import EXACT, NewEraDesk
from tests.simulator.served import WITHIN_S, serving

PUMPS = 20
FAILING = 7


def ask_all(line: list[NewEraDesk], address: int, command: str) -> list[Reply]:
    """One request on the line; what every pump there says to it."""
    request = encode_request(request_payload(address, command), Mode.BASIC)
    return [reply for desk in line if (reply := desk.say(request)) is not None]


def test_twenty_pumps_on_one_line_of_which_one_stalls():
    line = [NewEraDesk(address, EXACT, acknowledged=False) for address in range(PUMPS)]
    for address in range(PUMPS):
        assert ask_all(line, address, "") == [Reply(address, AlarmKind.RESET)]
        for command in ("DIA26.59", "PHN2", "FUNSTP", "PHN1", f"RAT{address + 10}MH", "VOL1", "DIRINF", "RUN"):
            (reply,) = ask_all(line, address, command)
            assert (reply.address, reply.refusal) == (address, None)
    line[FAILING].inject("stall")
    for _ in range(3_600 // 10 + 10):
        for desk in line:
            desk.wait(1)
        for address in range(PUMPS):
            (reply,) = ask_all(line, address, "")
            assert reply.address == address
            if address == FAILING and isinstance(reply.state, AlarmKind):
                assert reply.state is AlarmKind.STALLED
    for address, desk in enumerate(line):
        delivered_ul = desk.truth.delivered_ul
        assert (delivered_ul < 10) if address == FAILING else (999 <= delivered_ul <= 1_000.5), address
        assert desk.truth.max_commanded_flow_ul_h == (address + 10) * 1_000


def test_a_stop_is_for_one_of_them():
    line = [NewEraDesk(address, EXACT) for address in range(PUMPS)]
    for address, desk in enumerate(line):
        desk.program(volume="10")
        ask_all(line, address, "RUN")
    assert ask_all(line, 3, "STP") == [Reply(3, Prompt.PAUSED)]
    assert [desk.truth.stops_received for desk in line] == [int(address == 3) for address in range(PUMPS)]


@pytest.mark.timeout(60)
def test_twenty_pumps_behind_one_pseudo_terminal_one_of_them_unplugged(tmp_path: Path):
    link = tmp_path / "line"
    asked_for = ["--pump", f"serial=SIM-0000,pty={link},dialect=new_era"]
    for address in range(1, PUMPS):
        asked_for += ["--pump", f"serial=SIM-00{address:02},behind=SIM-0000,address={address},dialect=new_era"]
    with serving(tmp_path, *asked_for, line=False) as served:
        assert {pump["pty"] for pump in served.ready["pumps"]} == {str(link)}
        served.tell("inject", serial=f"SIM-00{FAILING:02}", fault="unplug")
        descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        for address in range(PUMPS):
            os.write(descriptor, encode_request(request_payload(address, ""), Mode.BASIC))
            if address == FAILING:
                continue  # had it answered, its reply would be taken for the next one's
            assert _reply(descriptor) == Reply(address, AlarmKind.RESET)
        os.close(descriptor)


def _reply(descriptor: int) -> Reply:
    decoder = ReplyDecoder()
    while select.select([descriptor], [], [], WITHIN_S)[0]:
        for piece in decoder.receive(os.read(descriptor, 100)):
            assert isinstance(piece, Packet)
            return parse_reply(piece.payload)
    raise AssertionError("no reply")


def test_a_pump_behind_another_shares_its_line():
    pump = parse_pump("serial=SIM-0002,behind=SIM-0001,address=12,dialect=new_era")
    assert (pump.line, pump.address, pump.profile) == (SharedLine("SIM-0001"), 12, "new_era")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("serial=SIM-0002,behind=SIM-0001", "companion has no addresses"),
        ("serial=SIM-0002,pty=/p,address=1", "companion has no addresses"),
        ("serial=SIM-0002,pty=/p,address=100,dialect=new_era", "from 0 to 99"),
        ("serial=SIM-0002,pty=/p,address=x,dialect=new_era", "from 0 to 99"),
        ("serial=SIM-0002,pty=/p,behind=SIM-0001,dialect=new_era", "not both"),
        ("serial=SIM-0002,behind=SIM-0001,profile=x,dialect=new_era", "--profile x"),
    ],
)
def test_what_is_no_pump_on_a_line(text: str, why: str):
    with pytest.raises(Failure, match=why):
        parse_pump(text)


def test_the_pump_in_front_must_be_there_with_a_line_of_its_own():
    front = parse_pump("serial=SIM-0001,pty=/p,dialect=new_era")
    behind = parse_pump("serial=SIM-0002,behind=SIM-0001,address=1,dialect=new_era")
    further = parse_pump("serial=SIM-0003,behind=SIM-0002,address=2,dialect=new_era")
    assert all_different((behind, front)) == (behind, front)
    for pumps in ((behind,), (front, behind, further)):
        with pytest.raises(Failure, match="no line of its own"):
            all_different(pumps)
