"""How long a person waits for `pumpctl --version`, against the interpreter alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns

from tests.bench.harness import Subject

ROUNDS = 15


@contextmanager
def start_up(build: Path) -> Generator[Subject, None, None]:
    program = Path(sys.executable).parent / "pumpctl"
    yield Subject(
        name="pumpctl --version / python -c pass",
        unit="ms",
        goal=7.0,
        rounds=ROUNDS,
        ours=lambda: [_run_ms(str(program), "--version")],
        floor=lambda: [_run_ms(sys.executable, "-c", "pass")],
    )


def _run_ms(*command: str) -> float:
    before = perf_counter_ns()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (perf_counter_ns() - before) / 1e6
