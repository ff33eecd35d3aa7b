"""The guard's loop: tells the watch what happened and carries out what it decides.

Refuses to decide. One thread polls with a stated longest sleep; whatever it reads is bounded for each pass.
"""

from __future__ import annotations

import os
import select
import time  # noqa: TID251 - a process of its own: it has nobody to hand it the time
from pathlib import Path

from pumpctl.guard.action import Action, Alarm, Answer, KillDaemon, Settled, WriteStop
from pumpctl.guard.askers import Askers
from pumpctl.guard.companion import LAST_MESSAGES, Companion, Message
from pumpctl.guard.decision import NS_PER_MS, Watch
from pumpctl.guard.notice import Notices
from pumpctl.guard.port import Line, Port
from pumpctl.guard.slot import SlotWriter, StoppedByGuard, rows_of
from pumpctl.guard.wire import CHANNEL_LIMIT, FRAME_LIMIT_BYTES, SLOT_NAME, decode

SLOT_WAIT_S = 2.0  # on leaving: what is not durable by then is told to the next daemon in so many words
PULSE_NS = 500 * NS_PER_MS  # how often the daemon hears that we live


def now_ns() -> int:
    """CLOCK_BOOTTIME: a suspended host shows as a pause of our own."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Guard:
    """Runs from `run()` until a next daemon has claimed the ports or nothing is left to guard."""

    def __init__(self, state_dir: Path, companion: Companion, askers: Askers, lock: int, notices: Notices) -> None:
        self._companion = companion
        self._askers = askers
        self._lock = lock
        self._notices = notices
        self._slot = SlotWriter(state_dir / SLOT_NAME)
        self._ports: dict[str, Port] = {}
        self._watch = Watch(now_ns())
        self._claimer: int | None = None
        self._asked_to_end = False
        self._pulse_due_ns = 0

    def run(self) -> None:
        while not self._finished():
            ready = self._poll()
            now = now_ns()
            self._hear(ready, now)
            for action in self._watch.tick(now):
                self._carry_out(action)
            self._pulse(now)
        self._leave()

    def end_if_alone(self, _signal: int, _frame: object) -> None:
        """SIGTERM ends a guard without a daemon; one that guards goes on (it ends with its daemon)."""
        self._asked_to_end = True

    def _finished(self) -> bool:
        asked = self._asked_to_end and not self._watch.daemon_present
        self._asked_to_end = asked
        claimed = self._claimer is not None
        return self._watch.nothing_to_guard or ((claimed or asked) and not self._watch.firing)

    def _poll(self) -> set[int]:
        poll = select.poll()
        companion = self._companion
        if self._watch.daemon_present:
            poll.register(companion.messages, select.POLLIN)
            poll.register(companion.heartbeats, select.POLLIN)
        if companion.pidfd is not None:
            poll.register(companion.pidfd, select.POLLIN)
        for descriptor in (self._askers.listener.fileno(), *self._askers.descriptors()):
            poll.register(descriptor, select.POLLIN)
        for port in self._ports.values():
            if port.readable:
                poll.register(port.descriptor, select.POLLIN)
        sleep_ns = max(0, self._watch.wake_ns - now_ns())
        return {descriptor for descriptor, _ in poll.poll(-(-sleep_ns // NS_PER_MS))}

    def _hear(self, ready: set[int], now: int) -> None:
        """Everything that arrived, the daemon's own word before the askers'."""
        companion = self._companion
        if self._watch.daemon_present:
            self._hear_companion(now)
        if (companion.pidfd in ready) if companion.pidfd is not None else companion.died():
            self._bury_companion()
        for name, port in self._ports.items():
            # Another port of its line may have read its answer, so none is asked whether its descriptor was ready.
            if port.readable and port.read_stopped():
                self._watch.stopped_seen(name)
        for asker in self._askers.descriptors():
            if asker in ready:
                self._hear_asker(asker, now)
        if self._askers.listener.fileno() in ready:
            for dropped in self._askers.accept():
                self._forget(dropped)

    def _forget(self, asker: int) -> None:
        self._watch.forget(asker)
        self._claimer = None if self._claimer == asker else self._claimer

    def _hear_companion(self, now: int) -> None:
        messages, open_ = self._companion.receive()
        for message in messages:
            self._hear_message(message, now)
        beats = self._companion.beats()
        if beats:
            self._watch.heartbeat(now)
        if beats is None or not open_:
            self._hear_last_words(now)

    def _hear_last_words(self, now: int) -> None:
        """It says nothing more: all that it said counts, also what came after our last look and beyond one pass."""
        messages, _ = self._companion.receive(LAST_MESSAGES)
        for message in messages:
            self._hear_message(message, now)
        self._watch.daemon_closed()

    def _bury_companion(self) -> None:
        if self._companion.pidfd is not None:
            os.close(self._companion.pidfd)
            self._companion.pidfd = None
        if self._watch.daemon_present:
            self._hear_companion(now_ns())
        if self._watch.daemon_present:
            self._hear_last_words(now_ns())  # its pipe may have held beats, or another process may hold its end
        self._watch.daemon_died()

    def _hear_message(self, message: Message, now: int) -> None:
        descriptor = message.descriptor
        match message.body:
            case {"do": "open", "channel": str(channel)} if descriptor is not None and len(self._ports) < CHANNEL_LIMIT:
                self._open_port(channel, descriptor, str(message.body.get("line", "")))
                return
            case {"do": "close", "channel": str(channel)}:
                self._close_port(channel)
            case {"do": "arm", "channel": str(name), "stop": str(stop), "stopped": str(stopped), "lease": bool(lease)}:
                proven = message.body.get("proven") is True
                self._arm(name, _frame(stop), _frame(stopped), lease, proven, now)
            case {"do": "disarm", "channel": str(channel)}:
                self._watch.disarmed(channel)
                if channel in self._ports:
                    self._ports[channel].disarm()
            case {"do": "leave"}:
                self._watch.daemon_left()
            case {"do": "written", "channel": str(channel)}:
                self._watch.stop_written(channel, now)
            case _:
                self._notices.line(f"the daemon said what I do not understand: {message.body!r:.200}", ring=True)
        if descriptor is not None:
            os.close(descriptor)

    def _arm(self, channel: str, stop: bytes, stopped: bytes, lease: bool, proven: bool, now: int) -> None:
        if channel in self._ports and stop and stopped:
            self._ports[channel].arm(stop, stopped)
            self._watch.armed(channel, lease, now, proven=proven)

    def _open_port(self, channel: str, descriptor: int, line: str) -> None:
        """A line that other channels hang on is open already: their descriptor serves this one, too."""
        self._close_port(channel)
        shared = next((port.line for port in self._ports.values() if line and port.line.name == line), None)
        if shared is not None:
            os.close(descriptor)
        self._ports[channel] = Port(shared or Line(descriptor, line))
        self._watch.port_opened(channel)

    def _close_port(self, channel: str) -> None:
        self._watch.port_closed(channel)
        if (port := self._ports.pop(channel, None)) is not None:
            port.close()

    def _hear_asker(self, asker: int, now: int) -> None:
        lines = self._askers.lines(asker)
        for line in lines or []:
            self._hear_line(asker, line, now)
        if lines is None:
            self._askers.drop(asker)
            self._forget(asker)

    def _hear_line(self, asker: int, line: bytes, now: int) -> None:
        match decode(line):
            case {"stop": None}:
                self._watch.asked(asker, None, now)
            case {"stop": str(channel)}:
                self._watch.asked(asker, channel, now)
            case {"claim": True} if self._watch.daemon_present:
                self._askers.answer(asker, {"error": "the daemon is running", "daemon_pid": self._companion.pid})
            case {"claim": True}:
                self._claimer = asker
            case _:
                self._askers.answer(asker, {"error": 'ask {"stop": null}, {"stop": "CHANNEL"} or {"claim": true}'})

    def _carry_out(self, action: Action) -> None:
        match action:
            case KillDaemon():
                self._companion.kill()
                self._notices.line("ending the daemon: it does not stop the pump", ring=True)
            case WriteStop(channel, cause, first):
                trouble = self._ports[channel].write_stop(first)
                if first:
                    self._record(channel, cause.value, proven=False)
                    self._notices.line(f"{channel}: STOP: {cause.value}{trouble and '; ' + trouble}", ring=True)
            case Settled(channel, cause, proven):
                self._ports[channel].readable = False
                self._record(channel, cause.value, proven)
                verdict = "the pump answered that it has stopped" if proven else "NOT PROVEN STOPPED: clamp the line"
                self._notices.line(f"{channel}: {verdict}", ring=not proven)
            case Alarm(message):
                self._notices.line(message, ring=True)
            case Answer(asker, outcomes):
                self._askers.answer(asker, {"outcomes": {name: outcome.value for name, outcome in outcomes.items()}})

    def _record(self, channel: str, reason: str, proven: bool) -> None:
        self._slot.put(StoppedByGuard(channel, reason, proven, time.time_ns() // NS_PER_MS))

    def _pulse(self, now: int) -> None:
        if now >= self._pulse_due_ns and self._watch.daemon_present:
            self._pulse_due_ns = now + PULSE_NS
            self._companion.send({"alive": True})

    def _leave(self) -> None:
        """Give everything up before saying so: the next daemon opens these ports at once."""
        unrecorded = self._slot.unrecorded(SLOT_WAIT_S)
        for port in self._ports.values():
            port.close()
        self._askers.close_listener()
        os.close(self._lock)
        if self._claimer is not None:
            self._askers.answer(self._claimer, {"released": True, "unrecorded": rows_of(unrecorded)})


def _frame(hexadecimal: str) -> bytes:
    """The bytes of a frame, or none when they cannot be one: then the channel is not armed."""
    try:
        frame = bytes.fromhex(hexadecimal)
    except ValueError:
        return b""
    return frame if len(frame) <= FRAME_LIMIT_BYTES else b""
