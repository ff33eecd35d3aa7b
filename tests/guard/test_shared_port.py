"""Several channels on one port, as the guard holds them: each STOP leaves, each proof counts for its own channel."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pumpctl.guard.port import Line, Port
from pumpctl.guard.slot import read_slot
from pumpctl.guard.wire import SLOT_NAME
from tests.conftest import PtyPair
from tests.guard.rig import Daemon, ask
from tests.pty_bytes import read_when, wait_unread

NAMES = ("a", "b", "c")
STOPS = {name: f"<STOP {name}>".encode() for name in NAMES}
STOPPED = {name: f"<still {name}>".encode() for name in NAMES}


def on_one_line(descriptor: int, *names: str) -> dict[str, Port]:
    line = Line(descriptor, "chain")
    ports = {name: Port(line) for name in names}
    for name, port in ports.items():
        port.arm(STOPS[name], STOPPED[name])
    return ports


def say(pty_pair: PtyPair, said: bytes) -> None:
    os.write(pty_pair.master_fd, said)
    wait_unread(pty_pair.slave_fd, len(said))


def close(ports: dict[str, Port]) -> None:
    for port in ports.values():
        port.close()


@pytest.mark.hazard("H56")
def test_a_second_first_stop_flushes_no_stop_of_ours(pty_pair: PtyPair) -> None:
    os.write(pty_pair.slave_fd, b"START of the dead daemon")
    ports = on_one_line(os.dup(pty_pair.slave_fd), "a", "b")
    assert ports["a"].write_stop(first=True) == ""
    assert ports["b"].write_stop(first=True) == ""
    both = b"\x00" + STOPS["a"] + b"\x00" + STOPS["b"]
    assert read_when(pty_pair.master_fd, lambda came: both in came).endswith(both)
    close(ports)


@pytest.mark.hazard("H56")
def test_the_first_stop_of_a_channel_loses_no_proof_of_another(pty_pair: PtyPair) -> None:
    ports = on_one_line(os.dup(pty_pair.slave_fd), "a", "b")
    ports["a"].write_stop(first=True)
    say(pty_pair, STOPPED["a"] + STOPPED["b"])  # what b says came before its own STOP
    ports["b"].write_stop(first=True)
    assert ports["a"].read_stopped()
    assert not ports["b"].read_stopped()
    say(pty_pair, STOPPED["b"])
    assert ports["b"].read_stopped()
    close(ports)


def test_a_proof_counts_for_its_own_channel_whoever_reads_it(pty_pair: PtyPair) -> None:
    ports = on_one_line(os.dup(pty_pair.slave_fd), *NAMES)
    for port in ports.values():
        port.write_stop(first=True)
    said = STOPPED["c"] + b"noise" + STOPPED["a"]
    say(pty_pair, said[:12])
    assert [port.read_stopped() for port in ports.values()] == [False, False, True]
    say(pty_pair, said[12:])
    assert [ports[name].read_stopped() for name in ("b", "c", "a")] == [False, False, True]
    close(ports)


def test_a_channel_that_is_disarmed_or_closed_writes_nothing_and_the_others_go_on(pty_pair: PtyPair) -> None:
    descriptor = os.dup(pty_pair.slave_fd)
    ports = on_one_line(descriptor, *NAMES)
    ports["a"].disarm()
    ports.pop("b").close()
    assert ports["a"].write_stop(first=True) == "not armed"
    assert ports["c"].write_stop(first=True) == ""
    assert read_when(pty_pair.master_fd, lambda came: len(came) > len(STOPS["c"])) == b"\x00" + STOPS["c"]
    close(ports)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_line_that_hung_up_is_polled_for_none_of_its_channels(pty_pair: PtyPair) -> None:
    ports = on_one_line(os.dup(pty_pair.slave_fd), "a", "b")
    for port in ports.values():
        port.write_stop(first=True)
    pty_pair.hang_up()
    assert not ports["a"].read_stopped()
    assert not any(port.readable for port in ports.values())
    close(ports)


class ChainPeer:
    """The pumps of one line in a thread: each answers its own STOP, but the dead ones."""

    def __init__(self, descriptor: int, dead: str = "") -> None:
        self.received = b""
        self._descriptor, self._dead = descriptor, dead
        self._over = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        os.write(self._over[1], b".")
        self._thread.join()
        for descriptor in self._over:
            os.close(descriptor)

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._descriptor, self._over[0]], [], [])
            if self._over[0] in ready:
                return
            heard = len(self.received)
            self.received += os.read(self._descriptor, 4096)
            for name in NAMES:
                fresh = self.received.count(STOPS[name]) - self.received[:heard].count(STOPS[name])
                if fresh and name not in self._dead:
                    os.write(self._descriptor, fresh * STOPPED[name])


@pytest.fixture
def chain(pty_pair: PtyPair) -> Iterator[Callable[..., ChainPeer]]:
    peers: list[ChainPeer] = []

    def start(dead: str = "") -> ChainPeer:
        peers.append(ChainPeer(pty_pair.master_fd, dead))
        return peers[-1]

    yield start
    for each in peers:
        each.end()


def serve(running: Daemon, path: str, *, leased: str) -> None:
    """All three on one port; the port's first owner is gone again when it serves the line."""
    running.tell("open", "first", path)
    for name in NAMES:
        running.tell("share", name, "first", "chain")
        running.tell("arm_with", name, STOPS[name].hex(), STOPPED[name].hex(), name in leased)


@pytest.mark.timeout(90)
@pytest.mark.hazard("H46", "H56")
def test_a_daemon_that_hangs_is_ended_and_the_lease_channels_of_its_line_are_stopped(
    daemon: Callable[[], Daemon], chain: Callable[..., ChainPeer], pty_pair: PtyPair, tmp_path: Path
) -> None:
    pumps = chain()
    running = daemon()
    serve(running, pty_pair.slave_path, leased="ab")
    running.pause()
    running.notice("a: the pump answered that it has stopped")
    running.notice("b: the pump answered that it has stopped")
    assert STOPS["c"] not in pumps.received, "it finishes what is loaded"
    assert ask(tmp_path, claim=True) == {"released": True, "unrecorded": []}  # it waits for its disk first
    assert {(entry.channel, entry.proven) for entry in read_slot(tmp_path / SLOT_NAME)} == {("a", True), ("b", True)}


@pytest.mark.timeout(90)
@pytest.mark.hazard("H56")
def test_a_dead_pump_of_the_line_gets_stops_for_ten_seconds_and_holds_up_no_other(
    daemon: Callable[[], Daemon], chain: Callable[..., ChainPeer], pty_pair: PtyPair, tmp_path: Path
) -> None:
    pumps = chain(dead="b")
    running = daemon()
    serve(running, pty_pair.slave_path, leased="")
    running.pause()
    assert ask(tmp_path, stop="a") == {"outcomes": {"a": "stopped"}}
    assert STOPS["b"] not in pumps.received
    outcomes = ask(tmp_path, stop=None)["outcomes"]
    assert {name: outcomes[name] for name in NAMES} == {"a": "stopped", "b": "not_proven", "c": "stopped"}
    assert pumps.received.count(STOPS["b"]) >= 20
    assert pumps.received.count(STOPS["c"]) <= 2, "no more once it has proven its stop"
