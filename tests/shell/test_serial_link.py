"""SerialLink over real ptys and sockets: what arrives, what leaves, what happens when the line dies."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import socket
import subprocess
import sys
import tty
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import PtyPair
from tests.shell.link_bench import STOP, Bench, drain, read_until


@pytest_asyncio.fixture
async def bench(pty_pair: PtyPair) -> AsyncIterator[Bench]:
    subject = Bench(pty_pair.slave_path)
    subject.link.start()
    yield subject
    subject.link.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


HOLDS = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(pty_pair: PtyPair) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the port, and the lock on it, until its standard input ends."""
    os.close(pty_pair.slave_fd)  # /proc would name this process too
    pty_pair.slave_fd = -1
    command = [sys.executable, "-c", HOLDS, pty_pair.slave_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_bytes_travel_both_ways_and_each_open_draws_a_session(bench: Bench, pty_pair: PtyPair) -> None:
    assert (await bench.up()).session != 0
    assert bench.guard.heard == [("opened", "a")]
    os.write(pty_pair.master_fd, bytes(range(256)))
    assert await bench.received(256) == bytes(range(256))
    bench.link.write(b"frame", is_stop=False)
    assert await read_until(pty_pair.master_fd, lambda came: len(came) >= 5) == b"frame"


async def test_a_socket_is_a_port_as_well(listener: socket.socket) -> None:
    bench = Bench(f"socket://127.0.0.1:{listener.getsockname()[1]}")
    bench.link.start()
    peer, _ = await asyncio.to_thread(listener.accept)
    first = await bench.up()
    peer.sendall(b"hello")
    assert await bench.received(5) == b"hello"
    bench.link.write(STOP, is_stop=True)
    assert await asyncio.to_thread(peer.recv, 64) == b"\x00" + STOP
    assert bench.guard.heard == [("opened", "a"), ("stop_written", "a")]
    peer.close()
    assert "hung up" in await bench.down()
    peer, _ = await asyncio.to_thread(listener.accept)
    assert (await bench.up()).session != first.session
    bench.link.close()
    peer.close()


@pytest.mark.hazard("H52")
async def test_unplugged_and_replugged_at_the_same_name_it_recovers_within_five_seconds(tmp_path: Path) -> None:
    name = tmp_path / "pump"
    master, slave = pty.openpty()
    name.symlink_to(os.ttyname(slave))
    bench = Bench(str(name))
    bench.link.start()
    await bench.up()
    os.close(slave)
    name.unlink()
    os.close(master)
    assert "opened again as soon as it answers" in await bench.down()
    assert "no such device; plug it in" in await bench.down()
    master, slave = pty.openpty()
    tty.setraw(master)
    name.symlink_to(os.ttyname(slave))
    replugged_s = asyncio.get_running_loop().time()
    await bench.up()
    assert asyncio.get_running_loop().time() - replugged_s < 5
    assert bench.guard.heard == [("opened", "a"), ("closed", "a"), ("opened", "a")]
    bench.link.close()
    os.close(slave)
    os.close(master)


async def test_a_missing_device_is_told_once_and_tried_for_ever(tmp_path: Path) -> None:
    bench = Bench(str(tmp_path / "nothing"))
    bench.link.start()
    assert "no such device" in await bench.down()
    master, slave = pty.openpty()
    (tmp_path / "nothing").symlink_to(os.ttyname(slave))
    await bench.up()  # nothing was told in between
    bench.link.close()
    os.close(slave)
    os.close(master)


async def test_a_file_that_is_no_port_says_so(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    bench = Bench(str(path))
    bench.link.start()
    assert "it is no serial port; correct `port` in the settings" in await bench.down()
    bench.link.close()


async def test_a_refused_connection_and_an_unknown_scheme_say_what_to_do(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    for url, words in ((f"socket://127.0.0.1:{port}", "nobody listens there"), ("carrier://pigeon", "carrier")):
        bench = Bench(url)
        bench.link.start()
        assert words in await bench.down()
        bench.link.close()


@pytest.mark.hazard("H47")
async def test_a_busy_port_names_the_pid_that_holds_it(pty_pair: PtyPair, holder: subprocess.Popen[str]) -> None:
    bench = Bench(pty_pair.slave_path)
    bench.link.start()
    assert f"in use by pid {holder.pid} (python" in await bench.down()
    holder.communicate("")
    await bench.up()
    bench.link.close()


async def test_the_port_is_locked_while_it_is_open(bench: Bench, pty_pair: PtyPair) -> None:
    await bench.up()
    with pytest.raises(BlockingIOError):
        fcntl.flock(pty_pair.slave_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    bench.link.close()
    fcntl.flock(pty_pair.slave_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_closed_for_good_stays_closed_and_the_guard_lets_go(bench: Bench, pty_pair: PtyPair) -> None:
    await bench.up()
    bench.link.close_for_good()
    bench.link.write(STOP, is_stop=True)
    assert bench.guard.heard == [("opened", "a"), ("closed", "a")]
    assert drain(pty_pair.master_fd) == b""
    fcntl.flock(pty_pair.slave_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_the_end_of_the_daemon_sends_nothing_and_leaves_the_guard_its_port(
    bench: Bench, pty_pair: PtyPair
) -> None:
    await bench.up()
    bench.link.close()
    assert bench.guard.heard == [("opened", "a")]
    assert drain(pty_pair.master_fd) == b""


async def test_closing_while_opening_leaves_no_descriptor(listener: socket.socket) -> None:
    before = open_descriptors()
    bench = Bench(f"socket://127.0.0.1:{listener.getsockname()[1]}")
    bench.link.start()
    bench.link.close()
    peer, _ = await asyncio.to_thread(listener.accept)
    assert await asyncio.to_thread(peer.recv, 1) == b""
    peer.close()
    assert bench.events.empty()
    assert open_descriptors() == before
