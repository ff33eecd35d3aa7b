"""Lines for people never hold up the guard, whoever does not read them."""

from __future__ import annotations

import os
import socket

import pytest

from pumpctl.guard.notice import Notices


def test_a_line_rings_only_when_told_to() -> None:
    reading, writing = os.pipe()
    notices = Notices(writing)
    assert notices.line("one")
    assert notices.line("two", ring=True)
    assert os.read(reading, 100) == b"pumpctl guard: one\n\apumpctl guard: two\n"
    notices.close()
    os.close(reading)
    os.close(writing)


def test_a_full_pipe_is_not_waited_for_and_keeps_its_flags() -> None:
    reading, writing = os.pipe()
    notices = Notices(writing)
    for _ in range(10_000):
        if not notices.line("x" * 100):
            break
    assert not notices.line("x" * 100)
    assert os.get_blocking(writing)  # the daemon's own standard error is as it was
    notices.close()
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("reader_left", [True, False])
def test_a_log_socket_is_not_waited_for(reader_left: bool) -> None:
    ours, theirs = socket.socketpair()
    notices = Notices(ours.fileno())
    assert notices.line("one")
    if reader_left:
        theirs.close()
    said = [notices.line("x" * 100) for _ in range(10_000)]
    assert not said[-1]
    ours.close()
    theirs.close()
