"""The counters believe a line with its CRC-32 and no other, however the bytes arrive."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

import pytest

from protocols.status_line.framing import encode_line
from simulator.rig.counters.serial import LONGEST_LINE_BYTES, StatusLines

LINE = encode_line({"channel": "bed-1", "state": "infusing"})
WITHIN_S = 20


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_lines_are_counted_however_they_are_split(size: int) -> None:
    lines = StatusLines()
    stream = b"\n" + 3 * LINE
    for start in range(0, len(stream), size):
        lines.hear(stream[start : start + size])
    assert (lines.tally.count, lines.tally.bad) == (3, 0)
    assert json.loads(lines.tally.last) == {"channel": "bed-1", "state": "infusing"}


@pytest.mark.parametrize("at", range(len(LINE) - 1))
def test_a_line_with_one_bit_wrong_is_not_believed(at: int) -> None:
    lines = StatusLines()
    damaged = bytearray(LINE)
    damaged[at] ^= 1
    lines.hear(bytes(damaged) + LINE)
    assert (lines.tally.count, lines.tally.bad >= 1) == (1, True)


def test_a_line_cut_short_is_not_believed() -> None:
    lines = StatusLines()
    lines.hear(LINE[:-10] + b"\n" + LINE)
    assert (lines.tally.count, lines.tally.bad) == (1, 1)


def test_a_line_without_end_is_given_up() -> None:
    lines = StatusLines()
    lines.hear(b"x" * LONGEST_LINE_BYTES)
    assert lines.tally.bad == 0
    lines.hear(b"x")
    assert lines.tally.bad == 1


@pytest.fixture
async def counter() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator.rig.counters.serial", stdout=asyncio.subprocess.PIPE
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_the_serial_counter_counts_on_a_pty_until_told_to_end(counter: asyncio.subprocess.Process) -> None:
    assert counter.stdout is not None
    async with asyncio.timeout(WITHIN_S):
        port = os.open(json.loads(await counter.stdout.readline())["port"], os.O_RDWR | os.O_NOCTTY)
        os.write(port, 5 * LINE + b"noise 00000000\n")
        while (told := json.loads(await counter.stdout.readline()))["bad"] == 0:
            assert told["count"] <= 5
        assert (told["count"], told["bad"]) == (5, 1)
        counter.terminate()
        assert await counter.wait() == 0
        os.close(port)
