"""The loop: one event at a time into the controller, its effects out in order, one timer for its next deadline.

Refuses to know what events and effects mean; it knows where they go. A STOP among the effects is written first.
After any exception the state may be half-applied: nothing is handled any more, `crashed` is told, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, assert_never

from pumpctl.core.instant import NS_PER_S, Now
from pumpctl.effects import (
    Annunciate,
    ArmGuard,
    ClosePort,
    DisarmGuard,
    Effect,
    Publish,
    Record,
    Refuse,
    Reply,
    WritePump,
)
from pumpctl.events import DeadlineReached, Event, GuardFired, OperatorRequest, Recorded
from pumpctl.shell.clock import Clock
from pumpctl.shell.inbox import Inbox

EVENTS_A_PASS = 64  # then sockets and ports get their turn
TICK_S = 0.25  # heartbeat of an idle loop, look at the wall clock, look for a deadline slept through (H42)
SHORTEST_WAIT_S = 0.001  # a controller that asks for an instant already gone does not spin


class ControllerSurface(Protocol):
    """What the loop drives: pumpctl.controller.Controller, or a test's stand-in."""

    def start(self, now: Now) -> tuple[Effect, ...]: ...
    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]: ...
    def next_deadline_ns(self) -> int | None: ...
    def noise(self) -> Mapping[str, Mapping[str, int]]: ...


class Pump(Protocol):
    """Where bytes for one pump go: SerialLink."""

    def write(self, frame: bytes, *, is_stop: bool) -> None: ...
    def close_for_good(self) -> None: ...


class Guard(Protocol):
    """The second way to stop: GuardLink."""

    def arm(self, channel: str, stop_frame: bytes, stopped_frame: bytes, lease: bool, proven: bool) -> None: ...
    def disarm(self, channel: str) -> None: ...
    def heartbeat(self) -> None: ...
    def acknowledge_slot(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where each effect goes. None of these may wait."""

    pumps: Mapping[str, Pump]
    guard: Guard
    record: Callable[[Record], None]
    publish: Callable[[Publish], None]
    annunciate: Callable[[Annunciate], None]
    answer: Callable[[Reply | Refuse], None]
    passed: Callable[[], None]
    # A turn is over: its event (None at the start), what it led to, when it began. It must not raise.
    observe: Callable[[Event | None, tuple[Effect, ...], float], None] | None = None


class EventLoop:
    """Owns the controller: nobody else calls it."""

    def __init__(
        self, controller: ControllerSurface, clock: Clock, outlets: Outlets, crashed: Callable[[BaseException], None]
    ) -> None:
        self._controller = controller
        self._clock = clock
        self._outlets = outlets
        self._crashed = crashed
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(self._pass_soon)
        self._deadline_ns: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tick_timer: asyncio.TimerHandle | None = None
        self._over = False
        self._guard_record_seq: int | None = None

    def start(self) -> None:
        """Carry out what the replayed past asks for, then begin to take events."""
        try:
            began_s = self._loop.time()
            effects = self._controller.start(self._clock.now())
            self._carry_out(effects)
            self._observe(None, effects, began_s)
            self._arm_timer()
        except Exception as error:  # a bug of any kind ends the daemon on the safe side
            self._crash(error)
        self._tick()

    def post(self, event: Event) -> None:
        """Anything but an operator's request. From the loop's own thread."""
        if self._over:
            return
        try:
            self._inbox.put(event)
        except Exception as error:
            self._crash(error)

    def request(self, request: OperatorRequest) -> bool:
        """An operator's request; False when it must be refused for want of room."""
        return not self._over and self._inbox.request(request)

    def close(self) -> None:
        """Take no event any more and let no timer fire."""
        self._over = True
        for timer in (self._timer, self._tick_timer):
            if timer is not None:
                timer.cancel()

    def _pass_soon(self) -> None:
        self._loop.call_soon(self._pass)

    def _pass(self) -> None:
        try:
            self._handle_waiting()
        except Exception as error:
            self._crash(error)

    def _handle_waiting(self) -> None:
        for _ in range(EVENTS_A_PASS):
            if self._over or (event := self._inbox.take()) is None:
                break
            began_s = self._loop.time()
            effects = self._controller.handle(event, self._clock.now())
            self._carry_out(effects)
            self._watch_guard_slot(event, effects)
            self._observe(event, effects, began_s)
        if not self._over:
            self._arm_timer()
            self._outlets.guard.heartbeat()
            self._outlets.passed()
            if len(self._inbox) > 0:
                self._pass_soon()

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if isinstance(effect, WritePump) and effect.is_stop:
                self._outlets.pumps[effect.channel].write(effect.frame, is_stop=True)
        for effect in effects:
            self._carry_out_one(effect)

    def _carry_out_one(self, effect: Effect) -> None:
        outlets = self._outlets
        match effect:
            case WritePump(channel, frame, is_stop):
                if not is_stop:  # a stop has gone out before everything else
                    outlets.pumps[channel].write(frame, is_stop=False)
            case Record():
                outlets.record(effect)
            case ClosePort(channel):
                outlets.pumps[channel].close_for_good()
            case ArmGuard(channel, stop_frame, stopped_frame, lease, proven):
                outlets.guard.arm(channel, stop_frame, stopped_frame, lease, proven)
            case DisarmGuard(channel):
                outlets.guard.disarm(channel)
            case Publish():
                outlets.publish(effect)
            case Annunciate():
                outlets.annunciate(effect)
            case Reply() | Refuse():
                outlets.answer(effect)
            case _:
                assert_never(effect)

    def _observe(self, event: Event | None, effects: tuple[Effect, ...], began_s: float) -> None:
        if self._outlets.observe is not None:
            self._outlets.observe(event, effects, began_s)

    def _watch_guard_slot(self, event: Event, effects: tuple[Effect, ...]) -> None:
        """The guard's own note of a stop may go once the journal has it; never before."""
        match event:
            case GuardFired():
                self._guard_record_seq = max((e.seq for e in effects if isinstance(e, Record)), default=None)
            case Recorded(seq) if self._guard_record_seq is not None and seq >= self._guard_record_seq:
                self._guard_record_seq = None
                self._outlets.guard.acknowledge_slot()
            case _:
                return

    def _arm_timer(self) -> None:
        deadline_ns = self._controller.next_deadline_ns()
        if deadline_ns == self._deadline_ns and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._deadline_ns = deadline_ns
        if deadline_ns is not None:
            wait_s = (deadline_ns - self._clock.now().link_ns) / NS_PER_S
            self._timer = self._loop.call_later(max(wait_s, SHORTEST_WAIT_S), self._deadline_reached)

    def _deadline_reached(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.post(DeadlineReached())

    def _tick(self) -> None:
        if self._over:
            return
        self._tick_timer = self._loop.call_later(TICK_S, self._tick)
        self._outlets.guard.heartbeat()
        step = self._clock.wall_step()
        if step is not None:
            self.post(step)
        # The loop's own timers stand still while the host sleeps; link time does not.
        if self._timer is not None and self._deadline_ns is not None and self._deadline_ns < self._clock.now().link_ns:
            self._deadline_reached()

    def _crash(self, error: BaseException) -> None:
        if not self._over:
            self.close()
            self._crashed(error)
