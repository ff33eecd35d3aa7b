"""`python -m simulator.rig.demo`: plays the programme, and ends with 0 only when every promise held.

Refuses to leave anything running: Ctrl-C, SIGTERM and a lost terminal end what was started before the demo itself.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from rich.console import Console

from simulator.rig.demo.failing import Missed
from simulator.rig.demo.programme import play
from simulator.rig.demo.telling import Teller

MISSED = 1
INTERRUPTED = 128  # and the signal's number, as a shell counts


async def _play(output: Path) -> int:
    """The exit code."""
    loop, playing = asyncio.get_running_loop(), asyncio.current_task()
    signals: list[signal.Signals] = []

    def interrupt(number: signal.Signals) -> None:
        """The first one counts: what follows it would only disturb the clearing away."""
        if not signals and playing is not None:
            playing.cancel()
        signals.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupt, number)
    try:
        await play(output, Teller(Console()))
    except asyncio.CancelledError:
        if not signals:
            raise
        sys.stderr.write(f"demo: ended by {signals[0].name}; nothing is left running\n")
        return INTERRUPTED + signals[0]
    except Missed as reason:
        sys.stderr.write(f"demo: MISSED: {reason}\n")
        return MISSED
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator.rig.demo", description="Show a whole infusion.")
    parser.add_argument("--output", type=Path, default=Path("build/demo"), help="folder for what it leaves behind")
    return asyncio.run(_play(parser.parse_args().output.absolute()))


if __name__ == "__main__":
    raise SystemExit(main())
