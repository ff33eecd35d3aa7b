"""StatusLine over a real pty: whole lines, the newest state, and displays that read late, never, or are pulled."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import tty
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from protocols.status_line.framing import LineDecoder, State, encode_line
from pumpctl.effects import Publish
from pumpctl.shell import status_line, supervised_port
from pumpctl.shell.status_line import StatusLine
from pumpctl.shell.supervised_port import LONGEST_WAIT_S, PortSettings
from tests.conftest import PtyPair
from tests.shell.link_bench import drain, read_until
from tests.shell.waiting import until

WAIT_S = 10.0
NEVER_S = 1e9


def state(channel: str, seq: int, **more: object) -> Publish:
    return Publish(channel, "state", {"channel": channel, "seq": seq, **more}, changed=False)


class Display:
    """Reads one end of the line as its reader does."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.decoder = LineDecoder()
        self.decoder.receive(b"\n")  # the tests hold the line from its beginning
        self.states: list[dict[str, object]] = []

    async def read_until_seq(self, seq: int, *channels: str) -> dict[object, object]:
        """Until each channel's newest state is `seq`; the newest of each."""
        async with asyncio.timeout(WAIT_S):
            while any(self.newest.get(channel) != seq for channel in channels):
                self.take(drain(self.fd))
                await asyncio.sleep(0.001)
        return self.newest

    def take(self, received: bytes) -> None:
        pieces = self.decoder.receive(received)
        self.states += [dict(piece.payload) for piece in pieces if isinstance(piece, State)]

    @property
    def newest(self) -> dict[object, object]:
        return {each["channel"]: each["seq"] for each in self.states}


@pytest_asyncio.fixture
async def line(pty_pair: PtyPair) -> AsyncIterator[StatusLine]:
    subject = StatusLine(PortSettings(pty_pair.slave_path, 115_200), structlog.get_logger())
    subject.start()
    await until(lambda: subject._supervised.port is not None)
    assert await read_until(pty_pair.master_fd, bool) == b"\n"
    yield subject
    subject.close()


async def fill(line: StatusLine) -> int:
    """Tell states that nobody reads until the port takes no more; the last number told."""
    for seq in range(20_000):
        line.publish(state("a", seq, filler="x" * 300))
        line.publish(state("b", seq, filler="y" * 300))
        if await stuck(line):
            port = line._supervised.port
            assert port is not None
            if not port.is_tty or not status_line._takes_more(port):
                return seq
            line._write_one()  # a pty that made room and woke nobody
    pytest.fail("the port took everything")


async def stuck(line: StatusLine) -> bool:
    """Both states still wait although the port could have asked for them."""
    for pause_s in (0, 0, 0, 0, 0.01, 0.05):
        await asyncio.sleep(pause_s)
        if len(line._newest) < 2:
            return False
    return True


async def test_every_state_is_a_line_unchanged_ones_too_and_nothing_else_is(
    line: StatusLine, pty_pair: PtyPair
) -> None:
    line.publish(state("a", 1))
    line.publish(Publish("a", "event", {"event_type": "stopped"}))
    line.publish(Publish("a", "state", None))
    assert await read_until(pty_pair.master_fd, lambda came: came.endswith(b"\n")) == encode_line(
        {"channel": "a", "seq": 1}
    )
    line.publish(state("a", 1))
    assert await read_until(pty_pair.master_fd, lambda came: came.endswith(b"\n")) == encode_line(
        {"channel": "a", "seq": 1}
    )


async def test_of_states_told_at_once_the_newest_of_each_pump_is_written(line: StatusLine, pty_pair: PtyPair) -> None:
    for seq in range(100):
        line.publish(state("a", seq))
        line.publish(state("b", seq))
    display = Display(pty_pair.master_fd)
    assert await display.read_until_seq(99, "a", "b") == {"a": 99, "b": 99}
    assert len(display.states) == 2, "the 99 before were never written"


@pytest.mark.hazard("H66")
async def test_a_display_that_reads_again_in_time_gets_whole_lines_and_the_newest_state_of_each_pump(
    line: StatusLine, pty_pair: PtyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_line, "STALE_S", NEVER_S)
    last = await fill(line)
    line.publish(state("a", last + 1))
    line.publish(state("b", last + 1))
    assert len(line._newest) == 2
    display = Display(pty_pair.master_fd)
    assert await display.read_until_seq(last + 1, "a", "b") == {"a": last + 1, "b": last + 1}
    assert display.decoder.damaged_lines == 0


@pytest.mark.hazard("H66")
async def test_a_display_that_does_not_read_has_the_old_thrown_away_and_its_framing_survives(
    line: StatusLine, pty_pair: PtyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_line, "STALE_S", NEVER_S)
    last = await fill(line)
    monkeypatch.setattr(status_line, "STALE_S", 0.0)
    line.publish(state("a", last + 1, filler="x" * 300))
    line.publish(state("b", last + 1, filler="y" * 300))
    monkeypatch.setattr(status_line, "STALE_S", NEVER_S)
    display = Display(pty_pair.master_fd)
    assert await display.read_until_seq(last + 1, "a", "b") == {"a": last + 1, "b": last + 1}
    told = [each["seq"] for each in display.states if each["channel"] == "a"]
    assert told[-2] < last - 5, "what was queued behind what it had already got is not told any more"
    assert display.decoder.damaged_lines <= 1, "the line that was cut, and no other"


async def test_a_daemon_that_was_held_up_throws_nothing_away(
    line: StatusLine, pty_pair: PtyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    thrown_away: list[object] = []
    monkeypatch.setattr(line, "_discard_output", thrown_away.append)
    monkeypatch.setattr(status_line, "STALE_S", 0.0)
    line.publish(state("a", 1))
    line.publish(state("a", 2))  # long after the first, for all that it knows, and the port was never asked
    assert thrown_away == []
    assert await Display(pty_pair.master_fd).read_until_seq(2, "a") == {"a": 2}


async def test_a_line_that_was_cut_is_ended_before_the_next(line: StatusLine, pty_pair: PtyPair) -> None:
    assert line._supervised.port is not None
    os.write(line._supervised.port.fd, encode_line({"channel": "a", "seq": 1})[:9])
    line._discard_output(line._supervised.port)
    line.publish(state("a", 2))
    content = await read_until(pty_pair.master_fd, lambda came: b'"seq":2' in came and came.endswith(b"\n"))
    assert content.endswith(b"\n" + encode_line({"channel": "a", "seq": 2}))


async def test_a_state_that_is_not_json_is_given_up_and_the_next_is_told(line: StatusLine, pty_pair: PtyPair) -> None:
    line.publish(state("a", 1, flow=float("nan")))
    line.publish(state("b", 2))
    assert await Display(pty_pair.master_fd).read_until_seq(2, "b") == {"b": 2}


async def test_a_display_that_is_unplugged_is_opened_again(line: StatusLine, pty_pair: PtyPair) -> None:
    line._supervised.lose("pulled")
    line.publish(state("a", 7))
    assert await Display(pty_pair.master_fd).read_until_seq(7, "a") == {"a": 7}


async def test_an_adapter_pulled_and_plugged_again_gets_the_newest_state_within_five_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def noted(delay_s: float) -> float:
        waits.append(delay_s)
        return 0.0

    monkeypatch.setattr(supervised_port, "spread", noted)
    adapter = tmp_path / "adapter"
    first = plugged(adapter)
    subject = StatusLine(PortSettings(str(adapter), 115_200), structlog.get_logger())
    subject.start()
    await until(lambda: subject._supervised.port is not None)
    adapter.unlink()
    for fd in first:
        os.close(fd)
    await until(lambda: subject._supervised.port is None)
    for seq in range(100):
        subject.publish(state("a", seq))
    await until(lambda: len(waits) >= 8)
    second = plugged(adapter)
    assert await Display(second[0]).read_until_seq(99, "a") == {"a": 99}
    assert max(waits) <= LONGEST_WAIT_S == 5.0
    subject.close()
    for fd in second:
        os.close(fd)


def plugged(adapter: Path) -> tuple[int, int]:
    """A raw pty under this name."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    adapter.symlink_to(os.ttyname(slave))
    return master, slave


async def test_over_tcp_a_display_that_does_not_read_has_little_queued_for_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT_S)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # a display that keeps little itself
        subject = StatusLine(
            PortSettings(f"socket://127.0.0.1:{listener.getsockname()[1]}", 115_200), structlog.get_logger()
        )
        subject.start()
        connection, _ = await asyncio.get_running_loop().run_in_executor(None, listener.accept)
        await until(lambda: subject._supervised.port is not None)
        port = subject._supervised.port
        assert port is not None
        with socket.socket(fileno=os.dup(port.fd)) as ours:
            assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < 65_536
        last = await fill(subject)
        os.set_blocking(connection.fileno(), False)
        display = Display(connection.fileno())
        assert await display.read_until_seq(last, "a", "b") == {"a": last, "b": last}
        assert display.decoder.damaged_lines == 0
        subject.close()
        connection.close()
