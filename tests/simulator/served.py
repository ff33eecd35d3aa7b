"""A `pumpsim serve` process and a companion's hand on its line. Every wait is for an event and has a deadline.

Refuses to know the daemon.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar

from protocols.companion import messages as m
from protocols.companion.session import CompanionSession, Heard, Reply, Unasked
from simulator.control import request

WITHIN_S = 20.0  # generous: the machine is shared; nothing waits that long when all is well
PUMPSIM = [sys.executable, "-c", "from simulator.cli import main; main()"]
_Answer = TypeVar("_Answer", bound=m.Answer)


class Line:
    """One opening of the pump's line, pty or socket."""

    def __init__(self, fd: int, session: int = 1) -> None:
        self.fd = fd
        self.session = CompanionSession(session)
        self.heard: list[Heard] = []

    @classmethod
    def of_pty(cls, link: Path, session: int = 1) -> Line:
        return cls(os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK), session)

    @classmethod
    def of_tcp(cls, where: str, session: int = 1) -> Line:
        host, port = where.rsplit(":", 1)
        return cls(socket.create_connection((host, int(port)), timeout=WITHIN_S).detach(), session)

    def ask(self, asked: m.Request, answer: type[_Answer]) -> _Answer:
        os.write(self.fd, self.session.request(asked))
        reply = self.wait_for(lambda heard: isinstance(heard, Reply))
        assert isinstance(reply, Reply)
        assert isinstance(reply.message, answer)
        return reply.message

    def stop(self) -> None:
        os.write(self.fd, self.session.stop())
        self.wait_for(lambda heard: isinstance(heard, m.Stopped))

    def notice(self) -> m.Notice:
        unasked = self.wait_for(lambda heard: isinstance(heard, Unasked))
        assert isinstance(unasked, Unasked)
        return unasked.notice

    def wait_for(self, wanted: Callable[[Heard], bool]) -> Heard:
        deadline_s = time.monotonic() + WITHIN_S
        while True:
            for place, heard in enumerate(self.heard):
                if wanted(heard):
                    return self.heard.pop(place)
            assert self._readable(deadline_s), f"nothing came, but {self.heard}"
            self.heard += self.session.receive(os.read(self.fd, 4096))

    def hangs_up(self) -> bool:
        """Whether the other end goes away in time; what comes before is dropped."""
        deadline_s = time.monotonic() + WITHIN_S
        while self._readable(deadline_s):
            try:
                if not os.read(self.fd, 4096):
                    return True
            except (OSError, ConnectionResetError):
                return True
        return False

    def is_silent(self) -> bool:
        return not select.select([self.fd], [], [], 0)[0]

    def becomes_readable(self) -> bool:
        return self._readable(time.monotonic() + WITHIN_S)

    def has_echo(self) -> bool:
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def close(self) -> None:
        os.close(self.fd)

    def _readable(self, deadline_s: float) -> bool:
        return bool(select.select([self.fd], [], [], max(0.0, deadline_s - time.monotonic()))[0])


class Served:
    """The process, its ready line, and its control socket."""

    def __init__(self, folder: Path, *options: str, tcp: bool = False, line: bool = True) -> None:
        self.link = folder / "pump"
        self.control = folder / "c.sock"
        own = ["--tcp", "127.0.0.1:0"] if tcp else ["--pty", str(self.link)] if line else []
        command = [*PUMPSIM, "serve", "--dialect", "companion", *own, "--control", str(self.control), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], WITHIN_S)[0], "no ready line"
        text = self.process.stdout.readline()
        assert text, f"ended: {self.process.communicate()[1]}"
        self.ready: dict[str, Any] = json.loads(text)

    def tell(self, command: str, **parameters: str | int | bool) -> dict[str, Any]:
        return dict(request(self.control, {"command": command, **parameters}))

    def state(self, **parameters: str | int | bool) -> dict[str, Any]:
        return self.tell("state", **parameters)

    def end(self) -> tuple[int, str]:
        """Exit code and standard error."""
        self.process.send_signal(signal.SIGTERM)
        _, complaints = self.process.communicate(timeout=WITHIN_S)
        return self.process.returncode, complaints


@contextlib.contextmanager
def serving(folder: Path, *options: str, tcp: bool = False, line: bool = True) -> Generator[Served]:
    """Without `line` the options say where the pumps are."""
    served = Served(folder, *options, tcp=tcp, line=line)
    try:
        yield served
        assert served.end() == (0, "")
    finally:
        served.process.kill()
        served.process.wait(timeout=WITHIN_S)
        for stream in (served.process.stdout, served.process.stderr):
            if stream is not None:
                stream.close()
