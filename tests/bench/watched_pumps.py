"""`pumpsim` whose pumps note when each was asked for its status: python -m tests.bench.watched_pumps FILE WORD...

Refuses to change what a pump does. The words are those of the `pumpsim` command line. When it is ended, FILE holds the
instants (CLOCK_MONOTONIC, ns) by serial number, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from time import CLOCK_MONOTONIC, clock_gettime_ns

from protocols.companion.codec import decode
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.companion.messages import GetStatus
from simulator import cli, serve

asked_ns: defaultdict[str, list[int]] = defaultdict(list)  # a benchmark of minutes: it ends before this is much


class WatchedStation(serve.Station):
    """Notes first, then lets the pump hear."""

    _decoder: FrameDecoder | None = None

    def hear(self, received: bytes) -> None:
        at_ns = clock_gettime_ns(CLOCK_MONOTONIC)
        self._decoder = self._decoder or FrameDecoder()
        for piece in self._decoder.receive(received):
            if not isinstance(piece, Garbage) and isinstance(decode(piece).message, GetStatus):
                asked_ns[self.pump.serial].append(at_ns)
        super().hear(received)


def main() -> None:
    kept, *words = sys.argv[1:]
    sys.argv[1:] = words
    serve.Station = WatchedStation
    try:
        cli.main()
    finally:
        Path(kept).write_text(json.dumps(asked_ns))


if __name__ == "__main__":
    main()
