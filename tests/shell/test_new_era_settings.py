"""What a New Era channel must be told, and that its word for `simulated` is taken of a harmless line alone."""

from __future__ import annotations

import os
import pty
import socket
from pathlib import Path

import pytest

from protocols.errors import LocalProtocolError
from protocols.new_era.figures import number_text, shown_text, thousandths
from pumpctl.configuration import NewEraSetup
from pumpctl.drivers.new_era_status import capability
from pumpctl.shell.new_era_settings import is_loopback, may_be_simulated
from pumpctl.shell.port import OpenPort, PortUnusable, only_of_this_host, open_port
from pumpctl.shell.settings import load_settings
from pumpctl.shell.unusable import Unusable

CHANNEL = """
state_dir = "/var/lib/pumpctl"
mode = "rig"

[[channel]]
name = "a"
dialect = "{dialect}"
port = "{port}"
serial = "SIM-0001"
patient_id = "p1"
"""
TABLE = """
[channel.new_era]
address = 7
syringe_diameter_um = 26590
syringe_ml = 60
safe_mode_s = 30
simulated = true
"""


def settings_of(tmp_path: Path, text: str) -> NewEraSetup | None:
    path = tmp_path / "rig.toml"
    path.write_text(text)
    return load_settings(path).for_controller().channels[0].new_era


def channel(dialect: str = "new_era", port: str = "/run/pump-a", table: str = TABLE) -> str:
    return CHANNEL.format(dialect=dialect, port=port) + table


def test_the_controller_gets_what_the_pump_cannot_tell(tmp_path: Path):
    assert settings_of(tmp_path, channel()) == NewEraSetup(7, 26_590, 60_000, 30, simulated=True)
    undeclared = channel(table=TABLE.replace("simulated = true", ""))
    assert settings_of(tmp_path, undeclared) == NewEraSetup(7, 26_590, 60_000, 30, simulated=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (channel(table=""), "belongs to that dialect"),
        (channel(dialect="companion"), "belongs to that dialect"),
        (channel(port="/dev/ttyUSB0"), "only of a pseudo-terminal"),
        (channel(port="socket://192.0.2.1:4001"), "only of a pseudo-terminal"),
        (channel(table=TABLE.replace("26590", "26595")), "four digits"),
        (channel(table=TABLE.replace("26590", "99")), "greater than or equal to 100"),
        (channel(table=TABLE.replace("syringe_ml = 60", "syringe_ml = 100")), "syringe_ml: .* to 99 mL at most"),
        (channel(table=TABLE.replace("syringe_ml = 60", "syringe_ml = 0")), "greater than or equal to 1"),
        (channel(table=TABLE.replace("26590", "true")), "must be a number"),
        (channel(table=TABLE.replace("7", "100")), "less than or equal to 99"),
        (channel(table=TABLE.replace("30", "256")), "less than or equal to 255"),
        (channel(table=TABLE.replace("safe_mode_s = 30", "")), "missing key"),
        (channel(table=TABLE + "serial = 'x'\n"), "unknown key"),
    ],
)
def test_what_is_refused(text: str, why: str, tmp_path: Path):
    with pytest.raises(Unusable, match=why):
        settings_of(tmp_path, text)


def test_a_diameter_of_four_digits_is_taken(tmp_path: Path):
    for diameter_um in (100, 8_585, 26_590, 50_000):
        setup = settings_of(tmp_path, channel(table=TABLE.replace("26590", str(diameter_um))))
        assert setup is not None
        assert setup.diameter_um == diameter_um


def test_the_largest_syringe_holds_no_volume_that_four_digits_cannot(tmp_path: Path):
    setup = settings_of(tmp_path, channel(table=TABLE.replace("syringe_ml = 60", "syringe_ml = 99")))
    assert setup is not None
    can = capability(setup, "NE1000")
    assert (can.reservoir_ul, can.volume_step_ul) == (99_000, 10)
    for vtbi_ul in (can.reservoir_ul - can.volume_step_ul, can.reservoir_ul, 99_990):
        assert thousandths(shown_text(vtbi_ul)) == thousandths(number_text(vtbi_ul)) == vtbi_ul
    with pytest.raises(LocalProtocolError):
        number_text(100_010)
    assert thousandths(shown_text(100_010)) == 100_000  # nor would the pump's own counter show it


@pytest.mark.parametrize(
    ("port", "may"),
    [
        ("/run/pump-a", True), ("/dev/pts/3", True), ("/dev/ttyS0", False), ("/dev/serial/by-id/usb-x", False),
        ("/dev/pump-a", False), ("socket://127.0.0.1:1", True), ("socket://[::1]:1", True),
        ("socket://localhost:1", True), ("socket://localhost.example:1", False), ("socket://10.0.0.1:1", False),
    ],
)  # fmt: skip
def test_which_names_may_lead_to_a_simulated_pump(port: str, may: bool):
    assert may_be_simulated(port) is may


def test_what_is_opened_is_looked_at_again():
    master, slave = pty.openpty()
    opened = open_port(os.ttyname(slave), 19_200)
    assert only_of_this_host(opened, "here") is opened
    opened.close()
    with socket.create_server(("127.0.0.1", 0)) as server:
        opened = open_port(f"socket://127.0.0.1:{server.getsockname()[1]}", 19_200)
        assert only_of_this_host(opened, "here") is opened
        opened.close()
    null = os.open("/dev/null", os.O_RDWR)
    with pytest.raises(PortUnusable, match="port /dev/null: the channel is declared simulated"):
        only_of_this_host(OpenPort(null, is_tty=True), "/dev/null")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(null)
    for descriptor in (master, slave):
        os.close(descriptor)
    assert is_loopback("::1")
    assert not is_loopback("localhost")
