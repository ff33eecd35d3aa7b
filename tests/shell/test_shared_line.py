"""Several channels on one port, on a real pty: each hears its own pump, STOP goes first, and the guard knows whose."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from protocols.new_era.framing import Mode, encode_reply
from protocols.new_era.messages import Prompt, Reply, reply_payload
from pumpctl.events import Event, LinkDown, LinkUp, PumpBytes
from pumpctl.shell import serial_link
from pumpctl.shell.serial_link import STUCK_S
from pumpctl.shell.shared_line import SharedLine
from pumpctl.shell.supervised_port import PortSettings
from tests.conftest import PtyPair
from tests.shell.link_bench import STOP, WAIT_S, drain, read_until

NAMES = {1: "a", 2: "b", 3: "c"}
STOPPED = {name: encode_reply(reply_payload(Reply(n, Prompt.STOPPED)), Mode.SAFE) for n, name in NAMES.items()}


class LineGuard:
    """Notes what a guard would hear, and of which line."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.lines: set[str] = set()

    def port_opened(self, channel: str, fd: int, line: str = "") -> None:
        assert os.fstat(fd)
        self.lines.add(line)
        self.heard.append(("opened", channel))

    def port_closed(self, channel: str) -> None:
        self.heard.append(("closed", channel))

    def stop_written(self, channel: str) -> None:
        self.heard.append(("stop_written", channel))


class Bench:
    def __init__(self, url: str, baud: int = 19_200) -> None:
        self.url = url
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.guard = LineGuard()
        self.line = SharedLine(PortSettings(url, baud), NAMES, self.events.put_nowait, self.guard)

    def write(self, channel: str, frame: bytes, *, is_stop: bool = False) -> None:
        self.line.surfaces[channel].write(frame, is_stop=is_stop)

    async def next(self) -> Event:
        async with asyncio.timeout(WAIT_S):
            return await self.events.get()

    async def up(self) -> None:
        ups = [await self.next() for _ in NAMES]
        assert [event.channel for event in ups if isinstance(event, LinkUp)] == list(NAMES.values())


@pytest_asyncio.fixture
async def bench(pty_pair: PtyPair) -> AsyncIterator[Bench]:
    subject = Bench(pty_pair.slave_path)
    for surface in subject.line.surfaces.values():
        surface.start()
    await subject.up()
    yield subject
    for surface in subject.line.surfaces.values():
        surface.close()


async def test_the_guard_has_every_channel_on_that_line_before_anything_is_written(bench: Bench) -> None:
    assert bench.guard.heard == [("opened", name) for name in NAMES.values()]
    assert bench.guard.lines == {bench.url}


async def test_each_channel_hears_its_own_pump_and_nobody_hears_a_strangers(bench: Bench, pty_pair: PtyPair) -> None:
    stranger = encode_reply(reply_payload(Reply(77, Prompt.STOPPED)), Mode.SAFE)
    os.write(pty_pair.master_fd, STOPPED["b"] + stranger + STOPPED["a"])
    assert await bench.next() == PumpBytes("b", STOPPED["b"])
    assert await bench.next() == PumpBytes("a", STOPPED["a"])
    assert bench.events.empty()


async def test_a_reply_behind_a_spoilt_one_is_heard_at_the_next_question(bench: Bench) -> None:
    bench.line._happened(PumpBytes(bench.url, b"\x02\x2a01S" + STOPPED["b"]))
    assert bench.events.empty()
    bench.write("a", b"question")
    assert await bench.next() == PumpBytes("b", STOPPED["b"])


@pytest.mark.hazard("H56", "H77")
async def test_a_stop_goes_ahead_of_the_frame_of_another_channel_and_the_guard_hears_whose_it_is(
    bench: Bench, pty_pair: PtyPair
) -> None:
    handed = 0
    while not bench.line._link._waiting:
        bench.write("a", b"S" * 250)
        handed += 250
        assert handed < 1_000_000
    bench.write("b", STOP, is_stop=True)
    seen = await read_until(pty_pair.master_fd, lambda came: came.endswith(b"\x00" + STOP))
    assert seen.count(b"S") < handed, "a START that waited is gone"
    assert bench.guard.heard[len(NAMES) :] == [("stop_written", "b")]
    assert bench.events.empty()


@pytest.mark.hazard("H56")
async def test_no_stop_is_flushed_away_by_the_stop_of_another_pump_while_it_may_still_be_in_the_queue(
    pty_pair: PtyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(pty_pair.slave_path)
    clock_s = [100.0]
    bench.line.start()
    await bench.up()
    monkeypatch.setattr(bench.line._link._loop, "time", lambda: clock_s[0])
    flushes: list[float] = []
    monkeypatch.setattr(termios, "tcflush", lambda _fd, _queue: flushes.append(clock_s[0]))
    leaves_s = (len(STOP) + 1) * 10 / 19_200
    bench.write("a", STOP, is_stop=True)
    bench.write("a", b"question")
    clock_s[0] += leaves_s * 0.99
    bench.write("b", STOP, is_stop=True)
    assert flushes == [100.0]
    bench.write("a", b"question")
    clock_s[0] += 2 * leaves_s
    bench.write("c", STOP, is_stop=True)
    assert flushes == [100.0, clock_s[0]]
    monkeypatch.undo()
    bench.line.close()


async def test_a_line_that_is_lost_is_lost_for_all_and_comes_back_for_all(bench: Bench, pty_pair: PtyPair) -> None:
    bench.line._link._lose("pulled out")
    downs = [await bench.next() for _ in NAMES]
    assert [event.channel for event in downs if isinstance(event, LinkDown)] == list(NAMES.values())
    assert bench.guard.heard[len(NAMES) :] == [("closed", name) for name in NAMES.values()]
    await bench.up()
    assert bench.guard.heard[2 * len(NAMES) :] == [("opened", name) for name in NAMES.values()]
    assert drain(pty_pair.master_fd) == b""


@pytest.mark.hazard("H25")
async def test_a_channel_closed_for_good_is_written_to_no_more_and_the_others_go_on(
    bench: Bench, pty_pair: PtyPair
) -> None:
    bench.line.surfaces["b"].close_for_good()
    assert bench.guard.heard[-1] == ("closed", "b")
    bench.write("b", STOP, is_stop=True)
    bench.write("a", b"question")
    assert await read_until(pty_pair.master_fd, lambda came: b"question" in came) == b"question"
    os.write(pty_pair.master_fd, STOPPED["b"] + STOPPED["c"])
    assert await bench.next() == PumpBytes("c", STOPPED["c"])
    bench.line._link._lose("pulled out")
    assert [(await bench.next()).channel for _ in "ac"] == ["a", "c"]
    assert ("opened", "b") not in bench.guard.heard[len(NAMES) :]
    for name in "ac":
        bench.line.surfaces[name].close_for_good()


class StuckLine:
    """Stands in for `os` at the link: the line takes `room` bytes, and no more until it has room again."""

    read = staticmethod(os.read)

    def __init__(self) -> None:
        self.room = 0

    def write(self, fd: int, content: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        written = os.write(fd, content[: self.room])
        self.room -= written
        return written


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> StuckLine:
    line = StuckLine()
    monkeypatch.setattr(serial_link, "os", line)
    return line


@pytest.mark.hazard("H56")
async def test_stops_that_wait_for_a_stuck_line_all_leave_whole_once_and_the_guard_hears_each(
    bench: Bench, pty_pair: PtyPair, stuck: StuckLine
) -> None:
    for channel in ("a", "b", "a", "b"):
        bench.write(channel, b"STOP" + channel.encode(), is_stop=True)
    assert ("stop_written", "a") not in bench.guard.heard
    stuck.room = 1_000
    seen = await read_until(pty_pair.master_fd, lambda came: came.endswith(b"STOPb"))
    assert seen == b"\x00STOPa\x00STOPb"
    assert bench.guard.heard[len(NAMES) :] == [("stop_written", "a"), ("stop_written", "b")]
    bench.write("c", STOP, is_stop=True)
    assert bench.guard.heard[len(NAMES) + 2 :] == [("stop_written", "c")], "a and b are told once"


@pytest.mark.hazard("H56", "H77")
async def test_the_rest_of_a_half_written_stop_stays_before_the_others_and_what_waits_is_bounded(
    bench: Bench, pty_pair: PtyPair, stuck: StuckLine
) -> None:
    stuck.room = 3
    for _ in range(100):
        for channel in "abc":
            bench.write(channel, b"STOP" + channel.encode(), is_stop=True)
    assert bench.line._link._waiting == b"OPa\x00STOPb\x00STOPc\x00STOPa"
    stuck.room = 1_000
    seen = await read_until(pty_pair.master_fd, lambda came: came.endswith(b"\x00STOPa"))
    assert seen == b"\x00STOPa\x00STOPb\x00STOPc\x00STOPa"


@pytest.mark.hazard("H56")
async def test_a_question_behind_a_stop_that_waits_is_dropped_and_the_line_is_lost_only_after_a_second(
    bench: Bench, pty_pair: PtyPair, stuck: StuckLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_s = [100.0]
    with monkeypatch.context() as clock:
        clock.setattr(bench.line._link._loop, "time", lambda: clock_s[0])
        bench.write("a", STOP, is_stop=True)
        clock_s[0] += STUCK_S - 0.01
        bench.write("b", STOP, is_stop=True)
        bench.write("c", b"question")
        assert bench.guard.heard == [("opened", name) for name in NAMES.values()]
        stuck.room = len(STOP)
        bench.write("b", STOP, is_stop=True)
        clock_s[0] += 0.01
        bench.write("c", b"question")
    assert bench.guard.heard[len(NAMES) :] == [("closed", name) for name in NAMES.values()]
    downs = [await bench.next() for _ in NAMES]
    assert all(isinstance(event, LinkDown) and "takes no bytes" in event.reason for event in downs)
    assert drain(pty_pair.master_fd) == (b"\x00" + STOP)[:-1]


@pytest.mark.hazard("H56")
async def test_a_stop_that_waited_is_not_flushed_away_once_the_line_has_taken_it(
    bench: Bench, stuck: StuckLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_s = [100.0]
    flushes: list[float] = []
    with monkeypatch.context() as patched:
        patched.setattr(bench.line._link._loop, "time", lambda: clock_s[0])
        patched.setattr(termios, "tcflush", lambda _fd, _queue: flushes.append(clock_s[0]))
        bench.write("a", STOP, is_stop=True)
        clock_s[0] += 0.9
        stuck.room = 1_000
        bench.line._link._writable()
        bench.write("a", b"question")
        bench.write("b", STOP, is_stop=True)
    assert flushes == [100.0]
    assert bench.guard.heard[len(NAMES) :] == [("stop_written", "a"), ("stop_written", "b")]


async def test_a_stop_for_a_port_that_was_down_is_never_told_as_written(bench: Bench) -> None:
    bench.line._link._lose("pulled out")
    bench.write("a", STOP, is_stop=True)
    assert all([isinstance(await bench.next(), LinkDown) for _ in NAMES])
    await bench.up()
    bench.write("b", STOP, is_stop=True)
    assert [heard for heard in bench.guard.heard if heard[0] == "stop_written"] == [("stop_written", "b")]
