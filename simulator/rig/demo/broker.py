"""A mosquitto of the demo's own, on a free loopback port, or the reason why there is none.

Refuses to fail the demo: telemetry also goes out on the serial status line.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from simulator.rig.demo.children import Children

HOST = "127.0.0.1"
ALSO_LOOKED_IN = "/usr/sbin:/usr/local/sbin"  # where Debian puts it, and a user's path does not look
PORT_TRIES = 3  # another process may take the free port between our look and the broker's
START_WITHIN_S = 10.0
LOOK_AGAIN_S = 0.02  # a listening port has no event


@dataclass(frozen=True, slots=True)
class Broker:
    """Where it listens."""

    host: str
    port: int


async def start_broker(children: Children, folder: Path) -> Broker | str:
    """The broker, or why there is none."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path=ALSO_LOOKED_IN)
    if program is None:
        return "the package mosquitto is not installed"
    why = ""
    for _ in range(PORT_TRIES):
        port = _free_port()
        settings = folder / "mosquitto.conf"
        settings.write_text(f"listener {port} {HOST}\nallow_anonymous true\npersistence false\n", encoding="utf-8")
        child = await children.start("mosquitto", program, "-c", settings, log=folder / "mosquitto.log")
        try:
            async with asyncio.timeout(START_WITHIN_S):
                while child.is_running:
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_connection(HOST, port)
                        writer.close()
                        if child.is_running:  # or else it was somebody else's
                            return Broker(HOST, port)
                    await asyncio.sleep(LOOK_AGAIN_S)
            why = f"mosquitto ended at once with exit code {child.process.returncode}"
        except TimeoutError:
            why = f"mosquitto did not listen within {START_WITHIN_S:g} s"
        await child.end()
    return why


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
