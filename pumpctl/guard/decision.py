"""When the guard acts, as a function of what it was told and of the time it is given.

Refuses to know descriptors, bytes, processes and clocks: `Watch` is told what happened, `tick(now_ns)`
answers with what must be done, in that order. ADR 0009 gives the rules; below (a) is that of a stop not written,
(b) that of a silent loop.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from pumpctl.guard.action import Action, Alarm, Answer, Cause, KillDaemon, Outcome, Settled, WriteStop

NS_PER_MS = 1_000_000
NOTES_KEPT = 16  # as many as can ask at a time (askers.py); older ones count for nobody


@dataclass(frozen=True, slots=True)
class Periods:
    """In nanoseconds: (a) and (b) as ADR 0009 has them, the rest (project). Only the tests of this file pass others."""

    stop_unwritten_ns: int = 250 * NS_PER_MS  # (a) how long the daemon has to write a stop that was asked for
    loop_silent_ns: int = 1_000 * NS_PER_MS  # (b) how long the loop may be silent in a lease profile
    late_ns: int = 250 * NS_PER_MS  # a tick as late as this was a pause of the guard's own
    stop_every_ns: int = 250 * NS_PER_MS  # H56
    give_up_ns: int = 10_000 * NS_PER_MS
    # A STOP that was not proven counts as open for so long. It is repeated at least every 3.3 s, on a line of 41 pumps.
    open_stop_ns: int = 5_000 * NS_PER_MS
    # A killed process runs no more code of its own, but can stay for long in a disk write: after this we go on.
    kill_wait_ns: int = 500 * NS_PER_MS
    tick_ns: int = 100 * NS_PER_MS  # longest sleep, so that lateness is noticed


@dataclass(slots=True)
class _Firing:
    cause: Cause
    begun_ns: int | None = None  # when the first STOP was written
    next_ns: int = 0
    proven: bool = False


@dataclass(slots=True)
class _Channel:
    armed: bool = False
    lease: bool = False
    armed_ns: int = 0
    silence_spent: bool = False  # (b) fires once for each arming
    written_ns: deque[int] = field(default_factory=lambda: deque[int](maxlen=NOTES_KEPT))  # STOPs of the daemon
    asked_ns: int | None = None
    due_ns: int = 0
    excused: bool = False
    unproven_ns: int | None = None  # when the daemon last wrote a STOP of one that it has not proven
    firing: _Firing | None = None


@dataclass(slots=True)
class _Request:
    asker: int
    waiting: set[str] = field(default_factory=set[str])
    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])


class Watch:
    """The guard's whole judgement."""

    def __init__(self, now_ns: int, periods: Periods | None = None) -> None:
        self._periods = periods or Periods()
        self._channels: dict[str, _Channel] = {}
        self._requests: list[_Request] = []
        self._heard_ns = now_ns
        self._patient_from_ns = now_ns  # the end of the guard's own last pause
        self._wake_ns = now_ns
        self._reporting = True  # the daemon's end is open
        self._dead = False
        self._left = False  # it said that it writes nothing any more
        self._killed_ns: int | None = None
        self._alarmed = False

    @property
    def daemon_present(self) -> bool:
        return self._reporting and not self._dead

    @property
    def firing(self) -> bool:
        """A stop has been asked for or begun and is not settled."""
        return any(c.firing is not None or c.asked_ns is not None for c in self._channels.values())

    @property
    def nothing_to_guard(self) -> bool:
        return not self.daemon_present and not self.firing and not any(c.armed for c in self._channels.values())

    @property
    def wake_ns(self) -> int:
        """When `tick` wants to be called, at the latest."""
        return self._wake_ns

    def port_opened(self, channel: str) -> None:
        self.port_closed(channel)
        self._channels[channel] = _Channel()

    def port_closed(self, channel: str) -> None:
        """Whatever was under way there cannot be carried out any more."""
        if self._channels.pop(channel, None) is not None:
            self._settle_requests(channel, Outcome.NOT_ARMED)

    def armed(self, channel: str, lease: bool, now_ns: int, *, proven: bool) -> None:
        """`proven`: the daemon has proven every stop it wrote there. Else what it wrote stays its to prove."""
        if (known := self._channels.get(channel)) is not None:
            known.armed, known.lease, known.armed_ns, known.silence_spent = True, lease, now_ns, False
            known.unproven_ns = None if proven else known.unproven_ns

    def disarmed(self, channel: str) -> None:
        """It may be another patient's pump: from here nothing is written, not even the rest of a firing."""
        if (known := self._channels.get(channel)) is not None:
            known.armed, known.firing = False, None

    def stop_written(self, channel: str, now_ns: int) -> None:
        if (known := self._channels.get(channel)) is not None:
            known.written_ns.append(now_ns)
            known.unproven_ns = now_ns

    def heartbeat(self, now_ns: int) -> None:
        self._heard_ns = now_ns
        self._alarmed = False

    def daemon_closed(self) -> None:
        """EOF: it left or crashed. Without our own kill that is an absent companion, not a hung one."""
        self._reporting = False

    def daemon_left(self) -> None:
        """It has closed its ports and ends in its own time: nothing is gained by killing it."""
        self._reporting, self._left = False, True

    def daemon_died(self) -> None:
        self._dead = True

    def stopped_seen(self, channel: str) -> None:
        known = self._channels.get(channel)
        if known is not None and known.firing is not None and known.firing.begun_ns is not None:
            known.firing.proven = True

    def asked(self, asker: int, channel: str | None, now_ns: int) -> None:
        """A stop of one channel, or of all (None)."""
        wanted = set(self._channels) if channel is None else {channel}
        request = next((r for r in self._requests if r.asker == asker), None)
        if request is None:  # one for each asker, however often it asks: bounded by the connections
            self._requests.append(request := _Request(asker))
        request.outcomes.update(dict.fromkeys(wanted - set(self._channels), Outcome.NO_PORT))
        request.waiting |= wanted & set(self._channels)
        for name in wanted & set(self._channels):
            known = self._channels[name]
            if known.asked_ns is None:
                known.asked_ns, known.due_ns, known.excused = now_ns, now_ns + self._periods.stop_unwritten_ns, False

    def forget(self, asker: int) -> None:
        """Nobody waits for this answer any more; the stop itself goes on."""
        self._requests = [request for request in self._requests if request.asker != asker]

    def tick(self, now_ns: int) -> tuple[Action, ...]:
        """What to do now. Call it after everything that arrived has been told."""
        if now_ns - self._wake_ns >= self._periods.late_ns:
            self._excuse_pause(now_ns)
        actions: list[Action] = []
        self._judge_requests(now_ns)
        self._judge_unproven()
        self._judge_silence(now_ns, actions)
        self._fire(now_ns, actions)
        self._answer(actions)
        self._wake_ns = min([now_ns + self._periods.tick_ns, *self._deadlines(now_ns)])
        return tuple(actions)

    def _excuse_pause(self, now_ns: int) -> None:
        self._patient_from_ns = now_ns
        for known in self._channels.values():
            # Once for each request: a host that is always late must not keep a stop from being written.
            if known.asked_ns is not None and not known.excused:
                known.due_ns, known.excused = now_ns + self._periods.stop_unwritten_ns, True

    def _judge_requests(self, now_ns: int) -> None:
        """Rule (a), any profile."""
        for name, known in self._channels.items():
            if known.asked_ns is None or known.firing is not None:
                continue
            if not known.armed:
                self._conclude(name, known, Outcome.NOT_ARMED)
            elif not self.daemon_present:
                known.firing = _Firing(Cause.NOT_WRITTEN if self._killed_ns is not None else Cause.NO_DAEMON)
            elif self._note_taken(known, known.asked_ns):
                self._conclude(name, known, Outcome.WRITTEN_BY_DAEMON)
            elif now_ns >= known.due_ns:
                known.firing = _Firing(Cause.NOT_WRITTEN)

    def _note_taken(self, known: _Channel, asked_ns: int) -> bool:
        """Whether the daemon has written a STOP for this request; that note answers no other one.

        The asker speaks to both of us at once, so the note may arrive before the request: nothing but a new LOAD and
        a person's confirmation can have started the pump in between.
        """
        while known.written_ns:
            if known.written_ns.popleft() >= asked_ns - self._periods.stop_unwritten_ns:
                return True
        return False

    def _judge_unproven(self) -> None:
        """One STOP is no proof: a daemon that ends right after writing it has nobody to repeat it."""
        if self.daemon_present:
            return
        for name, known in self._channels.items():
            written_ns, known.unproven_ns = known.unproven_ns, None
            if not known.armed or known.firing or not self._is_open(written_ns):
                continue
            known.firing = _Firing(Cause.DAEMON_LEFT)
            for request in self._requests:
                if name in request.outcomes:
                    request.waiting.add(name)  # who waits for other channels may as well hear the proof of this one

    def _judge_silence(self, now_ns: int, actions: list[Action]) -> None:
        """Rule (b). It goes on after our own kill, for those that must not flow and that nobody asked to stop."""
        if not self.daemon_present and self._killed_ns is None:
            return
        for name, known in self._channels.items():
            if not known.armed or now_ns < self._silent_at_ns(known):
                continue
            must_stop = known.lease or self._is_open(known.unproven_ns)
            if must_stop and not known.silence_spent and known.firing is None:
                known.firing, known.silence_spent = _Firing(Cause.LOOP_SILENT), True
            elif not must_stop and not known.silence_spent and not self._alarmed:
                self._alarmed = True
                actions.append(Alarm(f"{Cause.LOOP_SILENT.value}; {name} finishes what is loaded; check the pump"))

    def _is_open(self, unproven_ns: int | None) -> bool:
        """When the daemon was last heard it was repeating that STOP. An older one was proven, and word of it lost."""
        return unproven_ns is not None and self._heard_ns - unproven_ns < self._periods.open_stop_ns

    def _silent_at_ns(self, known: _Channel) -> int:
        return max(self._heard_ns, self._patient_from_ns, known.armed_ns) + self._periods.loop_silent_ns

    def _fire(self, now_ns: int, actions: list[Action]) -> None:
        writes_nothing = self._dead or self._left
        if self._killed_ns is None and not writes_nothing and any(c.firing for c in self._channels.values()):
            self._killed_ns = now_ns
            actions.append(KillDaemon())
        if not writes_nothing and (self._killed_ns is None or now_ns - self._killed_ns < self._periods.kill_wait_ns):
            return
        for name, known in self._channels.items():
            if known.firing is not None:
                self._fire_channel(name, known, known.firing, now_ns, actions)

    def _fire_channel(self, name: str, known: _Channel, firing: _Firing, now_ns: int, actions: list[Action]) -> None:
        begun_ns = firing.begun_ns
        if firing.proven or (begun_ns is not None and now_ns - begun_ns >= self._periods.give_up_ns):
            actions.append(Settled(name, firing.cause, firing.proven))
            self._conclude(name, known, Outcome.STOPPED if firing.proven else Outcome.NOT_PROVEN)
            known.firing = None
        elif begun_ns is None or now_ns >= firing.next_ns:
            firing.begun_ns = now_ns if begun_ns is None else begun_ns
            firing.next_ns = now_ns + self._periods.stop_every_ns
            actions.append(WriteStop(name, firing.cause, first=begun_ns is None))

    def _conclude(self, name: str, known: _Channel, outcome: Outcome) -> None:
        known.asked_ns = None
        self._settle_requests(name, outcome)

    def _settle_requests(self, channel: str, outcome: Outcome) -> None:
        for request in self._requests:
            if channel in request.waiting:
                request.waiting.discard(channel)
                request.outcomes[channel] = outcome

    def _answer(self, actions: list[Action]) -> None:
        actions.extend(Answer(r.asker, r.outcomes) for r in self._requests if not r.waiting)
        self._requests = [request for request in self._requests if request.waiting]

    def _deadlines(self, now_ns: int) -> list[int]:
        deadlines: list[int] = []
        for known in self._channels.values():
            if known.firing is not None:
                deadlines.append(known.firing.next_ns)
            elif known.asked_ns is not None:
                deadlines.append(known.due_ns)
            if known.armed and self.daemon_present:
                deadlines.append(self._silent_at_ns(known))
        return [deadline for deadline in deadlines if deadline > now_ns]
