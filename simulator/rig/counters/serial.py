"""Counts the lines of the serial status line: `python -m simulator.rig.counters.serial`.

Refuses to believe a line whose CRC-32 does not fit. It makes the pseudo-terminal itself and says where it is.
"""

from __future__ import annotations

import asyncio
import os
import tty
import zlib

from simulator.rig.counters.tally import Tally, say, say_until_ended

READ_BYTES = 4_096
LONGEST_LINE_BYTES = 65_536  # without an end by then, it is no status line


class StatusLines:
    """Bytes in, counted lines out."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._unfinished = b""

    def hear(self, received: bytes) -> None:
        """Bytes as they come, split anywhere."""
        *lines, self._unfinished = (self._unfinished + received).split(b"\n")
        for line in lines:
            self._judge(line)
        if len(self._unfinished) > LONGEST_LINE_BYTES:
            self._unfinished = b""
            self.tally.bad_one()

    def _judge(self, line: bytes) -> None:
        """An empty line is how the writer ends what an earlier open left behind."""
        if not line:
            return
        body, _, crc = line.rpartition(b" ")
        if crc == b"%08x" % zlib.crc32(body):
            self.tally.good_one(body.decode(errors="replace"))
        else:
            self.tally.bad_one()


async def count() -> None:
    """Until told to end. The slave is kept open here, so that the line lives while nobody has opened it."""
    master_fd, slave_fd = os.openpty()
    tty.setraw(slave_fd)
    os.set_blocking(master_fd, False)
    lines = StatusLines()
    asyncio.get_running_loop().add_reader(master_fd, lambda: lines.hear(os.read(master_fd, READ_BYTES)))
    say({"ready": True, "port": os.ttyname(slave_fd)})
    await say_until_ended(lines.tally)


if __name__ == "__main__":
    asyncio.run(count())
