"""A daemon's outside for the tests of the guard: a loop with a real GuardLink that does what it is told on stdin.

Run as a process: it must be possible to stop, stall and kill it. One JSON object a line, both ways.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import sys
import time
from pathlib import Path

from protocols.companion.codec import STOP_FRAME, STOPPED_FRAME
from pumpctl.shell.guard_link import GuardLink
from pumpctl.shell.unusable import Unusable


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


class Double:
    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.loop = asyncio.get_running_loop()
        self.link = GuardLink.start(state_dir, self.loop)
        self.link.on_death(lambda reason: say(event="guard_died", reason=reason, alive=self.link.alive))
        self.ports: dict[str, int] = {}
        self.ended = asyncio.Event()
        fired = self.link.fired_slot()
        say(event="ready", fired=None if fired is None else [list(fired.channels), fired.reason])
        self.loop.add_reader(0, self.obey)
        self.beat()

    def beat(self) -> None:
        self.link.heartbeat()
        self.loop.call_later(0.05, self.beat)

    def obey(self) -> None:
        for line in os.read(0, 65_536).splitlines():
            match json.loads(line):
                case ["open", str(channel), str(path)]:
                    self.open(channel, path)
                case ["share", str(channel), str(other), str(line)]:
                    self.share(channel, other, line)
                case ["arm_with", str(channel), str(stop), str(stopped), bool(lease)]:
                    self.link.arm(channel, bytes.fromhex(stop), bytes.fromhex(stopped), lease, proven=True)
                case ["connect", str(channel), int(port)]:
                    self.connect(channel, port)
                case ["arm", str(channel), bool(lease), bool(proven)]:
                    self.link.arm(channel, STOP_FRAME, STOPPED_FRAME, lease, proven)
                case ["disarm", str(channel)]:
                    self.link.disarm(channel)
                case ["shut", str(channel)]:
                    self.link.port_closed(channel)
                    os.close(self.ports.pop(channel))
                case ["write", str(channel), str(content)]:
                    os.write(self.ports[channel], bytes.fromhex(content))
                case ["ask_and_write", str(channel)]:
                    self.ask_and_write(channel)
                case ["stall", int(seconds)]:
                    say(event="stalling")
                    time.sleep(seconds)
                case ["restart"]:
                    self.link.restart(self.restarted)
                    continue
                case ["acknowledge"]:
                    self.link.acknowledge_slot()
                case ["end"]:
                    self.link.close()
                    self.ended.set()
                case other:
                    raise AssertionError(other)
            say(event="done")

    def open(self, channel: str, path: str) -> None:
        """As the serial link does it: exclusive, or not at all."""
        port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.ports[channel] = port
        self.link.port_opened(channel, port)

    def share(self, channel: str, other: str, line: str) -> None:
        """Channel by channel, as the shared line does it; the first of them opened the port under its own name."""
        self.ports[channel] = self.ports[other]
        self.link.port_opened(channel, self.ports[other], line)

    def connect(self, channel: str, port: int) -> None:
        connection = socket.create_connection(("127.0.0.1", port))
        self.ports[channel] = connection.detach()
        self.link.port_opened(channel, self.ports[channel])

    def restarted(self, trouble: Unusable | OSError | None) -> None:
        if trouble is not None:
            raise trouble
        say(event="done")

    def ask_and_write(self, channel: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.connect(str(self.state_dir / "stop.sock"))
            asking.sendall(json.dumps({"stop": channel}).encode() + b"\n")
            self.link.stop_written(channel)
            say(event="answer", body=json.loads(asking.makefile().readline()))


async def main() -> None:
    try:
        double = Double(Path(sys.argv[1]))
    except Unusable as error:
        say(event="refused", reason=str(error))
        return
    await double.ended.wait()


asyncio.run(main())
