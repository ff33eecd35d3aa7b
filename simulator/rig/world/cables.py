"""The cables between the daemon's ports and its pumps, both ways, and the record of what was said on them.

Refuses to know frames. A port that is closed hears nothing; what was handed to it before still goes out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random

from simulator.instant import SimNow
from simulator.pump import SimPump
from simulator.rig.line import Line
from simulator.rig.mishaps import Mishap
from simulator.rig.world.agenda import Agenda


class Cables:
    """`deliver` hands the daemon what came in on a channel."""

    def __init__(
        self,
        pumps: dict[str, SimPump],
        agenda: Agenda,
        random: Random,
        delay_ns: int,
        deliver: Callable[[str, bytes], None],
    ) -> None:
        self.wire = hashlib.sha256()
        self.linked: set[str] = set()  # the ports that are open
        self.pulled: set[str] = set()  # the cables that are out at the host's end
        self._pumps = pumps
        self._agenda = agenda
        self._deliver = deliver
        self._to_pump = {name: Line(random, delay_ns) for name in pumps}
        self._to_daemon = {name: Line(random, delay_ns) for name in pumps}

    def open(self, channel: str) -> None:
        """What the pump says is heard from now on."""
        self.linked.add(channel)

    def close(self, channel: str) -> None:
        """Not any more, nor what is on its way."""
        self.linked.discard(channel)
        self._to_daemon[channel].cut()

    def pull(self, channel: str) -> None:
        """What is on its way to the pump is lost, too."""
        self.close(channel)
        self._to_pump[channel].cut()

    def trouble(self, channel: str, mishap: Mishap, by: int) -> None:
        """This is wrong with the line now, by so much; by 0 not any more."""
        for line in (self._to_pump[channel], self._to_daemon[channel]):
            line.traits.pop(mishap, None)
            if by:
                line.traits[mishap] = by

    def send(self, channel: str, frame: bytes) -> bool:
        """The daemon writes; False when the port is not open."""
        if channel not in self.linked:
            return False
        self._trace("d", channel, frame)
        for arrives_ns in self._to_pump[channel].carry(frame, self._agenda.now_ns):
            self._agenda.at(arrives_ns, lambda: self._arrive_at_pump(channel))
        return True

    def hear(self, channel: str, spoken: bytes) -> None:
        """The pump has spoken."""
        if not spoken or channel not in self.linked:
            return
        self._trace("p", channel, spoken)
        for arrives_ns in self._to_daemon[channel].carry(spoken, self._agenda.now_ns):
            self._agenda.at(arrives_ns, lambda: self._arrive_at_daemon(channel))

    def _arrive_at_pump(self, channel: str) -> None:
        now_ns = self._agenda.now_ns
        arrived = self._to_pump[channel].take(now_ns)
        if arrived:
            self.hear(channel, self._pumps[channel].receive(arrived, SimNow(now_ns, now_ns)))

    def _arrive_at_daemon(self, channel: str) -> None:
        arrived = self._to_daemon[channel].take(self._agenda.now_ns)
        if arrived and channel in self.linked:
            self._deliver(channel, arrived)

    def _trace(self, speaker: str, channel: str, spoken: bytes) -> None:
        self.wire.update(f"{self._agenda.now_ns} {speaker} {channel} {spoken.hex()}\n".encode())
