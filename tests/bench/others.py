"""The same question asked by clients of others, each in a process of its own, of the same simulated pumps.

Refuses to judge them: infupy has a thread for each direction and a queue between, nesp-lib reads a few bytes at a time
and without a deadline. One `pumpsim serve` process serves ours and theirs, in turns.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from protocols.new_era.framing import Mode
from tests.bench.dialects import ALARIS, Talk, new_era_talk
from tests.bench.harness import Preparation, Subject
from tests.bench.lines import ROUNDS, WAIT_S
from tests.bench.link import asking

PUMPSIM = Path(sys.executable).parent / "pumpsim"
# Each round is a line of microseconds on standard output.
_ROUNDS = """
for _ in sys.stdin:
    took = []
    for _ in range(int(sys.argv[2])):
        before = time.perf_counter_ns()
        ask()
        took.append((time.perf_counter_ns() - before) / 1e3)
    print(*took, flush=True)
"""
_INFUPY = """
import sys, threading, time
from infupy.backends.alaris import AlarisComm, AlarisSyringe, Looper
host = AlarisSyringe(AlarisComm(sys.argv[1]))
host.stopKeepAlive()
[thread.join() for thread in threading.enumerate() if isinstance(thread, Looper)]
ask = host.readRate
"""
_NESP = """
import sys, time, nesp_lib
pump = nesp_lib.Pump(nesp_lib.Port(sys.argv[1], 19200))
ask = lambda: pump.status
"""


@dataclass(frozen=True, slots=True)
class Other:
    """`dialect` as `pumpsim serve` names it."""

    name: str
    dialect: str
    talk: Callable[[], Talk]
    script: str
    trips: int


INFUPY = Other("infupy", "alaris", ALARIS.talk, _INFUPY, 50)
NESP_LIB = Other("nesp-lib", "new_era", partial(new_era_talk, Mode.BASIC), _NESP, 200)


def against(other: Other) -> Preparation:
    @contextmanager
    def prepared(build: Path) -> Generator[Subject, None, None]:
        del build
        with ExitStack() as stack:
            ours_path, theirs_path = stack.enter_context(_two_pumps(other.dialect))
            theirs = [sys.executable, "-c", other.script + _ROUNDS, theirs_path, str(other.trips)]
            peer = stack.enter_context(
                subprocess.Popen(theirs, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(peer.kill)
            yield Subject(
                name=f"{other.dialect.replace('_', ' ')} pumpsim, our link / {other.name}",
                unit="us",
                goal=None,
                rounds=ROUNDS,
                ours=stack.enter_context(asking(ours_path, other.talk())),
                floor=lambda: _round_of(other.name, peer),
            )

    return prepared


@contextmanager
def _two_pumps(dialect: str) -> Generator[tuple[str, str], None, None]:
    """Pseudo-terminals of two simulated pumps of one process."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        pumps = [word for name in "12" for word in ("--pump", f"serial=SIM-000{name},pty={folder}/{name}")]
        command = [PUMPSIM, "serve", "--dialect", dialect, "--control", f"{folder}/sock", *pumps]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as served:
            assert served.stdout is not None
            assert json.loads(served.stdout.readline())["ready"]
            yield str(Path(folder, "1").resolve()), str(Path(folder, "2").resolve())
            served.terminate()


def _round_of(name: str, peer: subprocess.Popen[str]) -> list[float]:
    assert peer.stdin is not None
    assert peer.stdout is not None
    print(file=peer.stdin, flush=True)
    assert select.select([peer.stdout], [], [], WAIT_S)[0], f"{name} hangs"
    return [float(each) for each in peer.stdout.readline().split()]
