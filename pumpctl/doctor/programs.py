"""What the daemon runs on, starts and listens at: interpreter, clock, the `on_alarm` command, the port of the metrics.

Refuses to start anything.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pumpctl.doctor.finding import Finding, doubt, fault, fine
from pumpctl.doctor.host import Host
from pumpctl.doctor.running import Running
from pumpctl.shell.settings import Settings

OLDEST_PYTHON, NEWEST_TESTED_PYTHON = (3, 11), (3, 14)
BUILT_IN_YEAR = 2026  # no host of this version lives earlier; a clock that says so has lost its battery
FAR_YEAR = 2100
MS_PER_S = 1000


def python(host: Host) -> Iterator[Finding]:
    """The interpreter that runs this is the daemon's when both come from one environment."""
    told = f"Python {host.python[0]}.{host.python[1]}"
    if host.python < OLDEST_PYTHON:
        yield fault("python", f"{told}, and 3.11 is the oldest that works", "make the environment with a newer one")
    elif host.python > NEWEST_TESTED_PYTHON:
        yield doubt("python", f"{told}, and 3.14 is the newest that was tested", "make the environment with 3.14")
    else:
        yield fine("python", told)


def clock(host: Host) -> Iterator[Finding]:
    """Orders, bags and windows live by the calendar (H40)."""
    try:
        now = datetime.fromtimestamp(host.utc_ms() // MS_PER_S, UTC)
    except (OverflowError, ValueError, OSError):
        yield fault("clock", "the host's date cannot be read", "set it: sudo timedatectl set-time")
        return
    told = f"{now:%Y-%m-%d %H:%M} UTC"
    synchronised = host.clock_synchronised()
    if not BUILT_IN_YEAR <= now.year < FAR_YEAR:
        yield fault("clock", f"{told}: this year is not plausible", "set it: sudo timedatectl set-ntp true")
    elif synchronised is False:
        step = "sudo timedatectl set-ntp true; without a network, a battery-backed clock and a look at the date"
        yield doubt("clock", f"{told}, not synchronised: orders are judged by a clock that may be wrong", step)
    else:
        how = "synchronised" if synchronised else "whether it is synchronised cannot be asked here"
        yield fine("clock", f"{told}, {how}")


def on_alarm(settings: Settings) -> Iterator[Finding]:
    """The command that rings: an alarm that cannot start it is only in the log."""
    if settings.on_alarm is None:
        return
    program = settings.on_alarm[0]
    found = shutil.which(program)
    if found is not None:
        yield fine("on_alarm", found)
    elif Path(program).is_file() and not os.access(program, os.X_OK):
        yield fault("on_alarm", f"{program}: not executable", f"chmod +x {program}")
    elif Path(program).is_dir():
        yield fault("on_alarm", f"{program}: a directory, not a program", "name the program in `on_alarm`")
    else:
        yield fault("on_alarm", f"{program}: no such program", "install it, or correct `on_alarm` in the settings")


def metrics(settings: Settings, running: Running) -> Iterator[Finding]:
    """Whether the daemon will get the port of its figures."""
    if settings.metrics is None:
        return
    where = (settings.metrics.address, settings.metrics.port)
    if running.answers:
        yield fine("metrics", f"port {where[1]}: the daemon's own")
        return
    with socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET) as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind(where)
        except OSError as error:
            yield doubt("metrics", f"port {where[1]}: {error.strerror}", "write another `port` in [metrics]")
            return
    yield fine("metrics", f"port {where[1]}: free")
