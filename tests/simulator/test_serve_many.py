"""Several pumps in one process, each on its own kind of line, with pyserial as the companion's serial port."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import serial

from protocols.companion import messages as m
from protocols.companion.session import CompanionSession, Heard, Reply
from protocols.companion.vocabulary import Alarm, PumpState
from simulator.failure import Failure
from simulator.served_pump import MAX_PUMPS, LineKind, NetLine, PtyLine, ServedPump, all_different, parse_pump
from tests.simulator.desk import PROGRAM_ID, program
from tests.simulator.served import PUMPSIM, WITHIN_S, Served, serving

# pyserial 3.5's own client, when it opens rfc2217://
pytestmark = pytest.mark.filterwarnings(r"ignore:set(Daemon|Name)\(\) is deprecated:DeprecationWarning")

_Answer = TypeVar("_Answer", bound=m.Answer)
LOOK_S = 0.05
MOST_LOOKS = round(WITHIN_S / LOOK_S)
FULL_OF_FF = 65_500  # FF DC: telnet escapes FF


class SerialLine:
    """A pump behind `serial_for_url`, as the daemon opens it."""

    def __init__(self, url: str, session: int = 1) -> None:
        self.port = serial.serial_for_url(url, baudrate=115_200, timeout=LOOK_S)
        self.session = CompanionSession(session)

    def ask(self, asked: m.Request, answer: type[_Answer]) -> _Answer:
        self.port.write(self.session.request(asked))
        heard = self._wait_for(lambda heard: isinstance(heard, Reply))
        assert isinstance(heard, Reply)
        assert isinstance(heard.message, answer)
        return heard.message

    def stop(self) -> None:
        self.port.write(self.session.stop())
        self._wait_for(lambda heard: isinstance(heard, m.Stopped))

    def _wait_for(self, wanted: Callable[[Heard], bool]) -> Heard:
        for _ in range(MOST_LOOKS):
            for heard in self.session.receive(self.port.read(4_096)):
                if wanted(heard):
                    return heard
        raise AssertionError("nothing came")

    def close(self) -> None:
        self.port.close()


def pumps_of(served: Served) -> dict[str, str]:
    """A pyserial URL for each serial number."""
    urls: dict[str, str] = {}
    for pump in served.ready["pumps"]:
        if "pty" in pump:
            urls[pump["serial"]] = pump["pty"]
        elif "tcp" in pump:
            urls[pump["serial"]] = f"socket://{pump['tcp']}"
        else:
            urls[pump["serial"]] = f"rfc2217://{pump['rfc2217']}"
    return urls


def three(folder: Path) -> tuple[str, ...]:
    return (
        *("--pump", f"serial=SIM-PTY,pty={folder}/p"),
        *("--pump", "serial=SIM-TCP,tcp=127.0.0.1:0"),
        *("--pump", "serial=SIM-NET,rfc2217=127.0.0.1:0,profile=syringe"),
    )


def test_three_pumps_on_three_lines_are_three_pumps(tmp_path: Path):
    with serving(tmp_path, *three(tmp_path), "--auto-confirm", "--speed", "60", line=False) as served:
        lines = {name: SerialLine(url) for name, url in pumps_of(served).items()}
        for name, line in lines.items():
            assert line.ask(m.Identify(), m.Identity).serial == name
        line = lines["SIM-NET"]
        assert line.ask(m.Identify(), m.Identity).reservoir_ul == 50_000  # the syringe's
        load = program(flow_ul_h=FULL_OF_FF, flow_limit_ul_h=FULL_OF_FF, vtbi_ul=255)  # FF is what telnet escapes
        line.ask(load, m.Loaded)
        assert line.ask(m.ReadProgram(), m.Program).flow_ul_h == FULL_OF_FF
        served.tell("inject", fault="door", serial="SIM-TCP")
        assert lines["SIM-TCP"].ask(m.GetStatus(), m.Status).alarms is Alarm.DOOR_OPEN
        assert lines["SIM-PTY"].ask(m.GetStatus(), m.Status).alarms == Alarm(0)
        assert served.state(serial="SIM-NET")["state"] in {"loaded", "confirmed"}
        for line in lines.values():
            line.stop()
            line.close()


@pytest.mark.parametrize("scheme", ["pty", "tcp", "rfc2217"])
def test_an_infusion_over_each_line(tmp_path: Path, scheme: str):
    where = f"{tmp_path}/p" if scheme == "pty" else "127.0.0.1:0"
    with serving(tmp_path, "--pump", f"serial=SIM-1,{scheme}={where}", "--speed", "3600", line=False) as served:
        line = SerialLine(pumps_of(served)["SIM-1"])
        line.ask(m.Identify(), m.Identity)
        line.ask(program(flow_ul_h=10_000, vtbi_ul=1_000), m.Loaded)
        served.tell("press", button="confirm")
        token = line.ask(m.GetConfirmation(), m.Confirmation).token
        line.ask(m.Start(PROGRAM_ID, token), m.Started)
        status = line.ask(m.GetStatus(), m.Status)
        for _ in range(MOST_LOOKS):
            if status.state is PumpState.COMPLETED:
                break
            status = line.ask(m.GetStatus(), m.Status)
        assert (status.state, status.program_ul) == (PumpState.COMPLETED, 1_000)
        line.close()


def test_a_second_client_of_the_net_port_is_turned_away_and_a_next_one_is_not(tmp_path: Path):
    with serving(tmp_path, "--pump", "serial=SIM-1,rfc2217=127.0.0.1:0", line=False) as served:
        url = pumps_of(served)["SIM-1"]
        first = SerialLine(url)
        host, port = url.removeprefix("rfc2217://").split(":")
        with socket.create_connection((host, int(port)), timeout=WITHIN_S) as second:
            assert second.recv(1) == b""
        first.ask(m.Identify(), m.Identity)
        first.close()
        third = SerialLine(url, session=3)
        third.ask(m.Identify(), m.Identity)
        served.tell("inject", fault="unplug")
        third.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=WITHIN_S)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff\xf0",  # the end of what never began
        b"\xff\xfa\x2c\x01\x00\xff\xf0",  # a baud rate of one byte
        b"\xff\xfa\x2c\x03\x63\xff\xf0",  # parity 99
        b"\xff\xfa" + b"x" * 100,  # an option without end
    ],
)
def test_who_speaks_the_net_port_wrongly_is_hung_up_on_and_the_pump_goes_on(tmp_path: Path, nonsense: bytes):
    with serving(tmp_path, "--pump", "serial=SIM-1,rfc2217=127.0.0.1:0", line=False) as served:
        url = pumps_of(served)["SIM-1"]
        host, port = url.removeprefix("rfc2217://").split(":")
        with socket.create_connection((host, int(port)), timeout=WITHIN_S) as client:
            client.sendall(nonsense)
            while client.recv(4_096):
                pass
        line = SerialLine(url)
        line.ask(m.Identify(), m.Identity)
        line.close()


def test_where_several_are_served_one_has_to_be_named(tmp_path: Path):
    with serving(tmp_path, *three(tmp_path), line=False) as served:
        with pytest.raises(Failure, match="which pump"):
            served.tell("state")
        with pytest.raises(Failure, match="no pump 'SIM-X' here"):
            served.tell("state", serial="SIM-X")
        control = ["--control", str(served.control), "--serial", "SIM-PTY"]
        for command in (["inject", "siphon", "--by", "50 mL/h", "--for", "1h"], ["state"], ["heal", "siphon"]):
            ended = subprocess.run([*PUMPSIM, *command, *control], capture_output=True, text=True, check=True)
            assert not ended.stderr
        deadline_s = time.monotonic() + WITHIN_S
        while served.state(serial="SIM-PTY")["delivered_ul"] == 0.0:
            assert time.monotonic() < deadline_s
        assert served.state(serial="SIM-TCP")["delivered_ul"] == 0.0


# What is asked for.


def test_a_pump_is_read():
    assert parse_pump("serial=SIM-2,pty=pump-a") == ServedPump("SIM-2", PtyLine(Path("pump-a")))
    assert parse_pump("rfc2217=[::1]:70,serial=SIM-2,profile=syringe") == ServedPump(
        "SIM-2", NetLine(LineKind.RFC2217, "::1", 70), "syringe"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not as serial="),
        ("SIM-2", "not as serial="),
        ("serial=SIM-2,serial=SIM-3,pty=a", "not as serial="),
        ("serial=SIM-2,colour=red,pty=a", "not as serial="),
        ("pty=a", "no serial"),
        ("serial=SIM-2", "either --pty"),
        ("serial=SIM-2,pty=a,tcp=127.0.0.1:0", "either --pty"),
        ("serial=PUMP-2,pty=a", "begins SIM-"),
        ("serial=SIM-2,pty=a,profile=big", "there are reference, ambulatory_bag, syringe"),
        ("serial=SIM-2,rfc2217=7000", "--rfc2217 7000: not HOST:PORT"),
    ],
)
def test_an_unreadable_pump_is_refused(text: str, complaint: str):
    with pytest.raises(Failure, match=complaint):
        parse_pump(text)


def test_so_many_pumps_and_each_once():
    many = tuple(ServedPump(f"SIM-{place}", NetLine(LineKind.TCP, "127.0.0.1", 0)) for place in range(MAX_PUMPS))
    assert all_different(many) == many
    with pytest.raises(Failure, match="at most"):
        all_different((*many, ServedPump("SIM-X", many[0].line)))
    with pytest.raises(Failure, match="SIM-0 is asked for twice"):
        all_different((many[0], many[0]))
    link = PtyLine(Path("pump-a"))
    with pytest.raises(Failure, match="pump-a is asked for twice"):
        all_different((ServedPump("SIM-0", link), ServedPump("SIM-1", link)))
