"""One line as the guard holds it: what leaves, what counts as an answer, and a line that is gone."""

from __future__ import annotations

import os
import socket

import pytest

from pumpctl.guard.port import Port
from tests.conftest import PtyPair
from tests.pty_bytes import read_when, wait_unread

STOP, STOPPED = b"\x01S\x00", b"\x01T\x00"


def armed(descriptor: int) -> Port:
    port = Port(descriptor)
    port.arm(STOP, STOPPED)
    return port


def fill(descriptor: int) -> int:
    """Write until the line takes no more; how much it took."""
    os.set_blocking(descriptor, False)
    filled = 0
    while True:
        try:
            filled += os.write(descriptor, b"s")
        except BlockingIOError:
            return filled


def test_a_port_that_is_not_armed_writes_nothing(pty_pair: PtyPair) -> None:
    port = Port(os.dup(pty_pair.slave_fd))
    assert port.write_stop(first=True) == "not armed"
    port.arm(STOP, STOPPED)
    port.disarm()
    assert port.write_stop(first=True) == "not armed"
    with pytest.raises(BlockingIOError):
        os.read(pty_pair.master_fd, 100)
    port.close()


def test_each_stop_has_a_delimiter_before_it(pty_pair: PtyPair) -> None:
    port = armed(os.dup(pty_pair.slave_fd))
    assert port.write_stop(first=True) == ""
    assert port.write_stop(first=False) == ""
    both = 2 * (b"\x00" + STOP)
    assert read_when(pty_pair.master_fd, lambda came: len(came) >= len(both)) == both
    port.close()


def test_what_waits_on_a_line_is_dropped_before_the_first_stop(pty_pair: PtyPair) -> None:
    """A START that the dead daemon left in the queue must not leave the host after it is dead."""
    fill(pty_pair.slave_fd)
    port = armed(os.dup(pty_pair.slave_fd))
    assert port.write_stop(first=True) == ""  # there is room again
    port.close()


def test_a_stop_that_could_not_leave_whole_is_followed_by_a_clean_line() -> None:
    ours, theirs = socket.socketpair()
    port = armed(ours.detach())
    filled = fill(port.descriptor)
    assert port.write_stop(first=True) != ""
    while filled > 0:
        filled -= len(theirs.recv(65_536))
    theirs.settimeout(0)
    assert port.write_stop(first=False) == ""
    assert theirs.recv(100).endswith(b"\x00" + STOP)
    theirs.close()
    port.close()


def test_an_answer_counts_however_it_is_split(pty_pair: PtyPair) -> None:
    port = armed(os.dup(pty_pair.slave_fd))
    port.write_stop(first=True)
    seen: list[bool] = []
    for byte in b"noise" + STOPPED:
        os.write(pty_pair.master_fd, bytes([byte]))
        wait_unread(pty_pair.slave_fd, 1)
        seen.append(port.read_stopped())
    assert seen == [False] * 7 + [True]
    port.close()


def test_an_answer_from_before_our_stop_does_not_count(pty_pair: PtyPair) -> None:
    port = armed(os.dup(pty_pair.slave_fd))
    os.write(pty_pair.master_fd, STOPPED)
    wait_unread(pty_pair.slave_fd, len(STOPPED))
    port.write_stop(first=True)
    assert not port.read_stopped()
    os.write(pty_pair.master_fd, STOPPED)
    wait_unread(pty_pair.slave_fd, len(STOPPED))
    assert port.read_stopped()
    port.close()


def test_a_babbling_pump_is_read_in_bounds(pty_pair: PtyPair) -> None:
    port = armed(os.dup(pty_pair.slave_fd))
    port.write_stop(first=True)
    for _ in range(300):
        os.write(pty_pair.master_fd, b"x" * 1000)
        wait_unread(pty_pair.slave_fd, 1000)
        assert not port.read_stopped()
    assert len(port._tail) < len(STOPPED)
    port.close()


def test_a_line_that_hung_up_is_not_polled_and_says_so(pty_pair: PtyPair) -> None:
    port = armed(os.dup(pty_pair.slave_fd))
    port.write_stop(first=True)
    assert port.readable
    pty_pair.hang_up()
    assert not port.read_stopped()
    assert not port.readable
    assert "cannot write" in port.write_stop(first=False)
    assert not port.readable
    assert "cannot write" in port.write_stop(first=True)
    port.close()
