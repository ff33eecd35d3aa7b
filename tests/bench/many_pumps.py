"""Many simulated pumps that infuse at once on one daemon: how late the latest question comes, and what it costs.

Real processes on pseudo-terminals. A question is due at each pump once a second; the pumps note when it came.
Refuses to count a pump that does not infuse, or of which the daemon knows anything to complain about.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from time import CLOCK_MONOTONIC, clock_gettime_ns, monotonic, sleep
from typing import Any

from pumpctl.guard.wire import SOCKET_NAME, encode
from pumpctl.shell.control_client import ControlClient, NoDaemon, Refused
from simulator.rig.bag_check import bag_check
from simulator.rig.demo.dated_order import due_now
from tests.bench.harness import Row
from tests.bench.orders import GOLDEN

PUMPS = 200
WATCHED_S = 30.0
PERIOD_S = 1.0
SETTLED_S = 3.0  # after the last start: what belongs to starts is over
WITHIN_S = 120.0
TRIES = 20
OVERRIDE = "Q31=pharmacist on call:daily infusions as in the case report"
PUMPCTL = Path(sys.executable).parent / "pumpctl"
CHANNEL = """
[[channel]]
name = "p{number}"
dialect = "companion"
port = "{port}"
serial = "SIM-{number}"
patient_id = "patient-{number}"
"""


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has taken so far: processor time in s, resident memory in MiB."""

    cpu_s: float
    resident_mib: float


@dataclass(frozen=True, slots=True)
class Watched:
    """`gaps_s` between two questions to the same pump, sorted; `late` are those of a question overdue by a period."""

    gaps_s: Sequence[float]
    cpu_share: float
    resident_mib: float

    @property
    def late(self) -> int:
        return sum(gap > 2 * PERIOD_S for gap in self.gaps_s)


def many_pumps(build: Path) -> Row:
    """The row of the benchmark."""
    del build
    seen = watched(PUMPS, WATCHED_S)
    figures = f"largest gap {seen.gaps_s[-1]:.2f} s, {seen.late} of {len(seen.gaps_s)} overdue by a period"
    costs = f"daemon {seen.cpu_share:.0%} of a core, {seen.resident_mib:.0f} MiB"
    return Row(
        name=f"{PUMPS} pumps infusing, gap between questions",
        ours=statistics.median(seen.gaps_s) * 1e3,
        floor=None,
        ratio=None,
        goal=None,
        met=seen.late == 0,
        unit="ms",
        rounds=1,
        ours_p99=seen.gaps_s[len(seen.gaps_s) * 99 // 100] * 1e3,
        note=f"{figures}; {costs}",
    )


def watched(pumps: int, for_s: float) -> Watched:
    """So many pumps, all of them infusing, watched for so long."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="many-")))
        numbers = [f"{number:04}" for number in range(pumps)]
        noted = _simulator(stack, folder, numbers)
        daemon = _daemon(stack, folder, numbers)
        _start_all(folder, numbers)
        sleep(SETTLED_S)
        before, from_ns = _used(daemon.pid), clock_gettime_ns(CLOCK_MONOTONIC)
        sleep(for_s)
        after, to_ns = _used(daemon.pid), clock_gettime_ns(CLOCK_MONOTONIC)
        _must_all_infuse(folder)
        asked_ns = noted()
    gaps = gaps_s(asked_ns, numbers, from_ns, to_ns)
    return Watched(gaps, (after.cpu_s - before.cpu_s) * 1e9 / (to_ns - from_ns), after.resident_mib)


def gaps_s(asked_ns: Mapping[str, Sequence[int]], numbers: Sequence[str], from_ns: int, to_ns: int) -> list[float]:
    """Of all pumps. One that was never asked has a gap as long as it was watched."""
    gaps: list[float] = []
    for number in numbers:
        inside = [at_ns for at_ns in asked_ns.get(f"SIM-{number}", ()) if from_ns <= at_ns <= to_ns]
        gaps += [(after - before) / 1e9 for before, after in pairwise((from_ns, *inside, to_ns))]
    return sorted(gaps)


def _simulator(stack: ExitStack, folder: Path, numbers: Sequence[str]) -> Callable[[], Mapping[str, Sequence[int]]]:
    """Serves the pumps; what is returned ends it and says when each of them was asked."""
    noted = folder / "asked.json"
    words = ["serve", "--dialect", "companion", "--auto-confirm", "--control", str(folder / "pumps.sock")]
    words += [word for number in numbers for word in ("--pump", f"serial=SIM-{number},pty={folder}/{number}")]
    command = [sys.executable, "-m", "tests.bench.watched_pumps", str(noted), *words]
    served = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
    stack.callback(served.kill)
    assert served.stdout is not None
    assert json.loads(served.stdout.readline())["ready"]

    def ended() -> Mapping[str, Sequence[int]]:
        served.terminate()
        served.wait(WITHIN_S)
        asked: Mapping[str, Sequence[int]] = json.loads(noted.read_text())
        return asked

    return ended


def _daemon(stack: ExitStack, folder: Path, numbers: Sequence[str]) -> subprocess.Popen[bytes]:
    state_dir, settings = folder / "state", folder / "many.toml"
    state_dir.mkdir()
    channels = [CHANNEL.format(number=number, port=folder / number) for number in numbers]
    settings.write_text(f'state_dir = "{state_dir}"\nmode = "rig"\n' + "".join(channels))
    log = stack.enter_context((folder / "daemon.log").open("wb"))
    command = [PUMPCTL, "run", "--config", settings]
    daemon = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log))
    stack.callback(_end_both, daemon, state_dir / SOCKET_NAME)
    return daemon


def _end_both(daemon: subprocess.Popen[bytes], guard_socket: Path) -> None:
    """The daemon, and its guard: with its pumps still armed it would stay, but gives them up to who claims them."""
    daemon.kill()
    daemon.wait()
    with contextlib.suppress(ConnectionError, FileNotFoundError), socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(WITHIN_S)  # there is none, or it is just leaving
        asking.connect(str(guard_socket))
        asking.sendall(encode({"claim": True}))
        asking.recv(65_536)


def _start_all(folder: Path, numbers: Sequence[str]) -> None:
    """An order and its bag for each patient; the pumps press their own buttons."""
    _until(folder, lambda states: all(state["state"] == "idle" for state in states), "all pumps to be idle")
    due = datetime.now(UTC).replace(second=0, microsecond=0)
    with ControlClient(folder / "state/control.sock", WITHIN_S) as client:
        for number in numbers:
            order = due_now(json.loads(GOLDEN.read_text()), due=due, patient_id=f"patient-{number}")
            check = json.dumps(bag_check(order, at=due, bag=f"BAG-{number}"))
            wanted = {"text": json.dumps(order), "channel": f"p{number}", "overrides": [OVERRIDE], "check": check}
            answer = client.call("order.submit", wanted)
            for _ in range(TRIES):  # a busy machine: the pump was silent just then
                if answer["prepared"]:
                    break
                sleep(PERIOD_S)
                with contextlib.suppress(Refused):
                    answer = client.call("order.prepare", {"order": answer["order"], "check": check})
            assert answer["prepared"], answer
    _until(folder, lambda states: all(state["state"] == "infusing" for state in states), "all pumps to infuse")


def _must_all_infuse(folder: Path) -> None:
    for state in _states(folder):
        assert (state["state"], state["link"], state["alarms"]) == ("infusing", "up", []), state


def _until(folder: Path, reached: Callable[[Sequence[Mapping[str, Any]]], bool], wanted: str) -> None:
    begun_s = monotonic()
    while monotonic() - begun_s < WITHIN_S:
        with contextlib.suppress(NoDaemon):  # it is still coming up
            if reached(_states(folder)):
                return
        sleep(0.25)
    raise AssertionError(f"not within {WITHIN_S:g} s: {wanted}\n{(folder / 'daemon.log').read_text()[-3_000:]}")


def _states(folder: Path) -> Sequence[Mapping[str, Any]]:
    with ControlClient(folder / "state/control.sock", WITHIN_S) as client:
        return list(client.call("status", {})["channels"].values())


def _used(pid: int) -> Used:
    """Of a living process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
    return Used(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
