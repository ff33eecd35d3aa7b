"""EventLoop with a scripted controller: order, timer, crash, the guard's note."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now
from pumpctl.core.reason import Priority
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
from pumpctl.events import (
    DeadlineReached,
    Event,
    GuardFired,
    LinkUp,
    OperatorRequest,
    PumpBytes,
    Recorded,
    WallClockStepped,
)
from pumpctl.shell.clock import Clock, boottime_ns, wall_ms
from pumpctl.shell.event_loop import TICK_S, EventLoop, Outlets

Script = Callable[[Event, Now], tuple[Effect, ...]]


class Scripted:
    """The controller's surface, played from a function."""

    def __init__(self, script: Script, at_start: tuple[Effect, ...] = ()) -> None:
        self.handled: list[Event] = []
        self.deadline_ns: int | None = None
        self._script = script
        self._at_start = at_start

    def start(self, now: Now) -> tuple[Effect, ...]:
        assert now.link_ns >= 0
        return self._at_start

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        self.handled.append(event)
        return self._script(event, now)

    def next_deadline_ns(self) -> int | None:
        return self.deadline_ns


class Recording:
    """Every outlet, noting what came out in which order."""

    def __init__(self) -> None:
        self.out: list[object] = []
        self.acknowledged = 0
        self.beats = 0

    def write(self, frame: bytes, *, is_stop: bool) -> None:
        self.out.append(("STOP" if is_stop else "write", frame))

    def close_for_good(self) -> None:
        self.out.append("close")

    def arm(self, channel: str, stop_frame: bytes, stopped_frame: bytes, lease: bool, proven: bool) -> None:
        self.out.append(("arm", channel, stop_frame, stopped_frame, lease, proven))

    def disarm(self, channel: str) -> None:
        self.out.append(("disarm", channel))

    def heartbeat(self) -> None:
        self.beats += 1

    def acknowledge_slot(self) -> None:
        self.acknowledged += 1

    def outlets(self) -> Outlets:
        note = self.out.append
        return Outlets({"a": self}, self, note, note, note, note, lambda: None)


class Bench:
    def __init__(self, script: Script, at_start: tuple[Effect, ...] = (), clock: Clock | None = None) -> None:
        self.controller = Scripted(script, at_start)
        self.recording = Recording()
        self.crashes: list[BaseException] = []
        self.loop = EventLoop(self.controller, clock or Clock(1, 0), self.recording.outlets(), self.crashes.append)

    async def settle(self) -> None:
        """Until every pass that is due has been made."""
        for _ in range(20):
            await asyncio.sleep(0)


def nothing(_event: Event, _now: Now) -> tuple[Effect, ...]:
    return ()


RECORD = Record(1, "stop", {}, 0)
ALL_EFFECTS: tuple[Effect, ...] = (
    RECORD,
    WritePump("a", b"load"),
    Publish("a", "state", {}),
    WritePump("a", b"stop", is_stop=True),
    ArmGuard("a", b"s", b"t", lease=True, proven=False),
    DisarmGuard("a"),
    Annunciate("a", "occlusion", Priority.HIGH, active=True, message="occlusion"),
    Reply(1, {}),
    Refuse(2, 4, ()),
    ClosePort("a", "wrong pump"),
)


async def test_a_stop_is_written_first_and_everything_else_in_order() -> None:
    bench = Bench(lambda _event, _now: ALL_EFFECTS)
    bench.loop.post(LinkUp("a", 1))
    await bench.settle()
    assert bench.recording.out == [
        ("STOP", b"stop"),
        RECORD,
        ("write", b"load"),
        ALL_EFFECTS[2],
        ("arm", "a", b"s", b"t", True, False),
        ("disarm", "a"),
        ALL_EFFECTS[6],
        Reply(1, {}),
        Refuse(2, 4, ()),
        "close",
    ]
    bench.loop.close()


async def test_the_effects_of_the_past_come_before_any_event() -> None:
    bench = Bench(nothing, at_start=(RECORD,))
    bench.loop.start()
    assert bench.recording.out == [RECORD]
    bench.loop.close()


async def test_a_request_to_stop_overtakes_what_waits() -> None:
    bench = Bench(nothing)
    stop = OperatorRequest(1, "stop", {}, "nurse")
    bench.loop.post(PumpBytes("a", b"x"))
    bench.loop.request(stop)
    await bench.settle()
    assert bench.controller.handled == [stop, PumpBytes("a", b"x")]
    bench.loop.close()


async def test_the_deadline_comes_when_it_was_asked_for_and_once() -> None:
    reached = asyncio.Event()

    def script(event: Event, now: Now) -> tuple[Effect, ...]:
        if isinstance(event, DeadlineReached):
            assert bench.controller.deadline_ns is not None
            late_ns = now.link_ns - bench.controller.deadline_ns
            assert -NS_PER_MS < late_ns < NS_PER_S, late_ns
            bench.controller.deadline_ns = None
            reached.set()
        return ()

    bench = Bench(script)
    bench.controller.deadline_ns = boottime_ns() + 30 * NS_PER_MS
    bench.loop.start()
    async with asyncio.timeout(5):
        await reached.wait()
    await bench.settle()
    assert bench.controller.handled == [DeadlineReached()]
    bench.loop.close()


async def test_a_deadline_long_gone_does_not_spin() -> None:
    bench = Bench(nothing)
    bench.controller.deadline_ns = 0
    bench.loop.start()
    await asyncio.sleep(0.05)
    assert 1 <= len(bench.controller.handled) <= 60
    bench.loop.close()


@pytest.mark.hazard("H42")
@pytest.mark.hazard("H40")
async def test_a_host_that_slept_or_was_set_is_noticed_within_a_tick() -> None:
    slept_ns = 0
    stepped_ms = 0
    clock = Clock(1, 0, lambda: boottime_ns() + slept_ns, lambda: wall_ms() + slept_ns // NS_PER_MS + stepped_ms)
    handled = asyncio.Event()

    def script(event: Event, _now: Now) -> tuple[Effect, ...]:
        bench.controller.deadline_ns = None
        if isinstance(event, WallClockStepped):
            handled.set()
        return ()

    bench = Bench(script, clock=clock)
    bench.controller.deadline_ns = clock.now().link_ns + 3600 * NS_PER_S
    bench.loop.start()
    slept_ns, stepped_ms = 4000 * NS_PER_S, 5000
    async with asyncio.timeout(8 * TICK_S):
        await handled.wait()
    await bench.settle()
    assert {type(event) for event in bench.controller.handled} == {DeadlineReached, WallClockStepped}
    bench.loop.close()


@pytest.mark.hazard("H51")
async def test_after_an_exception_nothing_is_handled_any_more() -> None:
    def script(event: Event, _now: Now) -> tuple[Effect, ...]:
        raise ArithmeticError("half applied")

    bench = Bench(script)
    bench.loop.post(Recorded(1))
    bench.loop.post(LinkUp("a", 1))
    await bench.settle()
    assert [type(error) for error in bench.crashes] == [ArithmeticError]
    assert bench.controller.handled == [Recorded(1)]
    bench.loop.post(Recorded(2))
    assert not bench.loop.request(OperatorRequest(1, "stop", {}, "nurse"))
    await bench.settle()
    assert len(bench.controller.handled) == 1


@pytest.mark.hazard("H51")
async def test_an_outlet_that_raises_is_a_crash_as_well() -> None:
    bench = Bench(lambda _event, _now: (WritePump("nowhere", b"x"), RECORD))
    bench.loop.post(Recorded(1))
    await bench.settle()
    assert [type(error) for error in bench.crashes] == [KeyError]
    assert bench.recording.out == []


async def test_the_guards_note_goes_only_when_its_record_is_durable() -> None:
    def script(event: Event, _now: Now) -> tuple[Effect, ...]:
        return (Record(7, "guard_fired", {}, 0),) if isinstance(event, GuardFired) else ()

    bench = Bench(script)
    bench.loop.post(GuardFired(("a",), "stalled"))
    bench.loop.post(Recorded(6))
    await bench.settle()
    assert bench.recording.acknowledged == 0
    bench.loop.post(Recorded(8))
    bench.loop.post(DeadlineReached())
    bench.loop.post(Recorded(9))
    await bench.settle()
    assert bench.recording.acknowledged == 1
    bench.loop.close()


@pytest.mark.hazard("H46")
async def test_every_pass_and_every_idle_tick_is_a_heartbeat() -> None:
    bench = Bench(nothing)
    bench.loop.start()
    started = bench.recording.beats
    for number in range(5):
        bench.loop.post(Recorded(number))
        await bench.settle()
    assert bench.recording.beats >= started + 5
    idle = bench.recording.beats
    await asyncio.sleep(2.5 * TICK_S)
    assert bench.recording.beats >= idle + 2
    bench.loop.close()


async def test_a_flood_leaves_sockets_and_ports_their_turn() -> None:
    turns: list[int] = []
    bench = Bench(lambda _event, _now: ())
    for number in range(500):
        bench.loop.post(LinkUp("a", number))
    asyncio.get_running_loop().call_soon(lambda: turns.append(len(bench.controller.handled)))
    await bench.settle()
    assert len(bench.controller.handled) == 500
    assert turns[0] < 500
    bench.loop.close()


async def test_a_turn_is_observed_when_it_is_over_and_the_past_is_one_too() -> None:
    bench = Bench(lambda _event, _now: (RECORD,), at_start=(ALL_EFFECTS[2],))
    seen: list[object] = []

    def observe(event: Event | None, effects: tuple[Effect, ...], began_s: float) -> None:
        assert effects[-1] in bench.recording.out, "carried out before it is observed"
        seen.append((event, effects, began_s <= asyncio.get_running_loop().time()))

    bench.loop._outlets = replace(bench.recording.outlets(), observe=observe)
    bench.loop.start()
    bench.loop.post(LinkUp("a", 1))
    await bench.settle()
    assert seen == [(None, (ALL_EFFECTS[2],), True), (LinkUp("a", 1), (RECORD,), True)]
    bench.loop.close()
