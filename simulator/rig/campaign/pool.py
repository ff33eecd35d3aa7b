"""Where runs are performed: here, or in processes of their own, a few at a time.

Refuses to know what becomes of the rows. Which worker performs a run, and when, changes nothing in its row.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

from pumpctl.controller import Controller
from simulator.rig.campaign.drawing import drawn_plan
from simulator.rig.campaign.outcome import Row
from simulator.rig.campaign.performing import MakeController, perform

LARGEST_CHUNK = 4  # a few seconds of work: progress stays live, and little is lost by an interrupt
CHUNKS_A_WORKER = 2  # handed out at a time: one in work, one waiting


@dataclass(frozen=True, slots=True)
class Series:
    """What the runs of a campaign have in common. `make_controller`: another daemon, for tests of the campaign."""

    seed: int
    kinds: tuple[str, ...]
    make_controller: MakeController = Controller


class Runner(Protocol):
    """Performs runs by their numbers; rows come in any order, each as soon as it is known."""

    def rows(self, series: Series, indices: Sequence[int]) -> Iterator[Row]: ...


class Here:
    """One after the other in this process."""

    def rows(self, series: Series, indices: Sequence[int]) -> Iterator[Row]:
        for index in indices:
            yield performed(series, index)


@dataclass(frozen=True, slots=True)
class Pool:
    """In this many fresh processes. Leaving the iterator early ends them at once."""

    workers: int

    def rows(self, series: Series, indices: Sequence[int]) -> Iterator[Row]:
        spawning = multiprocessing.get_context("spawn")
        before = set(multiprocessing.active_children())
        executor = ProcessPoolExecutor(self.workers, mp_context=spawning, initializer=_leave_interrupts_to_the_parent)
        waiting = _chunks(indices, self.workers)
        try:
            yield from _gathered(executor, series, waiting, self.workers * CHUNKS_A_WORKER)
        except BaseException:
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            executor.shutdown(cancel_futures=True)  # its own thread waits for them; two waiters would race
            raise
        executor.shutdown()


def performed(series: Series, index: int) -> Row:
    """One run of the series."""
    plan = drawn_plan(series.seed, index, series.kinds)
    return Row(index=index, outcome=perform(plan, series.make_controller))


def _gathered(
    executor: ProcessPoolExecutor, series: Series, waiting: Iterator[Sequence[int]], at_a_time: int
) -> Iterator[Row]:
    pending: set[Future[list[Row]]] = set()
    while True:
        while len(pending) < at_a_time and (chunk := next(waiting, None)) is not None:
            pending.add(executor.submit(_perform_chunk, series, chunk))
        if not pending:
            return
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            yield from future.result()


def _chunks(indices: Sequence[int], workers: int) -> Iterator[Sequence[int]]:
    size = max(1, min(LARGEST_CHUNK, len(indices) // (workers * CHUNKS_A_WORKER)))
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def _perform_chunk(series: Series, chunk: Sequence[int]) -> list[Row]:
    return [performed(series, index) for index in chunk]


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches the whole process group; the parent alone decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
