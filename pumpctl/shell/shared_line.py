"""One port that several channels share (a daisy chain): each has a surface of its own, as if the port were its own.

Refuses to know what is said and whose turn it is: the controller gives the turns (supervision/turns.py), so nothing
waits here. What comes in is split by address; what is nobody's whole reply is dropped. A STOP goes at once, ahead of
everything but another pump's STOP, and the guard hears it for the channel that it is for (docs/adr/0022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from protocols.new_era.chain import ReplySplitter
from pumpctl.events import Event, LinkDown, LinkUp, PumpBytes
from pumpctl.shell.chance import fresh_session
from pumpctl.shell.serial_link import SerialLink
from pumpctl.shell.settings import ChannelSettings
from pumpctl.shell.supervised_port import PortSettings


class LineGuard(Protocol):
    """What the guard must hear of a port and of the line that it belongs to: KeptGuard has it."""

    def port_opened(self, channel: str, fd: int, line: str = "") -> None: ...
    def port_closed(self, channel: str) -> None: ...
    def stop_written(self, channel: str) -> None: ...


class SharedLine:
    """`channels`: their names by address. The line is called by its port."""

    def __init__(
        self, settings: PortSettings, channels: Mapping[int, str], post: Callable[[Event], None], guard: LineGuard
    ) -> None:
        self._name = settings.url
        self._channels = dict(channels)
        self._post = post
        self._guard = guard
        self._link = SerialLink(self._name, settings, self._happened, self, shared=True)
        self._splitter = ReplySplitter()
        self._started = False
        self._stopped: dict[str, None] = {}  # whose STOPs the line has not taken whole, in their order
        self.surfaces = {name: Surface(self, name) for name in self._channels.values()}

    # For the surfaces.

    def start(self) -> None:
        """Begin to open the port, once."""
        if not self._started:
            self._started = True
            self._link.start()

    def write(self, channel: str, frame: bytes, *, is_stop: bool) -> None:
        """One whole frame for this channel, unless its port was closed for good."""
        if channel not in self._channels.values():
            return
        if is_stop:
            self._stopped[channel] = None
        else:
            self._hand_out(self._splitter.expire())
        self._link.write(frame, is_stop=is_stop)

    def close_for_good(self, channel: str) -> None:
        """Nothing more is written for it; the port goes with the last one."""
        self._guard.port_closed(channel)
        self._channels = {address: name for address, name in self._channels.items() if name != channel}
        if not self._channels:
            self._link.close_for_good()

    def close(self) -> None:
        """The daemon ends."""
        self._link.close()

    # For the port: SerialLink speaks of the line as if it were one channel.

    def port_opened(self, channel: str, fd: int) -> None:  # noqa: ARG002 (it is the line)
        self._splitter = ReplySplitter()
        self._stopped.clear()  # a STOP for a port that was down was never written
        for name in self._channels.values():
            self._guard.port_opened(name, fd, self._name)

    def port_closed(self, channel: str) -> None:  # noqa: ARG002 (it is the line)
        for name in self._channels.values():
            self._guard.port_closed(name)

    def stop_written(self, channel: str) -> None:  # noqa: ARG002 (it is the line)
        stopped, self._stopped = self._stopped, {}
        for name in stopped:
            self._guard.stop_written(name)

    def _happened(self, event: Event) -> None:
        match event:
            case PumpBytes(_, received):
                self._hand_out(self._splitter.receive(received))
            case LinkUp():
                for name in self._channels.values():
                    self._post(LinkUp(name, fresh_session()))
            case LinkDown(_, reason):
                for name in self._channels.values():
                    self._post(LinkDown(name, reason))
            case _:
                raise AssertionError(f"a link does not say {event}")

    def _hand_out(self, replies: Iterable[tuple[int, bytes]]) -> None:
        for address, reply in replies:
            if address in self._channels:
                self._post(PumpBytes(self._channels[address], reply))


class Link(Protocol):
    """What the daemon does with each channel's link: SerialLink, or its surface of a shared line."""

    def start(self) -> None: ...
    def write(self, frame: bytes, *, is_stop: bool) -> None: ...
    def close_for_good(self) -> None: ...
    def close(self) -> None: ...


def links_of(channels: Sequence[ChannelSettings], post: Callable[[Event], None], guard: LineGuard) -> dict[str, Link]:
    """By channel: channels of one port share its line (line_settings.py has judged that they may)."""
    links: dict[str, Link] = {}
    for port in dict.fromkeys(channel.port for channel in channels):
        here = [channel for channel in channels if channel.port == port]
        settings = PortSettings(port, here[0].baud, any(channel.simulated_only for channel in here))
        if len(here) == 1:
            links[here[0].name] = SerialLink(here[0].name, settings, post, guard)
        else:
            addresses = {c.new_era.address: c.name for c in here if c.new_era is not None}
            links.update(SharedLine(settings, addresses, post, guard).surfaces)
    return links


class Surface:
    """One channel's end of the line; see SerialLink for what each method promises."""

    def __init__(self, line: SharedLine, channel: str) -> None:
        self._line = line
        self._channel = channel

    def start(self) -> None:
        self._line.start()

    def write(self, frame: bytes, *, is_stop: bool) -> None:
        self._line.write(self._channel, frame, is_stop=is_stop)

    def close_for_good(self) -> None:
        self._line.close_for_good(self._channel)

    def close(self) -> None:
        self._line.close()
