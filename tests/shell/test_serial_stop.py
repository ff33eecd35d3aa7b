"""SerialLink when the line is stuck: one frame waits, a STOP goes ahead of it, a second frame is a fault."""

from __future__ import annotations

import termios
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import PtyPair
from tests.shell.link_bench import STOP, Bench, read_until


@pytest_asyncio.fixture
async def bench(pty_pair: PtyPair) -> AsyncIterator[Bench]:
    subject = Bench(pty_pair.slave_path)
    subject.link.start()
    yield subject
    subject.link.close()


def fill(bench: Bench) -> int:
    """Write frames that nobody reads until one waits. Returns how many bytes were handed over."""
    handed = 0
    while not bench.link._waiting:
        bench.link.write(b"F" * 250, is_stop=False)
        handed += 250
        assert handed < 1_000_000
    return handed


@pytest.mark.hazard("H56")
async def test_a_stop_goes_ahead_of_a_stuck_frame_which_dies_on_the_line(bench: Bench, pty_pair: PtyPair) -> None:
    await bench.up()
    handed = fill(bench)
    bench.link.write(STOP, is_stop=True)
    seen = await read_until(pty_pair.master_fd, lambda came: came.endswith(b"\x00" + STOP))
    assert seen.count(b"F") < handed, "the rest of the stuck frame was thrown away"
    assert ("stop_written", "a") in bench.guard.heard
    assert bench.events.empty()


async def test_the_guard_hears_of_a_stop_only_when_the_line_has_taken_all_of_it(
    bench: Bench, pty_pair: PtyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.up()
    monkeypatch.setattr(termios, "tcflush", lambda _fd, _queue: None)  # a line whose queue cannot be flushed
    fill(bench)
    bench.link.write(STOP, is_stop=True)
    assert ("stop_written", "a") not in bench.guard.heard
    seen = b""
    while ("stop_written", "a") not in bench.guard.heard:
        seen += await read_until(pty_pair.master_fd, bool)
    while not seen.endswith(b"\x00" + STOP):
        seen += await read_until(pty_pair.master_fd, bool)


async def test_a_second_frame_behind_a_stuck_one_takes_the_link_down(bench: Bench) -> None:
    await bench.up()
    fill(bench)
    bench.link.write(b"next", is_stop=False)
    assert "takes no bytes" in await bench.down()
    assert bench.guard.heard == [("opened", "a"), ("closed", "a")]
    await bench.up()


async def test_a_newer_stop_takes_the_place_of_one_that_waits_for_a_line_of_its_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.up()
    monkeypatch.setattr(termios, "tcflush", lambda _fd, _queue: None)
    fill(bench)
    for newest in (b"STOP1", b"STOP2"):
        bench.link.write(newest, is_stop=True)
    assert bench.link._waiting == b"\x00STOP2"


async def test_a_frame_behind_a_stop_that_waits_takes_a_line_of_ones_own_down_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.up()
    monkeypatch.setattr(termios, "tcflush", lambda _fd, _queue: None)
    fill(bench)
    bench.link.write(STOP, is_stop=True)
    bench.link.write(b"next", is_stop=False)
    assert "takes no bytes" in await bench.down()


async def test_a_waiting_frame_leaves_whole_when_the_line_takes_bytes_again(bench: Bench, pty_pair: PtyPair) -> None:
    await bench.up()
    handed = fill(bench)
    seen = b""
    while len(seen) < handed:
        seen += await read_until(pty_pair.master_fd, bool)
    assert seen == b"F" * handed


@pytest.mark.hazard("H77")
async def test_repeated_stops_do_not_flush_one_another_away(
    bench: Bench, pty_pair: PtyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.up()
    flushes: list[int] = []
    monkeypatch.setattr(termios, "tcflush", lambda _fd, queue: flushes.append(queue))
    for _ in range(100):
        bench.link.write(STOP, is_stop=True)
    assert len(flushes) == 1
    assert STOP in await read_until(pty_pair.master_fd, lambda came: STOP in came)
