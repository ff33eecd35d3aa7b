"""StatusReader on a real pty, with a clock of the test's own: how old what it finds is, and a port that vanishes."""

from __future__ import annotations

import fcntl
import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.status_line.framing import State, encode_line
from pumpctl.shell.listening_port import listen_to
from pumpctl.shell.port import PortUnusable
from pumpctl.shell.status_reader import REOPEN_NS, StatusReader
from tests.conftest import PtyPair
from tests.pty_bytes import wait_unread

NS_PER_S = 1_000_000_000
IDLE = {"channel": "a", "state": "idle"}
LINE = encode_line(IDLE)


class Clock:
    def __init__(self) -> None:
        self.ns = 100 * NS_PER_S

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reader(pty_pair: PtyPair, clock: Clock) -> Iterator[StatusReader]:
    subject = StatusReader(pty_pair.slave_path, 9600, clock)
    yield subject
    subject.close()


def send(pair: PtyPair, content: bytes) -> None:
    """Written at the other end and arrived at the reader's."""
    os.write(pair.master_fd, content)
    wait_unread(pair.slave_fd, len(content))


def states(reader: StatusReader) -> list[object]:
    return [piece.payload for piece in reader.receive(0).pieces if isinstance(piece, State)]


def test_it_cannot_write_and_writes_nothing(reader: StatusReader, pty_pair: PtyPair) -> None:
    assert reader._fd is not None
    assert fcntl.fcntl(reader._fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    send(pty_pair, LINE)
    assert states(reader) == [IDLE]
    with pytest.raises(BlockingIOError):
        os.read(pty_pair.master_fd, 1)


def test_what_lay_there_before_it_listened_is_not_shown(pty_pair: PtyPair, clock: Clock) -> None:
    send(pty_pair, LINE)
    reader = StatusReader(pty_pair.slave_path, 9600, clock)
    assert states(reader) == []
    send(pty_pair, LINE[9:] + LINE)
    assert (states(reader), reader.damaged_lines) == ([IDLE], 0)
    send(pty_pair, LINE[9:] + LINE)
    assert (states(reader), reader.damaged_lines) == ([IDLE], 1)
    reader.close()


@pytest.mark.hazard("H66")
def test_what_it_finds_after_it_was_held_up_is_as_old_as_it_may_be(
    reader: StatusReader, pty_pair: PtyPair, clock: Clock
) -> None:
    assert reader.receive(0).since_ns == clock.ns
    send(pty_pair, LINE)
    clock.ns += 60 * NS_PER_S
    heard = reader.receive(0)
    assert len(heard.pieces) == 1
    assert clock.ns - heard.since_ns == 60 * NS_PER_S
    send(pty_pair, LINE)
    clock.ns += NS_PER_S
    assert clock.ns - reader.receive(0).since_ns == NS_PER_S, "counted from when the port was seen empty"


def test_a_second_listener_is_refused_and_other_things_are_no_ports(
    reader: StatusReader, pty_pair: PtyPair, tmp_path: Path
) -> None:
    for path, said in (
        (pty_pair.slave_path, "another process listens to it"),
        (str(tmp_path / "none"), "no such device"),
        (str(tmp_path), "it is no serial port"),
        ("/dev/null", "it is no serial port"),
    ):
        with pytest.raises(PortUnusable, match=said):
            listen_to(path, 9600)
    with pytest.raises(PortUnusable, match="12345 is no standard rate"):
        listen_to(pty_pair.slave_path, 12_345)


def test_a_port_that_vanishes_is_told_tried_each_second_and_heard_again(tmp_path: Path, clock: Clock) -> None:
    adapter = tmp_path / "adapter"
    master, slave = plugged(adapter)
    reader = StatusReader(str(adapter), 9600, clock)
    os.write(master, LINE[:20])
    adapter.unlink()
    os.close(master)
    os.close(slave)
    assert "it is tried again" in reader.receive(5).away
    for _ in range(50):
        clock.ns += REOPEN_NS
        assert "no such device" in reader.receive(0).away
    master, slave = plugged(adapter)
    clock.ns += REOPEN_NS - 1
    assert "no such device" in reader.receive(0).away, "not more often than once a second"
    clock.ns += 1
    assert reader.receive(0).away == ""
    os.write(master, LINE)
    wait_unread(slave, len(LINE))
    assert (states(reader), reader.damaged_lines) == ([IDLE], 0), "the half line of before is forgotten"
    reader.close()
    os.close(master)
    os.close(slave)


def plugged(adapter: Path) -> tuple[int, int]:
    """A raw pty under this name."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    adapter.symlink_to(os.ttyname(slave))
    return master, slave
