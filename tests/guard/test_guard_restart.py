"""A new guard for one that died: the loop goes on meanwhile, and the new one learns all that the old one knew."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pumpctl.guard.wire import CHANNEL_LIMIT, LOCK_NAME
from pumpctl.shell import guard_link, guard_start
from pumpctl.shell.guard_link import BURIAL_WAIT_S, GuardLink
from pumpctl.shell.guard_start import StartedGuard
from pumpctl.shell.unusable import Unusable
from tests.conftest import PtyPair
from tests.shell.waiting import until


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[GuardLink]:
    made = GuardLink.start(tmp_path)
    yield made
    if made._alive:
        made._end()


def guard_of(state_dir: Path) -> int:
    return int((state_dir / LOCK_NAME).read_text())


def restarting(link: GuardLink) -> asyncio.Future[Unusable | OSError | None]:
    back: asyncio.Future[Unusable | OSError | None] = asyncio.get_running_loop().create_future()
    link.restart(back.set_result)
    return back


class Undying:
    """A process that hangs in the kernel."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    def kill(self) -> None:
        """Nothing comes of it."""

    def leave(self) -> None:
        """It stays."""

    def wait_ended(self, wait_s: float) -> None:
        self.waits_s.append(wait_s)


@pytest.mark.hazard("H51")
async def test_a_new_guard_gets_as_many_channels_as_there_may_be(
    link: GuardLink, tmp_path: Path, pty_pair: PtyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told all of them at once, and does not read at first: two messages each are more than a socket holds."""
    monkeypatch.setattr(guard_start, "UNREAD_BYTES", 16_384)  # where the kernel grants no more
    link._end()
    for number in range(CHANNEL_LIMIT):
        link.port_opened(f"bed-{number}", pty_pair.slave_fd)
        link.arm(f"bed-{number}", b"s" * 256, b"d" * 256, lease=False, proven=True)
    start_guard = guard_link.start_guard

    def start_and_stand(state_dir: Path) -> StartedGuard:
        started = start_guard(state_dir)
        os.kill(guard_of(state_dir), signal.SIGSTOP)
        return started

    monkeypatch.setattr(guard_link, "start_guard", start_and_stand)
    back = restarting(link)
    await until(lambda: link._alive and 0 < len(link._untold) < CHANNEL_LIMIT)
    assert not link.alive
    link.port_closed("bed-255")
    os.kill(guard_of(tmp_path), signal.SIGCONT)
    assert await asyncio.wait_for(back, 10) is None
    assert link.alive


@pytest.mark.hazard("H51")
async def test_the_loop_goes_on_while_a_new_guard_does_not_say_that_it_is_ready(
    link: GuardLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    link._end()
    loop, child, passed_s = asyncio.get_running_loop(), guard_start._child, [asyncio.get_running_loop().time()]

    def silent(_state_dir: Path, messages: int, beats: int) -> guard_start._Child:
        return guard_start._Child(subprocess.Popen(["sleep", "60"], pass_fds=(messages, beats)))

    def turn() -> None:
        passed_s.append(loop.time())
        loop.call_later(0.01, turn)

    monkeypatch.setattr(guard_start, "READY_WAIT_S", 1.0)
    monkeypatch.setattr(guard_start, "_child", silent)
    turn()
    assert "did not start: timed out" in str(await asyncio.wait_for(restarting(link), 10))
    passed_s.append(loop.time())
    assert max(after - before for before, after in pairwise(passed_s)) < 0.5
    monkeypatch.setattr(guard_start, "_child", child)
    assert await asyncio.wait_for(restarting(link), 10) is None
    assert link.alive


@pytest.mark.hazard("H51")
async def test_the_loop_goes_on_when_a_killed_guard_does_not_end(link: GuardLink) -> None:
    real = link._guard
    undying = Undying()
    link._guard = replace(real, process=undying)
    link._end()
    assert undying.waits_s == [BURIAL_WAIT_S]
    trouble = await asyncio.wait_for(restarting(link), 10)
    assert undying.waits_s == [BURIAL_WAIT_S, guard_start.END_S]
    assert trouble is None or "holds" in str(trouble)  # the real one ends by itself when nothing is to be guarded
    real.process.kill()
    real.process.wait_ended(5)


def test_a_wait_for_a_process_that_does_not_end_is_over_in_time() -> None:
    process = subprocess.Popen(["sleep", "60"])
    child = guard_start._Child(process)
    child.wait_ended(0.01)
    assert process.poll() is None
    child.kill()
    child.wait_ended(5)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.hazard("H51")
async def test_a_guard_that_is_ready_when_the_daemon_has_left_is_ended(
    link: GuardLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    link._end()
    made: list[StartedGuard] = []
    start_guard = guard_link.start_guard

    def kept(state_dir: Path) -> StartedGuard:
        made.append(start_guard(state_dir))
        return made[-1]

    monkeypatch.setattr(guard_link, "start_guard", kept)
    back = restarting(link)
    link.close()
    await until(lambda: made and made[0].messages.fileno() < 0)
    assert not link.alive
    assert not back.done()
