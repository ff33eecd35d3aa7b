"""The daemon's end: what it refuses to start with, and what it calls a lost guard."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from pumpctl.guard.wire import LOCK_NAME, MESSAGE_LIMIT_BYTES, SLOT_NAME, SOCKET_NAME, encode
from pumpctl.shell import guard_link
from pumpctl.shell.guard_link import GuardLink, GuardUnavailable
from tests.guard.rig import WAIT_S, ended

Start = Callable[[], GuardLink]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[GuardLink] = []

    def begin() -> GuardLink:
        started.append(GuardLink.start(tmp_path))
        return started[-1]

    yield begin
    for link in started:
        if link.alive:
            link._end()


def guard_of(state_dir: Path) -> int:
    return int((state_dir / LOCK_NAME).read_text())


def wake(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


async def test_it_starts_alive_and_with_an_empty_slot(start: Start, tmp_path: Path) -> None:
    link = start()
    assert link.alive
    assert link.fired_slot() is None
    assert not ended(guard_of(tmp_path), 0)


async def test_the_guard_is_in_a_session_of_its_own(start: Start, tmp_path: Path) -> None:
    start()
    assert os.getsid(guard_of(tmp_path)) == guard_of(tmp_path) != os.getsid(0)


async def test_without_a_state_directory_there_is_no_guard(tmp_path: Path) -> None:
    with pytest.raises(GuardUnavailable, match="No such file"):
        GuardLink.start(tmp_path / "absent")


async def test_a_path_too_long_for_a_socket_is_one_clear_line(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with pytest.raises(GuardUnavailable, match="path too long"):
        GuardLink.start(deep)


async def test_a_damaged_slot_is_for_a_person_to_look_at(tmp_path: Path) -> None:
    (tmp_path / SLOT_NAME).write_bytes(b"{")
    with pytest.raises(GuardUnavailable, match="look at every pump"):
        GuardLink.start(tmp_path)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[None]:
    """An older guard that gives up its ports and could not record what it stopped."""
    row = {"channel": "bed-7", "reason": "why", "proven": False, "utc_ms": 1}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET_NAME))
        listener.listen()

        def release() -> None:
            asker, _ = listener.accept()
            with asker:
                asker.recv(MESSAGE_LIMIT_BYTES)
                listener.close()
                asker.sendall(encode({"released": True, "unrecorded": [row]}))

        answering = Thread(target=release)
        answering.start()
        yield
        answering.join(WAIT_S)


@pytest.mark.hazard("H70")
@pytest.mark.usefixtures("full")
async def test_a_stop_that_the_older_guard_could_not_record_outlives_a_start_that_fails(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr(guard_link, "start_guard", no_guard)
        with pytest.raises(GuardUnavailable, match="no process"):
            start()
    fired = start().fired_slot()
    assert fired is not None
    assert (fired.channels, fired.reason) == (("bed-7",), "bed-7: why; NOT proven stopped")


@pytest.mark.hazard("H70")
@pytest.mark.usefixtures("full")
async def test_a_stop_that_cannot_be_recorded_here_either_is_said_before_anything_can_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "guard.new").mkdir()  # where the slot is written before it is renamed
    monkeypatch.setattr(guard_link, "start_guard", no_guard)
    said: list[str] = []
    with pytest.raises(GuardUnavailable, match="no process"):
        GuardLink.start(tmp_path, say=said.append)
    (line,) = said
    assert "bed-7: why; NOT proven stopped; not recorded: " in line
    assert "Is a directory" in line


@pytest.mark.hazard("H70")
@pytest.mark.usefixtures("full")
async def test_a_damaged_slot_does_not_hide_what_the_older_guard_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / SLOT_NAME).write_bytes(b"{")
    with pytest.raises(GuardUnavailable, match="not a slot; the guard stopped bed-7: why; NOT proven stopped"):
        GuardLink.start(tmp_path)
    assert "bed-7" in capsys.readouterr().err
    assert (tmp_path / SLOT_NAME).read_bytes() == b"{"


def no_guard(*_: object) -> None:
    raise GuardUnavailable("no process", "try again")


async def test_an_older_guard_that_hangs_is_named_and_nothing_starts(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = start()
    os.kill(guard_of(tmp_path), signal.SIGSTOP)
    monkeypatch.setattr(guard_link, "RELEASE_WAIT_S", 0.3)
    with pytest.raises(GuardUnavailable, match="does not answer"):
        GuardLink.start(tmp_path)
    link._end()


@pytest.mark.hazard("H51")
async def test_a_guard_that_does_not_read_is_lost(start: Start, tmp_path: Path) -> None:
    link = start()
    told: asyncio.Queue[str] = asyncio.Queue()
    link.on_death(told.put_nowait)
    pid = guard_of(tmp_path)
    os.kill(pid, signal.SIGSTOP)
    for _ in range(100_000):
        link.stop_written("a")
        if not link.alive:
            break
    assert "does not read" in await asyncio.wait_for(told.get(), 5)
    assert ended(pid, 0)
    link.stop_written("a")  # and from here everything is quiet
    link.heartbeat()
    assert told.empty()


async def test_it_hears_the_guard_say_that_it_lives(start: Start) -> None:
    link = start()
    for _ in range(3):
        link._silent_s = 1.0
        assert select.select([link._guard.messages], [], [], 5)[0]
        link._hear()
        assert link._silent_s == 0


async def test_a_pause_of_our_own_is_not_taken_for_one_of_the_guards(start: Start, tmp_path: Path) -> None:
    link = start()
    os.kill(guard_of(tmp_path), signal.SIGSTOP)
    link._hear()  # what it said until now
    link._beaten_s -= 3600
    link.heartbeat()
    assert link.alive


async def test_silence_adds_up_to_three_seconds_and_no_less(start: Start, tmp_path: Path) -> None:
    link = start()
    os.kill(guard_of(tmp_path), signal.SIGSTOP)
    link._hear()  # what it said until now
    for _ in range(5):
        link._beaten_s -= 0.5
        link.heartbeat()
    assert link.alive
    link._beaten_s -= 0.5
    link.heartbeat()
    assert not link.alive


async def test_a_frame_that_is_none_is_refused_here(start: Start) -> None:
    link = start()
    for stop, stopped in ((b"", b"x"), (b"x", b""), (b"x" * 257, b"x"), (b"x", b"x" * 257)):
        with pytest.raises(ValueError, match="1 to 256 bytes"):
            link.arm("a", stop, stopped, lease=False, proven=True)


async def test_arming_a_port_that_has_closed_meanwhile_does_nothing(start: Start) -> None:
    link = start()
    link.arm("a", b"x", b"y", lease=True, proven=True)
    link.disarm("a")
    link.port_closed("a")
    assert link.alive
