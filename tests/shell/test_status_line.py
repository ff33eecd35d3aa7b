"""StatusLine over a real pty: whole lines, the newest state, and a display that never reads."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import structlog

from pumpctl.effects import Publish
from pumpctl.shell.status_line import StatusLine, status_line
from pumpctl.shell.supervised_port import PortSettings
from tests.conftest import PtyPair
from tests.shell.link_bench import drain, read_until
from tests.shell.waiting import until

WAIT_S = 10.0


def state(channel: str, seq: int, **more: object) -> Publish:
    return Publish(channel, "state", {"channel": channel, "seq": seq, **more}, changed=False)


def parsed(line: bytes) -> dict[str, object]:
    body, crc = line.rsplit(b" ", 1)
    assert crc == b"%08x" % zlib.crc32(body)
    content: dict[str, object] = json.loads(body)
    return content


@pytest_asyncio.fixture
async def line(pty_pair: PtyPair) -> AsyncIterator[StatusLine]:
    subject = StatusLine(PortSettings(pty_pair.slave_path, 115_200), structlog.get_logger())
    subject.start()
    await until(lambda: subject._supervised.port is not None)
    assert await read_until(pty_pair.master_fd, bool) == b"\n"
    yield subject
    subject.close()


def test_the_line_is_json_a_blank_and_eight_hex_digits() -> None:
    assert status_line({"a": 1}) == b'{"a":1} %08x\n' % zlib.crc32(b'{"a":1}')


async def test_every_state_is_a_line_unchanged_ones_too_and_nothing_else_is(
    line: StatusLine, pty_pair: PtyPair
) -> None:
    line.publish(state("a", 1))
    line.publish(Publish("a", "event", {"event_type": "stopped"}))
    line.publish(Publish("a", "state", None))
    line.publish(state("a", 1))
    lines = (await read_until(pty_pair.master_fd, lambda came: came.count(b"\n") >= 2)).splitlines()
    assert [parsed(each) for each in lines] == [{"channel": "a", "seq": 1}] * 2


@pytest.mark.hazard("H66")
async def test_a_display_that_never_read_gets_whole_lines_and_the_newest_state_of_each_pump(
    line: StatusLine, pty_pair: PtyPair
) -> None:
    for seq in range(2000):
        line.publish(state("a", seq, filler="x" * 300))
        line.publish(state("b", seq, filler="y" * 300))
    assert len(line._newest) <= 2
    content = b""
    async with asyncio.timeout(WAIT_S):
        while not (content.endswith(b"\n") and line._newest == {} and line._unfinished == b""):
            content += drain(pty_pair.master_fd)
            await asyncio.sleep(0.001)
        while content.count(b'"seq":1999') < 2 or not content.endswith(b"\n"):
            content += await read_until(pty_pair.master_fd, bool)
    lines = [parsed(each) for each in content.splitlines()]
    assert len(lines) < 100, "no backlog"
    newest = {each["channel"]: each["seq"] for each in lines}
    assert newest == {"a": 1999, "b": 1999}


async def test_a_state_that_is_not_json_is_given_up_and_the_next_is_told(line: StatusLine, pty_pair: PtyPair) -> None:
    line.publish(state("a", 1, flow=float("nan")))
    line.publish(state("a", 2))
    assert parsed((await read_until(pty_pair.master_fd, lambda came: came.endswith(b"\n"))).strip())["seq"] == 2


async def test_a_display_that_is_unplugged_is_opened_again(line: StatusLine, pty_pair: PtyPair) -> None:
    line._supervised.lose("pulled")
    line.publish(state("a", 7))
    content = await read_until(pty_pair.master_fd, lambda came: came.endswith(b"\n") and came.strip() != b"")
    assert parsed(content.strip())["seq"] == 7
