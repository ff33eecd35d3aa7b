"""The systemd units: what systemd itself thinks of them, and that they start what there is."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pumpctl.shell.guard_link import RELEASE_WAIT_S
from pumpctl.shell.settings import load_settings
from pumpctl.shell.systemd import Systemd
from tests.deploy.unit_file import UNITS, read_unit

ROOT = UNITS.parents[1]
NAMES = ("pumpctl.service", "pumpctl-guard.service")
BIN = Path(sys.executable).parent
MOST_EXPOSED = 25  # tenths: 2.5 of 10
HOME = tomllib.loads((ROOT / "deploy/examples/settings/home.toml").read_text(encoding="utf-8"))


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("this test needs systemd-analyze: install the package systemd (`make test` does, as root)")
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_systemd_calls_the_sandbox_tight(name: str) -> None:
    told = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(UNITS / name))
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"Overall exposure level for {name}" in told.stdout


def test_a_unit_without_a_sandbox_would_be_seen(tmp_path: Path) -> None:
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    assert analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(bare)).returncode != 0


def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    """Both at once, for each names the other; the programs are those of this environment."""
    for name in NAMES:
        (tmp_path / name).write_text((UNITS / name).read_text().replace("/opt/pumpctl/bin", str(BIN)))
    told = analyze("verify", "--man=no", *(str(tmp_path / name) for name in NAMES))
    ours = [line for line in told.stderr.splitlines() if "pumpctl" in line]
    assert ours == []
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("name", NAMES)
def test_what_a_unit_starts_is_there_and_takes_its_words(name: str) -> None:
    (command,) = read_unit(name)["Service"]["ExecStart"]
    program, *words = shlex.split(command)
    assert program.startswith("/opt/pumpctl/bin/")
    at = len(words) - 2  # the last option and its value; before it: what takes them
    told = subprocess.run(
        [BIN / Path(program).name, *words[:at], "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 0, told.stderr
    assert words[at] in told.stdout


@pytest.mark.parametrize("settings", sorted((ROOT / "deploy/examples/settings").glob("*.toml")), ids=lambda p: p.name)
def test_the_example_settings_are_settings(settings: Path) -> None:
    assert load_settings(settings).channel


def test_both_units_and_the_settings_mean_the_same_places_and_user() -> None:
    daemon, guard = (read_unit(name)["Service"] for name in NAMES)
    state_dir = f"/var/lib/{daemon['StateDirectory'][0]}"
    assert HOME["state_dir"] == state_dir
    assert guard["ExecStart"][0].endswith(f" --state-dir {state_dir}")
    for key in ("StateDirectory", "StateDirectoryMode", "User", "Group", "UMask"):
        assert daemon[key] == guard[key], key
    assert daemon["StateDirectoryMode"] == ["0750"]


@pytest.mark.hazard("H46")
def test_ending_the_daemon_s_unit_leaves_every_guard_alone() -> None:
    for name in NAMES:
        unit = read_unit(name)
        assert unit["Service"]["KillMode"] == ["process"], name
        assert unit["Service"]["OOMPolicy"] == ["continue"], name
        told = " ".join(value for values in unit["Unit"].values() for value in values)
        assert not {"BindsTo", "Requires", "PartOf"} & set(unit["Unit"]), told
    assert read_unit("pumpctl-guard.service")["Service"]["SendSIGKILL"] == ["no"]


def test_a_daemon_that_ends_is_started_again_for_ever() -> None:
    daemon = read_unit("pumpctl.service")
    assert daemon["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert daemon["Service"]["Restart"] == ["on-failure"]
    assert daemon["Service"]["RestartPreventExitStatus"] == ["2"]  # settings that cannot be used (cli/failure.py)
    assert int(daemon["Service"]["TimeoutStartSec"][0]) > 2 * RELEASE_WAIT_S


def test_the_watchdog_is_fed_four_times_in_its_period(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        assert read_unit(name)["Service"]["Type"] == ["notify"]
    (period_s,) = read_unit("pumpctl.service")["Service"]["WatchdogSec"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", str(int(period_s) * 1_000_000))
        now_s = [0.0]
        systemd = Systemd(lambda: now_s[0])
        for step in range(40 * int(period_s)):
            now_s[0] = step / 40
            systemd.feed()
        systemd.close()
        assert [listening.recv(64) for _ in range(4)] == [b"WATCHDOG=1"] * 4
        with pytest.raises(BlockingIOError):
            listening.recv(64)


def test_the_serial_ports_are_the_only_devices() -> None:
    daemon, guard = (read_unit(name)["Service"] for name in NAMES)
    assert daemon["DevicePolicy"] == guard["DevicePolicy"] == ["closed"]
    assert daemon["DeviceAllow"] == ["char-ttyUSB rw", "char-ttyACM rw"]
    assert "DeviceAllow" not in guard
    assert daemon["SupplementaryGroups"] == ["dialout"]


def test_no_public_address_is_allowed() -> None:
    daemon, guard = (read_unit(name)["Service"] for name in NAMES)
    assert daemon["IPAddressDeny"] == guard["IPAddressDeny"] == ["any"]
    assert guard["PrivateNetwork"] == ["yes"]
    (allowed,) = daemon["IPAddressAllow"]
    assert not re.search(r"(^| )(any|0\.0\.0\.0|::/)", allowed)


@pytest.mark.parametrize("name", NAMES)
def test_no_right_of_root_is_kept(name: str) -> None:
    service = read_unit(name)["Service"]
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == [""]
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["User"] == ["pumpctl"]
    assert Path(shlex.split(service["ExecStart"][0])[0]).is_absolute()
