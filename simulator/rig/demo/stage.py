"""What an act stands on: a simulated pump on a pty, the daemon with its guard, two counters, and the commands.

Refuses to decide what happens on it. The daemon is watched as anybody would, by `pumpctl watch`; what the pump really
did is asked of the simulator alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pumpctl.core.instant import Now
from pumpctl.guard.wire import SOCKET_NAME, encode
from pumpctl.shell.clock import Clock, boottime_ns
from simulator.rig.demo.broker import Broker
from simulator.rig.demo.children import Answer, Child, Children, Json, ask
from simulator.rig.demo.failing import Missed

SPEED = 600  # ten hours of therapy in a minute; link time is not scaled
LONGEST_SOCKET_PATH = 90  # the kernel takes 107 bytes
GUARD_LEAVES_WITHIN_S = 12.0  # one that is stopping a pump finishes that first: 10 s of STOPs
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Role:
    """One act's names."""

    act: str
    channel: str
    serial: str
    patient_id: str


class Stage:
    """Open it, play on it, close it; nothing of it is left running. `folder` keeps what was said."""

    def __init__(self, role: Role, folder: Path, short: Path, broker: Broker | None) -> None:
        self.role = role
        self.folder = folder
        self.settings = folder / "pumpctl.toml"
        self.epoch_ns = boottime_ns()
        self._short = short  # where paths of sockets and ptys are short enough for the kernel
        self._broker = broker
        self._children = Children()
        self._state_dir = _state_dir(folder, short / role.act)
        self._control = short / f"{role.act}.sock"
        self._daemon: Child | None = None
        self._watch: Child | None = None
        self._mqtt: Child | None = None
        self._serial: Child | None = None

    @property
    def state(self) -> Json:
        """The daemon's last word on the pump; empty before there is one."""
        channels = cast("Json", self._watch.newest.get("channels", {}) if self._watch else {})
        return cast("Json", channels.get(self.role.channel, {}))

    @property
    def mqtt(self) -> Json | None:
        """What the MQTT counter has counted so far; None without a broker."""
        return self._mqtt and self._mqtt.newest

    @property
    def serial(self) -> Json:
        """What the counter of the serial status line has counted so far."""
        return self._serial.newest if self._serial else {}

    def now(self) -> Now:
        """The daemon's clock: therapy time and its calendar."""
        return Clock(SPEED, self.epoch_ns).now()

    async def open_pump(self) -> None:
        """`pumpsim serve` on a pty."""
        link = self._short / f"{self.role.act}.pump"
        serve = ("serve", "--dialect", "companion", "--pty", link, "--speed", str(SPEED), "--serial", self.role.serial)
        clock = ("--epoch-boottime-ns", str(self.epoch_ns), "--control", self._control)
        log = self.folder / "pumpsim.log"
        await self._children.start("pumpsim", BIN / "pumpsim", *serve, *clock, log=log, ready=_is_ready)

    async def open_daemon(self) -> None:
        """The counters, `pumpctl run`, and a watch on it."""
        counters = (sys.executable, "-m", "simulator.rig.counters.serial")
        log = self.folder / "serial-counter.log"
        self._serial = await self._children.start("serial counter", *counters, log=log, ready=_is_ready)
        self._write_settings(str(self._serial.greeting["port"]))
        if self._broker is not None:
            where = (self._broker.host, str(self._broker.port), self.role.channel)
            counter = (sys.executable, "-m", "simulator.rig.counters.mqtt", *where)
            log = self.folder / "mqtt-counter.log"
            self._mqtt = await self._children.start("mqtt counter", *counter, log=log, ready=_is_ready)
        run = (BIN / "pumpctl", "run", "--config", self.settings)
        log = self.folder / "daemon.log"
        self._daemon = await self._children.start("pumpctl run", *run, log=log, ready=_says_ready)
        await self.watch()

    async def watch(self) -> None:
        """Begin to watch the daemon."""
        watch = (BIN / "pumpctl", "watch", "--json", "--config", self.settings)
        self._watch = await self._children.start("pumpctl watch", *watch, log=None)

    async def stop_watching(self) -> None:
        """Before the daemon is frozen: a watch on it would only hang."""
        if self._watch is not None:
            await self._watch.end()

    async def until(self, reached: Callable[[Json], bool], within_s: float, wanted: str) -> Json:
        """The daemon's first word on the pump for which `reached` holds."""
        watch, channel = self._watch, self.role.channel
        if watch is None:
            raise Missed("nobody watches the daemon")
        told = await watch.until(lambda said: reached(said["channels"][channel]), within_s, wanted)
        return cast("Json", told["channels"][channel])

    async def pumpctl(self, *words: str | Path) -> Answer:
        """A command of the daemon's command line."""
        return await ask(BIN / "pumpctl", *words, "--config", self.settings)

    async def pumpsim(self, *words: str) -> Answer:
        """A hand at the simulated pump. It always obeys, or something is wrong."""
        answer = await ask(BIN / "pumpsim", *words, "--control", self._control)
        if answer.code != 0:
            raise Missed(f"pumpsim {' '.join(words)}: {answer.said}")
        return answer

    async def truth(self) -> Json:
        """What really happened, with its trace, over the simulator's own socket."""
        return (await self.pumpsim("state", "--json", "--trace")).told

    async def freeze_daemon(self) -> None:
        """SIGSTOP, and the kernel's word that it has stopped."""
        if self._daemon is None or not self._daemon.is_running:
            raise Missed("there is no daemon to freeze")
        self._daemon.is_expected_to_end = True  # by the guard
        process_id = self._daemon.process.pid
        os.kill(process_id, signal.SIGSTOP)
        await asyncio.to_thread(os.waitid, os.P_PID, process_id, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    async def daemon_ended(self, within_s: float) -> int:
        """How the daemon ended, if somebody else has ended it."""
        if self._daemon is None:
            raise Missed("there is no daemon")
        try:
            async with asyncio.timeout(within_s):
                return await self._daemon.process.wait()
        except TimeoutError:
            raise Missed(f"the daemon did not end within {within_s:g} s") from None

    async def close_counters(self) -> None:
        """End the counters, so that their last count is the whole count."""
        for counter in (self._mqtt, self._serial):
            if counter is not None:
                if not counter.is_running:
                    raise Missed(f"the {counter.name} ended early; see {self.folder}")
                await counter.end()

    async def close(self) -> None:
        """End all, the guard too: it would stay with an armed pump, as it should with a patient's."""
        await self._children.end()
        await asyncio.to_thread(_dismiss_guard, self._state_dir / SOCKET_NAME)

    def _write_settings(self, status_port: str) -> None:
        role = self.role
        text = f"""instance = "demo-{role.act}"
state_dir = {json.dumps(str(self._state_dir))}
mode = "rig"
speed = {SPEED}
epoch_boottime_ns = {self.epoch_ns}

[[channel]]
name = "{role.channel}"
dialect = "companion"
port = {json.dumps(str(self._short / f"{role.act}.pump"))}
serial = "{role.serial}"
patient_id = "{role.patient_id}"

[status_line]
port = {json.dumps(status_port)}
"""
        if self._broker is not None:
            text += f'\n[mqtt]\nhost = "{self._broker.host}"\nport = {self._broker.port}\n'
        self.settings.write_text(text, encoding="utf-8")


def _is_ready(told: Json) -> bool:
    return told.get("ready") is True


def _says_ready(told: Json) -> bool:
    return told.get("event") == "ready"


def _state_dir(folder: Path, short: Path) -> Path:
    """In the act's folder; where that path is too long for a socket, through a short link to it."""
    state_dir = folder / "state"
    shutil.rmtree(state_dir, ignore_errors=True)
    state_dir.mkdir(parents=True)
    if len(os.fsencode(state_dir)) <= LONGEST_SOCKET_PATH:
        return state_dir
    short.symlink_to(state_dir)
    return short


def _dismiss_guard(stop_socket: Path) -> None:
    """Claim the ports as a next daemon would: the guard gives them up and ends. One that does not is ended."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(GUARD_LEAVES_WITHIN_S)
        try:
            asking.connect(str(stop_socket))
        except OSError:
            return  # it has left already
        peer = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        process_id: int = cast("tuple[Any, ...]", struct.unpack("3i", peer))[0]
        with contextlib.suppress(ProcessLookupError, ConnectionError):  # it was just leaving
            pidfd = os.pidfd_open(process_id)
            try:
                asking.sendall(encode({"claim": True}))
                if not select.select([pidfd], [], [], GUARD_LEAVES_WITHIN_S)[0]:
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            finally:
                os.close(pidfd)
