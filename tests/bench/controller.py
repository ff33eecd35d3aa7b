"""A poll decided, sent, answered and weighed by the daemon's own loop and Controller, against raw bytes on a pty.

The clock that the Controller is handed runs ahead by one poll period a trip, so that polls follow each other without
waiting; everything else is the real thing, and the peer is one in C. Refuses to know what a status means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter_ns

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, JournalCondition, JournalContent, Mode
from pumpctl.controller import Controller
from pumpctl.core.instant import NS_PER_MS
from pumpctl.effects import Publish, Record
from pumpctl.events import DeadlineReached, Event, GuardChanged, Recorded
from pumpctl.shell.clock import Clock, boottime_ns, wall_ms
from pumpctl.shell.event_loop import EventLoop, Outlets
from pumpctl.shell.library_file import read_library
from pumpctl.shell.serial_link import SerialLink
from pumpctl.shell.supervised_port import PortSettings
from tests.bench.dialects import CHANNEL, Dialect
from tests.bench.harness import Preparation, Round, Subject
from tests.bench.lines import ROUNDS, TRIPS_A_ROUND, WAIT_S, NoGuard, Place, pinned, raw_line


class QuietGuard(NoGuard):
    """The loop's view of the guard, with nobody behind it."""

    def arm(self, channel: str, stop_frame: bytes, stopped_frame: bytes, lease: bool, proven: bool) -> None: ...
    def disarm(self, channel: str) -> None: ...
    def heartbeat(self) -> None: ...
    def acknowledge_slot(self) -> None: ...


class Poller:
    """Lets the next poll be due, again and again, and notes how long each took to be weighed, by its questions."""

    def __init__(self, path: str, channel: ChannelConfiguration, publish: Callable[[Publish], None]) -> None:
        self._ahead_ns = 0
        self._asked = 0
        self._before_ns = 0
        self._left = 0
        self._took_us: list[float] = []
        self._done = asyncio.get_running_loop().create_future()
        configuration = ControllerConfiguration(
            mode=Mode.RIG,
            speed=1,
            channels=(channel,),
        )
        past = JournalContent(JournalCondition.SOUND, "", ())
        self._controller = Controller(configuration, read_library(), past)
        self._link = SerialLink(CHANNEL, PortSettings(path, 115_200), self._post, NoGuard())
        self._clock = Clock(
            1,
            boottime_ns(),
            boottime=lambda: boottime_ns() + self._ahead_ns,
            wall=lambda: wall_ms() + self._ahead_ns // NS_PER_MS,
        )
        outlets = Outlets(
            pumps={CHANNEL: self},
            guard=QuietGuard(),
            record=self._record,
            publish=publish,
            annunciate=lambda _: None,
            answer=lambda _: None,
            passed=self._passed,
        )
        self._loop = EventLoop(self._controller, self._clock, outlets, self._crashed)

    async def opened(self) -> None:
        self._loop.start()
        self._post(GuardChanged(alive=True))
        self._link.start()
        await asyncio.wait_for(self._done, WAIT_S)

    async def poll(self, times: int) -> list[float]:
        self._took_us, self._left, self._done = [], times, asyncio.get_running_loop().create_future()
        self._next()
        await asyncio.wait_for(self._done, WAIT_S)
        return self._took_us

    def write(self, frame: bytes, *, is_stop: bool) -> None:
        assert not is_stop, "the daemon stopped the pump of the benchmark"
        self._asked += 1
        self._link.write(frame, is_stop=is_stop)

    def close_for_good(self) -> None:
        raise AssertionError("the daemon closed the port of the benchmark")

    def close(self) -> None:
        self._loop.close()
        self._link.close()

    def _next(self) -> None:
        """Move the clock on to the next deadline. Some are for telling the world and not for asking the pump."""
        self._asked = 0
        deadline_ns = self._controller.next_deadline_ns()
        assert deadline_ns is not None
        self._ahead_ns += max(0, deadline_ns - self._clock.now().link_ns)
        self._before_ns = perf_counter_ns()
        self._post(DeadlineReached())

    def _passed(self) -> None:
        """The loop has handled what there was."""
        channel = self._controller.ward.channels[CHANNEL]
        if channel.driver.busy or channel.status is None or self._done.done():
            return
        if self._asked and self._left:
            self._took_us.append((perf_counter_ns() - self._before_ns) / 1e3 / self._asked)
            self._left -= 1
        if self._left:
            asyncio.get_running_loop().call_soon(self._next)  # the pass ends first, as it would for a timer
        else:
            self._done.set_result(None)

    def _post(self, event: Event) -> None:
        self._loop.post(event)

    def _record(self, record: Record) -> None:
        self._post(Recorded(record.seq))

    def _crashed(self, error: BaseException) -> None:
        raise error


@contextmanager
def _polled(path: str, channel: ChannelConfiguration) -> Generator[Round, None, None]:
    """Rounds of polls of the pump on that line."""
    with asyncio.Runner() as runner:
        poller = runner.run(opened(path, channel, lambda _: None))
        yield lambda: runner.run(poller.poll(TRIPS_A_ROUND))
        runner.get_loop().call_soon(poller.close)
        runner.run(asyncio.sleep(0))


def through_controller(dialect: Dialect, place: Place = Place.APART) -> Preparation:
    """Beside the pump on the same core nothing overlaps: the ratio is then all our own time, and told for that."""

    @contextmanager
    def prepared(build: Path) -> Generator[Subject, None, None]:
        with ExitStack() as stack:
            core = stack.enter_context(pinned(place))
            floor = stack.enter_context(raw_line(build, core))
            ours = stack.enter_context(_polled(stack.enter_context(dialect.peer(build, core)), dialect.channel))
            name = f"{dialect.name} by the Controller / raw pty, {place.value}"
            yield Subject(name, "us", 4.0, ROUNDS, ours, floor)

    return prepared


async def opened(path: str, channel: ChannelConfiguration, publish: Callable[[Publish], None]) -> Poller:
    """A poller whose pump has told who it is."""
    poller = Poller(path, channel, publish)
    await poller.opened()
    return poller
