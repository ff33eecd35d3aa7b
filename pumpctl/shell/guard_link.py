"""The daemon's end of the guard: starts it, shares the ports with it, tells it what it must know.

Refuses to decide anything: what the guard does with it is in pumpctl/guard/. Nothing here waits, but for `start` and
`restart`. A guard that died, hung or does not read is no guard: `on_death` says so once, `alive` from then on.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pumpctl.events import GuardFired
from pumpctl.guard.slot import SlotDamaged, StoppedByGuard, clear_slot, entries_from, read_slot
from pumpctl.guard.wire import FRAME_LIMIT_BYTES, MESSAGE_LIMIT_BYTES, SLOT_NAME, SOCKET_NAME, decode, encode
from pumpctl.shell.guard_start import start_guard
from pumpctl.shell.unusable import REFUSED, Unusable

READY_WAIT_S = 10.0
RELEASE_WAIT_S = 15.0  # an older guard finishes a stop first: 10 s of STOPs, 2 s for its slot
# The guard says every 0.5 s that it lives. Counted in time in which our own loop ran, at most half a second for
# each heartbeat, so that a pause of ours is not taken for one of its.
SILENT_LIMIT_S = 3.0
SILENT_STEP_S = 0.5
# Asked for so that 256 channels fit that open, or are armed, in one burst; the kernel gives up to twice its own limit.
UNREAD_BYTES = 1 << 20


class GuardUnavailable(Unusable):
    """There is no guard, so no port may open."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what, next_step, REFUSED)


@dataclass(slots=True)
class _Port:
    descriptor: int
    line: str
    arming: Mapping[str, object] | None = None


class GuardLink:
    """One guard process. Made by `GuardLink.start`."""

    def __init__(self, state_dir: Path, loop: asyncio.AbstractEventLoop, fired: GuardFired | None) -> None:
        self._state_dir = state_dir
        self._loop = loop
        self._fired = fired
        self._ports: dict[str, _Port] = {}
        self._on_death: Callable[[str], None] | None = None
        self._alive = False
        self._silent_s = 0.0
        self._beaten_s = loop.time()
        self._spawn()

    @classmethod
    def start(cls, state_dir: Path, loop: asyncio.AbstractEventLoop | None = None) -> GuardLink:
        """Claim the ports from an older guard, then start ours. Before any port opens; may wait some seconds."""
        try:
            unrecorded = _claim(state_dir / SOCKET_NAME)
            recorded = read_slot(state_dir / SLOT_NAME)
        except SlotDamaged as error:
            raise GuardUnavailable(str(error), "look at every pump, then remove this file") from error
        entries = {entry.channel: entry for entry in (*recorded, *unrecorded)}
        return cls(state_dir, loop or asyncio.get_running_loop(), _fired(tuple(entries.values())))

    @property
    def alive(self) -> bool:
        """Whether a start may be allowed: the second way to stop is there."""
        return self._alive

    def on_death(self, callback: Callable[[str], None]) -> None:
        """Called once for each guard that ends or falls silent, from the loop, with the reason."""
        self._on_death = callback

    def restart(self) -> None:
        """After a death: a new guard with the same ports and armings. Raises GuardUnavailable."""
        if not self._alive:
            self._spawn()
            self._messages.settimeout(READY_WAIT_S)  # a whole ward at once is more than a socket holds unread
            for channel, port in tuple(self._ports.items()):
                self._send({"do": "open", "channel": channel, "line": port.line}, port.descriptor)
                if port.arming is not None:
                    self._send(port.arming)
            if self._alive:
                self._messages.settimeout(0)

    def port_opened(self, channel: str, fd: int, line: str = "") -> None:
        """Share the open port. Call it before the first byte is written. Channels of one `line` share its port."""
        self._ports[channel] = _Port(fd, line)
        self._send({"do": "open", "channel": channel, "line": line}, fd)

    def port_closed(self, channel: str) -> None:
        """Call it before closing the port. Its lock is free when the guard has read this, a moment later."""
        if self._ports.pop(channel, None) is not None:
            self._send({"do": "close", "channel": channel})

    def arm(self, channel: str, stop_frame: bytes, stopped_frame: bytes, lease: bool, proven: bool) -> None:
        """From here the guard may stop this channel. Nothing happens when its port has closed meanwhile."""
        if not 0 < len(stop_frame) <= FRAME_LIMIT_BYTES or not 0 < len(stopped_frame) <= FRAME_LIMIT_BYTES:
            raise ValueError(f"{channel}: a frame for the guard has 1 to {FRAME_LIMIT_BYTES} bytes")
        if (port := self._ports.get(channel)) is not None:
            frames = {"stop": stop_frame.hex(), "stopped": stopped_frame.hex()}
            port.arming = {"do": "arm", "channel": channel, **frames, "lease": lease, "proven": proven}
            self._send(port.arming)

    def disarm(self, channel: str) -> None:
        """From here the guard writes nothing to this channel."""
        if (port := self._ports.get(channel)) is not None:
            port.arming = None
            self._send({"do": "disarm", "channel": channel})

    def stop_written(self, channel: str) -> None:
        """A STOP has left for this channel: call it right after the write."""
        self._send({"do": "written", "channel": channel})

    def heartbeat(self) -> None:
        """The loop has passed. Each pass, and at least every 250 ms."""
        if not self._alive:
            return
        now_s = self._loop.time()
        self._silent_s += min(now_s - self._beaten_s, SILENT_STEP_S)
        self._beaten_s = now_s
        try:
            os.write(self._beats, b".")
        except BlockingIOError:
            return  # 64 KiB unread: the silence below counts the same
        except OSError as error:
            self._bury(f"its heartbeat pipe broke: {error.strerror}")
            return
        if self._silent_s >= SILENT_STEP_S:
            self._hear()
        if self._alive and self._silent_s >= SILENT_LIMIT_S:
            self._bury("it did not report for 3 s")

    def fired_slot(self) -> GuardFired | None:
        """What a guard stopped before this start, until `acknowledge_slot`."""
        return self._fired

    def acknowledge_slot(self) -> None:
        """Call it when GuardFired has been journaled. Raises OSError when the slot cannot be cleared."""
        clear_slot(self._state_dir / SLOT_NAME)
        self._fired = None

    def close(self) -> None:
        """The daemon ends, its ports closed. With a channel still armed the guard stays and serves stop.sock."""
        self._send({"do": "leave"})
        if self._alive:
            self._hang_up()
            self._process.leave()

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reading, self._beats = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
        self._messages = ours
        try:
            self._process = start_guard(self._state_dir, theirs.fileno(), reading)
        finally:
            theirs.close()
            os.close(reading)
        ours.settimeout(READY_WAIT_S)
        try:
            answer = decode(ours.recv(MESSAGE_LIMIT_BYTES))
        except OSError as error:
            answer = {"error": str(error)}
        ours.settimeout(0)
        self._alive, self._silent_s, self._beaten_s = True, 0.0, self._loop.time()
        self._loop.add_reader(ours.fileno(), self._hear)
        match answer:
            case {"ready": True}:
                return
            case {"error": str(reason)}:
                self._end()
                raise GuardUnavailable(f"the guard did not start: {reason}", "end what holds it, then start again")
            case _:
                self._end()
                raise GuardUnavailable("the guard ended while starting", "its own message is on standard error")

    def _send(self, body: Mapping[str, object], descriptor: int | None = None) -> None:
        if not self._alive:
            return
        try:
            socket.send_fds(self._messages, [encode(body)], [] if descriptor is None else [descriptor])
        except BlockingIOError:
            self._bury("it does not read what it is told")
        except OSError as error:
            self._bury(f"its socket broke: {error.strerror}")

    def _hear(self) -> None:
        """It lives, or it is at its end."""
        try:
            while self._messages.recv(MESSAGE_LIMIT_BYTES):
                self._silent_s = 0.0
        except BlockingIOError:
            return
        except OSError as error:
            self._bury(f"its socket broke: {error.strerror}")
            return
        self._bury("it ended")

    def _bury(self, reason: str) -> None:
        self._end()
        if self._on_death is not None:
            self._loop.call_soon(self._on_death, f"the guard is gone: {reason}")

    def _end(self) -> None:
        """A guard that hangs still holds the ports and the lock: it must be dead before the next one."""
        self._hang_up()
        self._process.end()

    def _hang_up(self) -> None:
        self._alive = False
        self._loop.remove_reader(self._messages.fileno())
        self._messages.close()
        os.close(self._beats)


def _claim(path: Path) -> tuple[StoppedByGuard, ...]:
    """Have an older guard give up the ports. Returns what it could not write to its slot."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(RELEASE_WAIT_S)
        try:
            asking.connect(str(path))
            asking.sendall(encode({"claim": True}))
            with asking.makefile("rb") as answers:
                answer = decode(answers.readline(65_536))
        except (FileNotFoundError, ConnectionError):
            return ()  # no guard, or one that was just leaving
        except OSError as error:
            raise GuardUnavailable(
                f"{path}: the older guard does not answer: {error}", "end it, then start again"
            ) from error
    match answer:
        case {"released": True, "unrecorded": rows}:
            return entries_from(rows, path)
        case {"error": str(reason), "daemon_pid": int(pid)}:
            raise GuardUnavailable(f"{path}: {reason} (process id {pid})", "end that one first")
        case _:
            return ()  # it ended before it answered: the lock tells whether another is there


def _fired(entries: tuple[StoppedByGuard, ...]) -> GuardFired | None:
    if not entries:
        return None
    verdicts = {True: "the pump answered stopped", False: "NOT proven stopped"}
    reasons = (f"{entry.channel}: {entry.reason}; {verdicts[entry.proven]}" for entry in entries)
    return GuardFired(tuple(entry.channel for entry in entries), "; ".join(reasons))
