"""The daemon: settings in, all parts made and joined, signals obeyed, everything closed in order.

Refuses to decide anything about a pump. It comes up whole or not at all, with one clear line; it ends by a signal
without a byte to any pump (a restart neither stops nor starts a delivery), or by an exception, and then the guard is
asked to stop what is armed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger

from protocols.mqtt.topics import BASE, Topics
from pumpctl.configuration import JournalCondition, JournalContent
from pumpctl.controller import Controller
from pumpctl.core.library import Library, LibraryUnreadable
from pumpctl.effects import Publish
from pumpctl.events import Event, LinkDown, LinkUp, OperatorRequest, Recorded, RecordFailed
from pumpctl.shell.annunciator import Annunciator
from pumpctl.shell.clock import Clock, boottime_ns, wall_ms
from pumpctl.shell.control_socket import SOCKET_FILE, ControlSocket
from pumpctl.shell.crash_record import crashes_too_often, note_crash
from pumpctl.shell.event_loop import ControllerSurface, EventLoop, Outlets
from pumpctl.shell.guard_link import GuardLink, GuardUnavailable
from pumpctl.shell.home_assistant_settings import announced
from pumpctl.shell.journal import Journal
from pumpctl.shell.journal_tail import JournalTail
from pumpctl.shell.kept_guard import KeptGuard
from pumpctl.shell.library_file import read_library
from pumpctl.shell.logs import LogWriter, open_log
from pumpctl.shell.metrics import Metrics, metrics_of
from pumpctl.shell.mqtt_client import Broker
from pumpctl.shell.mqtt_link import MqttLink
from pumpctl.shell.settings import TAKE_AN_EPOCH, Settings, load_settings
from pumpctl.shell.shared_line import links_of
from pumpctl.shell.status_line import StatusLine
from pumpctl.shell.supervised_port import PortSettings
from pumpctl.shell.systemd import Systemd
from pumpctl.shell.unusable import Unusable

CRASHED = 1
UMASK = 0o027
# A fault in these tells nobody anything wrong and writes to no pump: it is logged, and supervision goes on.
TELL_ONLY = frozenset(
    f"pumpctl.shell.{room}"
    for room in (
        *("annunciator", "control_socket", "jsonrpc", "status_line"),
        *("figures", "metrics", "metrics_port", "witness"),
        *("cursor", "journal_tail", "mqtt_client", "mqtt_link", "mqtt_live", "mqtt_outbox", "mqtt_retreat"),
    )
)

MakeController = Callable[[Settings, Library, JournalContent], ControllerSurface]


def run(config: Path) -> int:
    """Serve until told to end; the exit code. Raises Unusable while nothing has been started."""
    settings = load_settings(config)
    library = _library(settings)
    os.umask(UMASK)
    log, writer = open_log()
    try:
        with asyncio.Runner() as runner:
            return runner.run(serve(settings, library, log, writer, controller_for))
    finally:
        writer.close()


def controller_for(settings: Settings, library: Library, past: JournalContent) -> ControllerSurface:
    """The real one."""
    return Controller(settings.for_controller(), library, past)


async def serve(
    settings: Settings,
    library: Library,
    log: FilteringBoundLogger,
    writer: LogWriter,
    make_controller: MakeController,
) -> int:
    """One daemon's life."""
    clock = _clock(settings)
    journal, past = Journal.open(settings.state_dir)
    try:
        guard_link = GuardLink.start(settings.state_dir, say=log.error)
    except GuardUnavailable as error:
        raise Unusable(str(error), "no port is opened without a guard", CRASHED) from None
    if crashes_too_often(settings.state_dir, wall_ms()):
        reason = "three ends by an uncaught exception within ten minutes"
        past = JournalContent(JournalCondition.DAMAGED, reason, past.records)
    if past.condition is JournalCondition.DAMAGED:
        log.error("the past cannot be relied on: stop only", reason=past.reason)
    daemon = Daemon(settings, log, writer, clock, journal, guard_link)
    daemon.join(make_controller(settings, library, past))
    await daemon.open(past.condition)
    return await daemon.until_ended()


class Daemon:
    """All the parts. `join` makes them, `open` starts them, `until_ended` closes them."""

    def __init__(
        self,
        settings: Settings,
        log: FilteringBoundLogger,
        writer: LogWriter,
        clock: Clock,
        journal: Journal,
        guard_link: GuardLink,
    ) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._code = 0
        self._guard = KeptGuard(guard_link, settings.state_dir, log, self._post)
        self._systemd = Systemd(self._loop.time)
        self._annunciator = Annunciator(log, writer, settings.on_alarm)
        self._links = links_of(settings.channel, self._post, self._guard)
        self._control = ControlSocket(settings.state_dir / SOCKET_FILE, self._request)
        self._mqtt = self._mqtt_link(settings)
        self._status = None
        if settings.status_line is not None:
            self._status = StatusLine(PortSettings(settings.status_line.port, settings.status_line.baud), log)
        self._metrics: Metrics | None = None
        self._events: EventLoop | None = None

    def join(self, controller: ControllerSurface) -> None:
        """Give the controller its loop and its outlets."""
        self._metrics = metrics_of(self._settings, controller, self._mqtt, self._log)
        outlets = Outlets(
            pumps=self._links,
            guard=self._guard,
            record=self._journal.append,
            publish=self._publish,
            annunciate=self._annunciator.ring,
            answer=self._control.answer,
            passed=self._systemd.feed,
            observe=self._metrics and self._metrics.observe,
        )
        self._events = EventLoop(controller, self._clock, outlets, self._crashed)

    async def open(self, condition: JournalCondition) -> None:
        """Start in the order in which one relies on the other; the ports last."""
        self._loop.set_exception_handler(self._unexpected)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._told_to_end, number)
        self._journal.start(self._post_from_thread)
        await self._control.open()
        if self._events is not None:
            self._events.start()
        self._guard.announce()
        for part in (*self._links.values(), self._status, self._mqtt, self._metrics):
            if part is not None:
                part.start()
        status = f"{len(self._links)} channel(s), journal {condition.value}"
        self._log.info("ready", status=status, process=os.getpid())
        self._systemd.ready(status)

    async def until_ended(self) -> int:
        """Wait for a signal or a crash, then close: no byte to a pump, no claim to be online, nothing unwritten."""
        await self._ended.wait()
        self._systemd.stopping()
        if self._events is not None:
            self._events.close()
        self._control.close()
        for link in self._links.values():
            link.close()
        self._guard.close()
        for teller in (self._status, self._metrics):
            if teller is not None:
                teller.close()
        if self._mqtt is not None and self._code != CRASHED:  # after a crash the broker sends our will
            await self._mqtt.close()
        self._annunciator.close()
        self._journal.close()
        self._systemd.close()
        self._log.info("ended", code=self._code)
        return self._code

    def _mqtt_link(self, settings: Settings) -> MqttLink | None:
        if settings.mqtt is None:
            self._log.info("mqtt: no broker is configured; the daemon goes on without")
            return None
        to = settings.mqtt
        if to.tls is None and not to.is_this_host:
            self._log.warning("mqtt: in the clear: the whole network may read and forge it", host=to.host)
        broker = Broker(to.host, to.port, Topics(BASE, settings.instance), to.tls)
        names = tuple(channel.name for channel in settings.channel)
        tail = JournalTail(settings.state_dir)
        to_announce = announced(settings.home_assistant, broker.topics, settings.for_controller())
        return MqttLink(broker, self._log, self._loop.time, to_announce, channels=names, journal=tail)

    def _post(self, event: Event) -> None:
        if isinstance(event, LinkUp):
            self._log.info("port open", channel=event.channel)
        elif isinstance(event, LinkDown):
            self._log.warning("port not open", channel=event.channel, reason=event.reason)
        elif isinstance(event, Recorded) and self._mqtt is not None:
            self._mqtt.recorded(event.seq)
        if self._events is not None:
            self._events.post(event)

    def _post_from_thread(self, event: Recorded | RecordFailed) -> None:
        if isinstance(event, RecordFailed):
            self._log.error("the journal cannot write any more", reason=event.reason)
        try:
            self._loop.call_soon_threadsafe(self._post, event)
        except RuntimeError:
            # The loop has ended before a disk that hung: there is nobody left to tell.
            return

    def _request(self, request: OperatorRequest) -> bool:
        return self._events is not None and self._events.request(request)

    def _publish(self, publication: Publish) -> None:
        if self._mqtt is not None:
            self._mqtt.publish(publication)
        if self._status is not None:
            self._status.publish(publication)

    def _told_to_end(self, number: signal.Signals) -> None:
        self._log.info("told to end", signal=number.name)
        self._ended.set()

    def _crashed(self, error: BaseException) -> None:
        """The state may be half-applied: from here on nothing is decided, and what is armed is stopped."""
        self._code = CRASHED
        try:
            # The guard ends this process 250 ms after it is asked to stop: noted first. Without one nobody ends a
            # disk write that hangs: stopped first.
            guarded = self._guard.alive
            if guarded:
                self._note_crash()
            self._guard.stop_armed(self._links)
            if not guarded:
                self._note_crash()
            self._log.critical("uncaught exception: stopping", exc_info=error)
        finally:
            self._ended.set()

    def _note_crash(self) -> None:
        try:
            note_crash(self._settings.state_dir, wall_ms())
        except OSError as failure:
            self._log.error("the crash cannot be noted", reason=failure.strerror)

    def _unexpected(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception that reached the event loop: ours ends the daemon, a library's or a sink's is logged."""
        error = context.get("exception")
        where = _innermost_room(error) if isinstance(error, BaseException) else ""
        if where and where not in TELL_ONLY and isinstance(error, BaseException):
            if self._events is not None:
                self._events.close()
            self._crashed(error)
        else:
            self._log.error("unexpected", what=context.get("message"), where=where, error=repr(error))


def _innermost_room(error: BaseException) -> str:
    """The module of ours in which it was raised; empty when no frame is ours."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    rooms = [str(frame.f_globals.get("__name__", "")) for frame in frames]
    return next((room for room in reversed(rooms) if room.startswith("pumpctl.")), "")


def _clock(settings: Settings) -> Clock:
    epoch_ns = settings.epoch_boottime_ns or 0
    if epoch_ns > boottime_ns():
        what = "epoch_boottime_ns lies in the future: it was taken before the host was last restarted"
        raise Unusable(what, f"take a new one with {TAKE_AN_EPOCH}, and a new state_dir with it")
    return Clock(settings.speed, epoch_ns)


def _library(settings: Settings) -> Library:
    try:
        return read_library(settings.library)
    except OSError as error:
        raise Unusable(f"library {settings.library}: {error.strerror}", "name a readable file as `library`") from None
    except LibraryUnreadable as error:
        raise Unusable(f"library {settings.library}: {error}", "correct the file, or leave `library` out") from None
