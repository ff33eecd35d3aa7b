"""What a counter says: one JSON line when it listens, then one whenever the count has changed, at a bounded rate.

Refuses to know what is counted. A reader that reads the last line has the whole count.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import dataclass, field

PERIOD_S = 0.25
SHOWN_CHARACTERS = 200


@dataclass(slots=True)
class Tally:
    """`bad` are those that arrived and could not be believed."""

    count: int = 0
    bad: int = 0
    last: str = ""
    _said: tuple[int, int] = field(default=(-1, -1))

    def good_one(self, last: str) -> None:
        """Count one; it is shown cut short."""
        self.count += 1
        self.last = last[:SHOWN_CHARACTERS]

    def bad_one(self) -> None:
        """Count one that cannot be believed."""
        self.bad += 1

    def say(self) -> None:
        """The count, when it has changed since it was last said."""
        if self._said != (self.count, self.bad):
            self._said = (self.count, self.bad)
            say({"count": self.count, "bad": self.bad, "last": self.last})


def say(told: dict[str, object]) -> None:
    """One line that is out at once."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def say_until_ended(tally: Tally) -> None:
    """Say the count each period until SIGTERM or SIGINT, and then the last one."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    while not ended.is_set():
        tally.say()
        await asyncio.wait([waiting := asyncio.create_task(ended.wait())], timeout=PERIOD_S)
        waiting.cancel()
    tally.say()
