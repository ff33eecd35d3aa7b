"""The turns on lines that several channels share: one transaction on the wire at a time, in fair turns.

Refuses to queue and to choose questions. When a turn ends the next channel that has something to ask decides what, at
that instant: a START passes all interlocks when it is written and never waits behind another pump's answer. STOP needs
no turn: supervision/stopping.py writes it at once, whoever is on the wire.
"""

from __future__ import annotations

from pumpctl.configuration import ControllerConfiguration
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.line import STOP_NS, SharedLine
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.tending import take_turn
from pumpctl.supervision.ward import Ward


def shared_lines(configuration: ControllerConfiguration) -> tuple[SharedLine, ...]:
    """The lines of more than one channel."""
    named = dict.fromkeys(c.line for c in configuration.channels if c.line)
    return tuple(SharedLine([c.name for c in configuration.channels if c.line == line]) for line in named)


def give_turns(ward: Ward, out: Outbox) -> None:
    """After every look at the channels: what has ended is passed on."""
    for line in ward.lines:
        channels = [ward.channels[name] for name in line.channels]
        _note_stops(line, channels, out.now.link_ns)
        _note_end(ward, line, out.now.link_ns)
        if line.is_free(out.now.link_ns):
            _pass_on(ward, line, channels, out)


def quiet_ends_ns(ward: Ward) -> list[int]:
    """When a line that is kept quiet after a STOP has turns again. Others end by an answer or at a driver's wake."""
    return [line.quiet_end_ns for line in ward.lines if line.quiet_end_ns is not None]


def _note_stops(line: SharedLine, channels: list[Channel], now_ns: int) -> None:
    """A pump that took none of the STOPs of two seconds need not be asked to be known as one that does not answer."""
    pursued = [channel.stop for channel in channels if channel.stop is not None]
    line.mute |= {c.name for c in channels if c.stop is not None and c.stop.escalated and c.stop.taken_ns is None}
    line.stop_pace_ns = 2 * len(pursued) * STOP_NS  # half of the line for them, however many they are
    written = sum(stop.last_sent_ns == now_ns for stop in pursued)
    if written:
        line.stops_written(written, now_ns)


def _note_end(ward: Ward, line: SharedLine, now_ns: int) -> None:
    if line.holder is None:
        return
    channel = ward.channels[line.holder]
    if channel.stop is not None and channel.stop.last_sent_ns == now_ns:
        line.ended(now_ns, answered=None)
    elif not channel.driver.busy:
        line.ended(now_ns, answered=True)
    elif now_ns >= line.overdue_ns:
        line.ended(now_ns, answered=False)


def _pass_on(ward: Ward, line: SharedLine, channels: list[Channel], out: Outbox) -> None:
    proving = {c.name for c in channels if c.stop is not None and c.stop.taken_ns is not None}
    for name in line.order(proving, out.now.link_ns):
        overdue_ns = take_turn(ward, ward.channels[name], out)
        if overdue_ns is not None:
            line.begun(name, overdue_ns, favoured=name in proving)
            return
