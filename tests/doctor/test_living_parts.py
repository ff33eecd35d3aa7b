"""The doctor beside a real simulated pump, a real broker and a real daemon, and the command as people type it."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pumpctl.doctor.examination import examine
from pumpctl.doctor.finding import Finding, Verdict
from pumpctl.doctor.host import Host
from tests.conftest import Broker, PtyPair
from tests.doctor.site import WITHIN_S, Channel, Site, healthy_host, trouble
from tests.simulator.served import serving
from tests.system.real_pair import RealPair

KILL_AFTER_S = 60.0


def doctor(settings: Path, *words: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", "from pumpctl.cli.app import main; main()", "doctor", "--config", str(settings)]
    ended = subprocess.run([*command, *words], capture_output=True, text=True, timeout=KILL_AFTER_S, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def cause(check: str, found: list[Finding]) -> str:
    return "\n".join(finding.cause for finding in found if finding.check == check)


def of_pump(folder: Path, link: Path, broker: Broker, *, mode: str = "rig", serial: str = "SIM-0001") -> Site:
    site = Site(folder, [Channel(str(link), serial=serial, dialect="companion")], healthy_host(), mode)
    site.tables = f'[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
    return site


def test_a_healthy_set_up_has_no_finding_and_leaves_its_pump_as_it_was(tmp_path: Path, mosquitto: Broker) -> None:
    with serving(tmp_path, "--dialect", "companion") as served:
        site = of_pump(tmp_path, served.link, mosquitto)
        before = served.state()
        found = site.examined()
        after = served.state()
    assert trouble(found) == []
    assert "pump SIM-0001 answers" in cause("port a", found)
    still = ("state", "boot_count", "starts", "stops_received", "commanded_flow_ul_h", "program_id", "motor_ul")
    assert [after[name] for name in still] == [before[name] for name in still]


@pytest.mark.parametrize(("dialect", "serial"), [("alaris", "SIM-000001"), ("miva", "SIM00001")])
def test_pumps_of_other_dialects_are_known_by_their_numbers(tmp_path: Path, dialect: str, serial: str) -> None:
    with serving(tmp_path, "--dialect", dialect, "--serial", serial) as served:
        found = Site(tmp_path, [Channel(str(served.link), "a", serial, dialect)], healthy_host()).examined()
    assert trouble(found) == []
    assert f"pump {serial} answers" in cause("port a", found)


def test_a_new_era_pump_is_not_asked(site: Site, pty_pair: PtyPair) -> None:
    found = site.examined()
    assert "can be opened; not asked" in cause("port a", found)
    assert not select.select([pty_pair.master_fd], [], [], 0)[0]
    site.channels = [Channel("socket://127.0.0.1:1")]
    (refused,) = trouble(site.examined())
    assert "nobody listens there" in refused.cause


def test_the_command_says_it_a_line_each_and_ends_with_0(site: Site) -> None:
    code, told, complaints = doctor(site.write_settings())
    assert (code, complaints) == (0, "")  # the host's own clock may be worth a warning, and that is no fault
    lines = told.splitlines()
    assert any(line.startswith(f"ok       port a: {site.channels[0].port}: ") for line in lines)
    assert lines[-1].startswith("0 faults, ")


def test_the_pump_of_somebody_else_is_found(tmp_path: Path, mosquitto: Broker) -> None:
    with serving(tmp_path, "--dialect", "companion") as served:
        (found,) = trouble(of_pump(tmp_path, served.link, mosquitto, serial="OTHER-7").examined())
    assert (found.check, found.verdict) == ("port a", Verdict.FAULT)
    assert "has the serial number 'SIM-0001', not 'OTHER-7'" in found.cause
    assert "another patient's" in found.next_step


def test_a_simulated_pump_in_therapy_is_found(tmp_path: Path, mosquitto: Broker) -> None:
    with serving(tmp_path, "--dialect", "companion") as served:
        site = of_pump(tmp_path, served.link, mosquitto, mode="therapy")
        (found,) = [finding for finding in trouble(site.examined()) if finding.verdict is Verdict.FAULT]
    assert "a simulated pump, and mode is therapy" in found.cause
    assert found.next_step == 'write mode = "rig"'


def test_the_command_says_it_in_json_and_ends_with_6(tmp_path: Path) -> None:
    site = Site(tmp_path, [Channel(str(tmp_path / "gone"))], healthy_host())
    code, told, complaints = doctor(site.write_settings(), "--json")
    assert (code, complaints) == (6, "")
    answer = json.loads(told)
    assert answer["faults"] == 1
    (fault,) = [row for row in answer["findings"] if row["verdict"] == "fault"]
    assert fault == {
        "check": "port a",
        "verdict": "fault",
        "cause": f"{tmp_path}/gone: no such device",
        "next_step": fault["next_step"],
    }
    assert fault["next_step"].startswith("plug it in")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[RealPair]:
    made = RealPair(tmp_path)
    made.state_dir.chmod(0o750)
    yield made
    made.clean_up()


def examined(pair: RealPair) -> list[Finding]:
    host: Host = replace(healthy_host(), proc=Path("/proc"))
    return list(examine(pair.settings, host, WITHIN_S, 10 * WITHIN_S))


@pytest.mark.hazard("H47")
def test_beside_a_daemon_its_pump_is_not_asked_and_after_a_crash_the_guard_is_named(pair: RealPair) -> None:
    pair.start_pump()
    pair.start_daemon()
    pair.wait("the guard is armed", lambda: pair.state["state"] == "idle")
    assert pair.daemon is not None
    pair.wait("nothing is found", lambda: trouble(examined(pair)) == [])
    found = examined(pair)
    assert f"(pid {pair.daemon.pid})" in cause("daemon", found)
    assert "alive (pid " in cause("guard", found)
    assert "the daemon has it open" in cause("port a", found)

    pair.settings.write_text(pair.settings.read_text().replace('name = "a"', 'name = "b"'))
    pair.wait("it tells them apart", lambda: "the channels a, the settings b" in cause("daemon", examined(pair)))
    pair.settings.write_text(pair.settings.read_text().replace('name = "b"', 'name = "a"'))

    pair.kill_daemon()
    pair.wait("the guard alone is there", lambda: "of an ended daemon" in cause("guard", trouble(examined(pair))))
    found = trouble(examined(pair))
    assert "none runs" in cause("daemon", examined(pair))
    assert "not asked: what runs of ours may hold it" in cause("port a", found)
