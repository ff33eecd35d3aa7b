"""The composition: every part of it there, nothing of it open or root, and its commands run together as processes.

Refuses to claim that an image was built: where there is no container engine, that is not tried.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pumpctl.guard.wire import LOCK_NAME
from pumpctl.shell.control_client import ControlClient, NoDaemon
from pumpctl.shell.settings import load_settings
from tests.conftest import Broker
from tests.home_assistant.plain_yaml import read_yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "compose"
BIN = Path(sys.executable).parent
WITHIN_S = 60.0
PUMP_SOCKET = "/tmp/pump.sock"  # noqa: S108 (in a container of its own)
# Of the Compose specification, those that are used here.
KEYS = {
    "build", "cap_drop", "command", "depends_on", "image", "init", "network_mode", "networks", "pid", "read_only",
    "restart", "security_opt", "tmpfs", "volumes",
}  # fmt: skip
OURS = ("simulator", "guard", "daemon")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: Any = read_yaml((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return document


def test_every_key_is_known_and_every_name_is_defined(compose: dict[str, Any]) -> None:
    assert set(compose) == {"name", "services", "networks", "volumes"}
    for name, service in compose["services"].items():
        assert set(service) <= KEYS, name
        assert set(service.get("networks", [])) <= set(compose["networks"])
        assert set(service.get("depends_on", [])) <= set(compose["services"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (FOLDER / source).is_file(), volume
    assert (FOLDER / compose["services"]["simulator"]["build"]["context"]).resolve() == ROOT
    assert (ROOT / compose["services"]["simulator"]["build"]["dockerfile"]).is_file()


def test_nothing_is_open_to_the_outside_and_nothing_of_ours_may_more_than_it_needs(compose: dict[str, Any]) -> None:
    assert compose["networks"]["inside"]["internal"] == "true"
    for name in OURS:
        service = compose["services"][name]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"] == "true"
    assert compose["services"]["guard"]["network_mode"] == "none"


@pytest.mark.hazard("H46")
def test_the_guard_is_not_in_the_daemon_s_container_and_can_see_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["daemon"]["pid"] == "service:guard"
    assert "state:/var/lib/pumpctl" in services["guard"]["volumes"]
    assert "state:/var/lib/pumpctl" in services["daemon"]["volumes"]


def test_the_settings_name_the_services(compose: dict[str, Any]) -> None:
    settings = load_settings(FOLDER / "settings.toml")
    host = re.fullmatch(r"socket://([a-z]+):([0-9]+)", settings.channel[0].port)
    assert host is not None
    command: list[str] = compose["services"][host[1]]["command"]
    assert command[command.index("--tcp") + 1] == f"0.0.0.0:{host[2]}"
    assert settings.channel[0].serial == command[command.index("--serial") + 1]
    assert settings.mqtt is not None
    assert settings.mqtt.host in compose["services"]


def test_the_image_holds_what_the_lock_file_names_by_hash_and_runs_without_root() -> None:
    lines = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in lines
    assert "--no-deps --no-build-isolation ." in lines
    last = lines[lines.rindex("\nFROM ") :]
    assert "\nUSER pumpctl\n" in last
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", lines, re.MULTILINE)
    sources = {name for line in copied for name in line.split()}
    kept = {line[1:] for line in (FOLDER / "Dockerfile.dockerignore").read_text().split() if line.startswith("!")}
    assert sources == kept
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(packages["packages"]) <= sources
    assert all((ROOT / name).exists() for name in sources)


class Composition:
    """The commands of the file as processes of this host, on loopback and in a folder of the test."""

    def __init__(self, compose: dict[str, Any], folder: Path) -> None:
        self.state_dir = folder / "state"
        self.state_dir.mkdir()
        self._folder = folder
        self._commands = {name: list(compose["services"][name]["command"]) for name in OURS}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, **replaced: str) -> subprocess.Popen[bytes]:
        words = [replaced.get(word, word) for word in self._commands[name]]
        log = (self._folder / f"{name}.log").open("wb")
        with log:
            self.processes[name] = subprocess.Popen(
                [BIN / words[0], *words[1:]], stdout=subprocess.PIPE if name == "simulator" else log, stderr=log
            )
        return self.processes[name]

    def settings(self, pump: str, broker: Broker) -> Path:
        text = (FOLDER / "settings.toml").read_text()
        places = {
            "socket://simulator:7000": f"socket://{pump}",
            '"mosquitto"': f'"{broker.host}"\nport = {broker.port}',
            "/var/lib/pumpctl": str(self.state_dir),
        }
        for old, new in places.items():
            assert old in text
            text = text.replace(old, new)
        path = self._folder / "settings.toml"
        path.write_text(text)
        return path

    def end(self) -> None:
        """The guard last: it stays for the next daemon, and there is none."""
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            process.wait(WITHIN_S)
            if process.stdout is not None:
                process.stdout.close()
        lock = self.state_dir / LOCK_NAME
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            guard = int(lock.read_text())
            if f"{self.state_dir}" in Path(f"/proc/{guard}/cmdline").read_text():
                os.kill(guard, signal.SIGKILL)


@pytest.fixture
def composition(compose: dict[str, Any], tmp_path: Path) -> Iterator[Composition]:
    made = Composition(compose, tmp_path)
    yield made
    made.end()


def wait(wanted: str, reached: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline_s:
        with contextlib.suppress(NoDaemon):
            if reached():
                return
        time.sleep(0.02)  # a socket that comes to be has no event
    pytest.fail(f"not within {WITHIN_S} s: {wanted}")


def test_its_commands_work_together(composition: Composition, mosquitto: Broker, tmp_path: Path) -> None:
    state = str(composition.state_dir)
    simulator = composition.start("simulator", **{"0.0.0.0:7000": "127.0.0.1:0", PUMP_SOCKET: str(tmp_path / "p.sock")})
    assert simulator.stdout is not None
    ready = json.loads(simulator.stdout.readline())
    guard = composition.start("guard", **{"/var/lib/pumpctl": state})
    wait("the porch listens", (composition.state_dir / "guard.sock").exists)
    settings = composition.settings(ready["tcp"], mosquitto)
    composition.start("daemon", **{"/etc/pumpctl/settings.toml": str(settings)})

    def link() -> str:
        with ControlClient(composition.state_dir / "control.sock", wait_s=5) as client:
            return str(client.call("status", {})["channels"]["a"]["link"])

    wait("the link is up", lambda: link() == "up")
    guarding = int((composition.state_dir / LOCK_NAME).read_text())
    parent = Path(f"/proc/{guarding}/stat").read_text().rsplit(")", 1)[1].split()[1]
    assert int(parent) == guard.pid
