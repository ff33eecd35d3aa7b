"""The daemon's end of the guard: starts it, shares the ports with it, tells it what it must know.

Refuses to decide anything: what the guard does with it is in pumpctl/guard/. Nothing here waits, but for `start`, and
up to BURIAL_WAIT_S for one that is killed: `restart` waits in a thread. A guard that died, hung or does not read is no
guard: `on_death` says so once, `alive` from then on.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pumpctl.events import GuardFired
from pumpctl.guard.slot import SlotDamaged, StoppedByGuard, clear_slot, entries_from, keep, read_slot
from pumpctl.guard.wire import FRAME_LIMIT_BYTES, MESSAGE_LIMIT_BYTES, SLOT_NAME, SOCKET_NAME, decode, encode
from pumpctl.shell.guard_start import END_S, GuardUnavailable, StartedGuard, start_guard
from pumpctl.shell.unusable import Unusable

RELEASE_WAIT_S = 15.0  # an older guard finishes a stop first: 10 s of STOPs, 2 s for its slot
# The guard says every 0.5 s that it lives. Counted in time in which our own loop ran, at most half a second for
# each heartbeat, so that a pause of ours is not taken for one of its.
SILENT_LIMIT_S = 3.0
SILENT_STEP_S = 0.5
BURIAL_WAIT_S = 0.1  # SIGKILL takes less, unless it hangs in the kernel


@dataclass(slots=True)
class _Port:
    descriptor: int
    line: str
    arming: Mapping[str, object] | None = None


def _on_standard_error(line: str) -> None:
    sys.stderr.write(f"{line}\n")


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
        self._untold: dict[str, None] = {}  # channels of which a new guard has still to hear, as they are then
        self._then: Callable[[Unusable | OSError | None], None] | None = None
        self._closed = False
        self._adopt(start_guard(state_dir))

    @classmethod
    def start(
        cls,
        state_dir: Path,
        loop: asyncio.AbstractEventLoop | None = None,
        say: Callable[[str], object] = _on_standard_error,
    ) -> GuardLink:
        """Claim the ports from an older guard, then start ours. Before any port opens; may wait some seconds.

        Whatever fails from here on, the next start must know what that guard stopped: it is kept first, or said.
        """
        slot, unrecorded = state_dir / SLOT_NAME, ()
        try:
            unrecorded = _claim(state_dir / SOCKET_NAME)
            trouble = keep(slot, unrecorded) if unrecorded else ""
            for entry in unrecorded if trouble else ():
                say(f"the guard stopped {_told(entry)}; not recorded: {trouble}: look at this pump")
            recorded = read_slot(slot)
        except SlotDamaged as error:
            what = "".join(f"; the guard stopped {_told(entry)}" for entry in unrecorded)
            raise GuardUnavailable(f"{error}{what}", "look at every pump, then remove this file") from error
        entries = {entry.channel: entry for entry in (*recorded, *unrecorded)}
        return cls(state_dir, loop or asyncio.get_running_loop(), _fired(tuple(entries.values())))

    @property
    def alive(self) -> bool:
        """Whether a start may be allowed: the second way to stop is there, and knows every port."""
        return self._alive and not self._untold

    def on_death(self, callback: Callable[[str], None]) -> None:
        """Called once for each guard that ends or falls silent, from the loop, with the reason."""
        self._on_death = callback

    def restart(self, then: Callable[[Unusable | OSError | None], None]) -> None:
        """After a death: a new guard with the same ports and armings. `then` hears from the loop why there is none."""
        if not self._alive:
            threading.Thread(target=self._start_in_thread, args=(then,), name="start the guard", daemon=True).start()

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
            os.write(self._guard.beats, b".")
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
        self._closed = True
        self._send({"do": "leave"})
        if self._alive:
            self._hang_up()
            self._guard.process.leave()

    def _start_in_thread(self, then: Callable[[Unusable | OSError | None], None]) -> None:
        outcome: StartedGuard | Unusable | OSError
        try:
            self._guard.process.wait_ended(END_S)
            outcome = start_guard(self._state_dir)
        except (Unusable, OSError) as error:
            outcome = error
        except Exception as error:  # a bug is one more reason why it did not start, never the end of trying
            outcome = GuardUnavailable(f"the guard did not start: {error!r}", "please report this")
        try:
            self._loop.call_soon_threadsafe(self._take, outcome, then)
        except RuntimeError:  # the loop ended meanwhile
            if isinstance(outcome, StartedGuard):
                outcome.end()

    def _take(
        self, outcome: StartedGuard | Unusable | OSError, then: Callable[[Unusable | OSError | None], None]
    ) -> None:
        if isinstance(outcome, StartedGuard):
            if self._closed:
                outcome.end(BURIAL_WAIT_S)
                return
            self._adopt(outcome)
            self._untold = dict.fromkeys(self._ports)
            self._then = then
            self._loop.add_writer(self._guard.messages.fileno(), self._tell)
        elif not self._closed:
            then(outcome)

    def _adopt(self, started: StartedGuard) -> None:
        self._guard = started
        self._alive, self._silent_s, self._beaten_s = True, 0.0, self._loop.time()
        self._loop.add_reader(started.messages.fileno(), self._hear)

    def _tell(self) -> None:
        """As much of the ports and armings as its socket takes: a whole ward at once may be more than that."""
        try:
            while self._untold:
                channel = next(iter(self._untold))
                messages, port = self._guard.messages, self._ports.get(channel)
                if port is None:
                    messages.send(encode({"do": "close", "channel": channel}))
                else:
                    opened = {"do": "open", "channel": channel, "line": port.line}
                    socket.send_fds(messages, [encode(opened)], [port.descriptor])
                    if port.arming is not None:
                        messages.send(encode(port.arming))
                del self._untold[channel]
        except BlockingIOError:
            return  # from this channel on when it has read; opening it once more does no harm
        except OSError as error:
            self._bury(f"its socket broke: {error.strerror}")
            return
        self._loop.remove_writer(self._guard.messages.fileno())
        if self._then is not None:
            then, self._then = self._then, None
            then(None)

    def _send(self, body: Mapping[str, object], descriptor: int | None = None) -> None:
        if not self._alive or body.get("channel") in self._untold:
            return
        try:
            socket.send_fds(self._guard.messages, [encode(body)], [] if descriptor is None else [descriptor])
        except BlockingIOError:
            self._bury("it does not read what it is told")
        except OSError as error:
            self._bury(f"its socket broke: {error.strerror}")

    def _hear(self) -> None:
        """It lives, or it is at its end."""
        try:
            while self._guard.messages.recv(MESSAGE_LIMIT_BYTES):
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
        """A guard that hangs still holds the ports and the lock: the next one waits for its end, in its thread."""
        self._hang_up()
        self._guard.process.kill()
        self._guard.process.wait_ended(BURIAL_WAIT_S)

    def _hang_up(self) -> None:
        self._alive = False
        self._untold, self._then = {}, None
        self._loop.remove_reader(self._guard.messages.fileno())
        self._loop.remove_writer(self._guard.messages.fileno())
        self._guard.hang_up()


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
    return GuardFired(tuple(entry.channel for entry in entries), "; ".join(_told(entry) for entry in entries))


def _told(entry: StoppedByGuard) -> str:
    verdict = "the pump answered stopped" if entry.proven else "NOT proven stopped"
    return f"{entry.channel}: {entry.reason}; {verdict}"
