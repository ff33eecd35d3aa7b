"""What a daemon has said counts when it has ended: all of it, however late the guard reads it."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pumpctl.guard.action import WriteStop
from pumpctl.guard.askers import Askers
from pumpctl.guard.companion import MESSAGES_A_PASS, Companion
from pumpctl.guard.notice import Notices
from pumpctl.guard.process import Guard, now_ns
from pumpctl.guard.wire import CHANNEL_LIMIT, encode

MANY = 2 * MESSAGES_A_PASS + 36


class Spoken:
    """A guard that is stepped by hand, and the ends that a daemon has."""

    def __init__(self, state_dir: Path) -> None:
        self._process = subprocess.Popen(["sleep", "600"])
        self.messages, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.messages.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        heartbeats, self.beats = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.companion = Companion(theirs, heartbeats, self._process.pid, os.pidfd_open(self._process.pid))
        lock = os.open(state_dir / "lock", os.O_CREAT | os.O_RDWR)
        self.guard = Guard(state_dir, self.companion, Askers(state_dir / "s"), lock, Notices())
        self._pumps: list[socket.socket] = []

    def arms(self, count: int) -> None:
        for number in range(count):
            pump, port = socket.socketpair()
            self._pumps.append(pump)
            opened = {"do": "open", "channel": f"bed-{number}", "line": ""}
            socket.send_fds(self.messages, [encode(opened)], [port.fileno()])
            port.close()
            frames = {"stop": "aa", "stopped": "bb", "lease": False, "proven": True}
            self.say({"do": "arm", "channel": f"bed-{number}", **frames})

    def writes_stop(self, count: int) -> None:
        for number in range(count):
            self.say({"do": "written", "channel": f"bed-{number}"})

    def say(self, body: dict[str, object]) -> None:
        self.messages.send(encode(body))

    def ends(self) -> None:
        self.messages.close()
        os.close(self.beats)
        self._process.kill()
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)

    def hears(self) -> None:
        self.guard._hear(self.guard._poll(), now_ns())

    def hears_all(self) -> None:
        for _ in range(1 + 2 * CHANNEL_LIMIT // MESSAGES_A_PASS):
            self.hears()

    def stops(self) -> set[str]:
        """The channels to which the guard writes STOP now."""
        return {each.channel for each in self.guard._watch.tick(now_ns()) if isinstance(each, WriteStop)}

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self.guard._leave()
        self.companion.messages.close()
        os.close(self.companion.heartbeats)
        for pump in self._pumps:
            pump.close()


@pytest.fixture
def spoken(tmp_path: Path) -> Iterator[Spoken]:
    subject = Spoken(tmp_path)
    yield subject
    subject.close()


@pytest.mark.hazard("H56")
@pytest.mark.parametrize("beat", [False, True])
def test_more_than_one_pass_of_stops_written_right_before_the_end_are_repeated(spoken: Spoken, beat: bool) -> None:
    spoken.arms(MANY)
    spoken.hears_all()
    spoken.writes_stop(MANY)
    if beat:
        os.write(spoken.beats, b".")
    spoken.ends()
    spoken.hears()
    assert len(spoken.stops()) == MANY


@pytest.mark.hazard("H56")
def test_a_whole_ward_that_was_opened_armed_and_stopped_unread_is_known(spoken: Spoken) -> None:
    spoken.arms(MANY)
    spoken.writes_stop(MANY)
    spoken.ends()
    spoken.hears()
    assert len(spoken.stops()) == MANY


@pytest.mark.hazard("H56")
def test_a_stop_written_between_the_look_at_the_socket_and_that_at_the_pipe_is_repeated(
    spoken: Spoken, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken.arms(1)
    spoken.hears_all()
    monkeypatch.setattr(spoken.companion, "beats", at_the_end(spoken))
    spoken.hears()
    spoken.hears()  # that the process has ended comes after its word
    assert spoken.stops() == {"bed-0"}


@pytest.mark.hazard("H56")
def test_a_daemon_that_ended_without_reading_its_guard_is_heard_all_the_same(spoken: Spoken) -> None:
    spoken.arms(1)
    spoken.hears_all()
    spoken.companion.send({"alive": True})  # unread at the end: the socket says ECONNRESET before what is there
    spoken.writes_stop(1)
    spoken.ends()
    spoken.hears()
    assert spoken.stops() == {"bed-0"}


def test_what_is_left_unread_when_only_the_process_is_known_to_have_ended_counts(spoken: Spoken) -> None:
    spoken.arms(MANY)
    spoken.hears_all()
    spoken.writes_stop(MANY)
    kept = os.dup(spoken.beats), spoken.messages.dup()  # by another process, say
    spoken.ends()
    spoken.hears()
    assert len(spoken.stops()) == MANY
    os.close(kept[0])
    kept[1].close()


def at_the_end(spoken: Spoken) -> Callable[[], bool | None]:
    def beats() -> bool | None:
        spoken.writes_stop(1)
        spoken.ends()
        return Companion.beats(spoken.companion)

    return beats
