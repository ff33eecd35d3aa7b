"""Trials: the tests are collected once, heard once with every control in place, and run again without each of them.

Refuses to know what a control is. Every run happens in a fork of the process that collected the tests, so that what
was taken away comes back by itself. Red is a test that is green when nothing is missing and now finds something out.
"""

from __future__ import annotations

import gc
import inspect
import json
import os
import re
import selectors
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from _pytest.outcomes import Failed

from tests.removal.control import Control, Group

AT_ONCE, PARTS, SHOWN_EVERY, LONG_WORD = 2, 8, 25, 5
# A control that is missed shows in one of the first tests; a survivor must not take the whole afternoon.
MOST_TESTS, MOST_CPU_S = 100, 20.0


@dataclass(frozen=True, slots=True)
class Trial:
    """`killed_by` is empty for a survivor; `tried`: what was run without it, in that order."""

    kind: str
    control: Control
    killed_by: str
    tried: tuple[str, ...]
    heard_in: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to take away, and the tests to try then."""

    kind: str
    control: Control
    tests: list[str]
    heard_in: int


class Removal:
    """The plugin that runs the trials where pytest would run the tests."""

    def __init__(self, groups: tuple[Group, ...], wanted: Callable[[str], bool]) -> None:
        self.groups = groups
        self.wanted = wanted
        self.trials: list[Trial] = []
        self.red_before: list[str] = []
        self._red, self._passed = False, True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        gc.collect()
        gc.freeze()  # what was loaded stays shared with the forks
        items = {item.nodeid: item for item in session.items}
        heard = self._heard(list(items.values()))
        sources = {name: _source(item) for name, item in items.items()}
        wanted = [(g.kind, c) for g in self.groups for c in g.controls if self.wanted(f"{g.kind} {c.name}")]
        plans = [_Plan(k, c, *_likeliest_first(f"{k} {c.name}", heard, sources)) for k, c in wanted]
        trials: dict[int, Trial] = {}
        for place, answer in _forked([partial(self._without, plan, items) for plan in plans]):
            plan = plans[place]
            killed_by, tried = answer or ("", plan.tests)
            trials[place] = Trial(plan.kind, plan.control, killed_by, tuple(tried), plan.heard_in)
            if not killed_by or len(trials) % SHOWN_EVERY == 0:
                told = "" if killed_by else f": nothing misses {plan.kind} {plan.control.name}"
                print(f"{len(trials)} of {len(plans)}{told}", file=sys.stderr, flush=True)
        self.trials = [trials[place] for place in sorted(trials)]
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if call.excinfo is not None:
            self._passed = False
            self._red = self._red or (call.when == "call" and found_out(call.excinfo.value))
        return (yield)

    def _heard(self, items: list[pytest.Item]) -> dict[str, set[str]]:
        """By test: the controls that spoke in it. A test that is red before anything is taken away proves nothing."""
        heard: dict[str, set[str]] = {}
        parts = [items[place::PARTS] for place in range(PARTS)]  # small enough that neither core waits for the other
        for _, told in _forked([partial(self._listened, part) for part in parts if part]):
            if told is None:
                raise RuntimeError("the tests could not be run with everything in place")
            for name, (green, spoke) in told.items():
                if green:
                    heard[name] = set(spoke)
                else:
                    self.red_before.append(name)
        return heard

    def _listened(self, items: list[pytest.Item]) -> dict[str, tuple[bool, list[str]]]:
        spoke: set[str] = set()
        for group in reversed(self.groups):
            group.watch(lambda name, kind=group.kind: spoke.add(f"{kind} {name}"))
        told: dict[str, tuple[bool, list[str]]] = {}
        for item, following in zip(items, [*items[1:], None], strict=True):
            spoke.clear()
            self._run(item, following)
            told[item.nodeid] = (self._passed, sorted(spoke))
        return told

    def _without(self, plan: _Plan, items: dict[str, pytest.Item]) -> tuple[str, list[str]]:
        plan.control.disable()
        tried: list[str] = []
        for name in plan.tests:
            if time.process_time() > MOST_CPU_S:
                break
            tried.append(name)
            self._run(items[name], None)
            if self._red:
                return name, tried
        return "", tried

    def _run(self, item: pytest.Item, following: pytest.Item | None) -> None:
        """As pytest runs it, with its limit on time."""
        self._red, self._passed = False, True
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def found_out(error: BaseException) -> bool:
    """A test found out by itself: an assertion, a wait in vain, something that its own line took for granted.

    What is raised anywhere else (by the product, by a stand-in, by the clock of the whole test) proves nothing.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(found_out(cast("BaseException", each)) for each in cast("tuple[object, ...]", error.exceptions))
    if isinstance(error, Failed):
        return "Timeout" not in str(error)
    return isinstance(error, AssertionError | TimeoutError) or _raised_in(error).startswith(TESTS)


TESTS, OURS = f"{Path(__file__).parents[1]}/", f"{Path(__file__).parent}/"


def _raised_in(error: BaseException) -> str:
    """The file of the line that raised it; none for one of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    file = frames[-1].filename if frames else ""
    return "" if file.startswith(OURS) else file


def _likeliest_first(own: str, heard: dict[str, set[str]], sources: dict[str, str]) -> tuple[list[str], int]:
    """The tests in which it spoke: those that name it, then those in which little else did; and how many there are."""
    named = re.split(r"[^A-Za-z0-9_]+", own)[1:]
    words = {*named, *(part for word in named for part in word.split("_") if len(part) >= LONG_WORD)}

    def rank(test: str) -> tuple[int, int, str]:
        named_in = sum((word in sources[test]) + (word in test) for word in words)
        return -named_in, len(heard[test]), test

    spoke_in = sorted((test for test, spoke in heard.items() if own in spoke), key=rank)
    return spoke_in[:MOST_TESTS], len(spoke_in)


def _source(item: pytest.Item) -> str:
    """What stands in the test, its parameters included."""
    return f"{item.nodeid} {inspect.getsource(getattr(item, 'function', type(item)))}"


@dataclass(slots=True)
class _Running:
    place: int
    pid: int
    said: bytes = b""


def _forked(works: Sequence[Callable[[], Any]]) -> Iterator[tuple[int, Any]]:
    """The place of each and what it returns, as they end: at most AT_ONCE at a time, each in a process of its own.

    None where it returned nothing.
    """
    waiting = list(enumerate(works))[::-1]
    with selectors.DefaultSelector() as selector:
        while waiting or selector.get_map():
            while waiting and len(selector.get_map()) < AT_ONCE:
                place, work = waiting.pop()
                reader, pid = _fork(work)
                selector.register(reader, selectors.EVENT_READ, _Running(place, pid))
            for key, _ in selector.select():
                running: _Running = key.data
                said = os.read(key.fd, 1 << 16)
                running.said += said
                if not said:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    os.waitpid(running.pid, 0)
                    yield running.place, json.loads(running.said) if running.said else None


def _fork(work: Callable[[], Any]) -> tuple[int, int]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return reader, pid
    ended, complaints = 1, os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        said = json.dumps(work()).encode()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(said)
        ended = 0
    except BaseException:
        os.write(complaints, traceback.format_exc().encode())
    finally:
        os._exit(ended)  # whatever it was: nothing of this process goes on as if it were the first one
