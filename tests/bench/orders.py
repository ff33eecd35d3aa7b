"""What it costs to judge and compile the golden order, against a frozen pydantic model that only knows its types.

The library is loaded before, as the daemon has it. The schedule is expanded before in the one row, and in the other
it is part of what is measured.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns

from pumpctl.core.capability import COMPANION_REFERENCE
from pumpctl.core.library import Library
from pumpctl.core.order import Order
from pumpctl.core.order_text import parse_order
from pumpctl.core.program import Plan, compile_programs
from pumpctl.core.rules.case import Context
from pumpctl.core.schedule import Timetable, expand, read_instant
from pumpctl.core.validation import Decision, judge
from pumpctl.shell.library_file import read_library
from tests.bench.harness import Subject
from tests.bench.plain_order_model import PlainOrder

GOLDEN = Path(__file__).resolve().parents[2] / "deploy/examples/orders/golden-home-sc.json"
ROUNDS = 20
CHECKS_A_ROUND = 50


@contextmanager
def order_check(build: Path) -> Generator[Subject, None, None]:
    text, library, at_utc_ms = _golden()
    timetable = expand(parse_order(text, GOLDEN.name).schedule)
    yield Subject(
        name="order check / plain pydantic model",
        unit="us",
        goal=10.0,
        rounds=ROUNDS,
        ours=lambda: [_check_us(text, library, at_utc_ms, timetable) for _ in range(CHECKS_A_ROUND)],
        floor=lambda: [_plain_us(text) for _ in range(CHECKS_A_ROUND)],
    )


@contextmanager
def order_check_over_reading(build: Path) -> Generator[Subject, None, None]:
    text, library, at_utc_ms = _golden()
    timetable = expand(parse_order(text, GOLDEN.name).schedule)
    yield Subject(
        name="order check / our own model, texts kept",
        unit="us",
        goal=None,
        rounds=ROUNDS,
        ours=lambda: [_check_us(text, library, at_utc_ms, timetable) for _ in range(CHECKS_A_ROUND)],
        floor=lambda: [_reading_us(text) for _ in range(CHECKS_A_ROUND)],
    )


@contextmanager
def order_check_with_schedule(build: Path) -> Generator[Subject, None, None]:
    text, library, at_utc_ms = _golden()
    yield Subject(
        name="order check, schedule expanded / plain",
        unit="us",
        goal=None,
        rounds=ROUNDS,
        ours=lambda: [_check_us(text, library, at_utc_ms, None) for _ in range(CHECKS_A_ROUND)],
        floor=lambda: [_plain_us(text) for _ in range(CHECKS_A_ROUND)],
    )


def _golden() -> tuple[str, Library, int]:
    at_utc_ms = read_instant("2026-12-01T18:00:00Z")
    assert isinstance(at_utc_ms, int)
    return GOLDEN.read_text(), read_library(), at_utc_ms


def _check_us(text: str, library: Library, at_utc_ms: int, timetable: Timetable | None) -> float:
    before = perf_counter_ns()
    order = parse_order(text, GOLDEN.name)
    known = timetable or expand(order.schedule)
    verdict = judge(order, library, Context(at_utc_ms, timetable=known))
    plan = compile_programs(order, library, COMPANION_REFERENCE, occurrence=1, attempt=1)
    after = perf_counter_ns()
    assert verdict.decision is Decision.NEEDS_OVERRIDE, verdict
    assert isinstance(plan, Plan), plan
    return (after - before) / 1e3


def _reading_us(text: str) -> float:
    """No amount read, no instant: the strict model that the rules begin from."""
    before = perf_counter_ns()
    Order.model_validate_json(text)
    return (perf_counter_ns() - before) / 1e3


def _plain_us(text: str) -> float:
    before = perf_counter_ns()
    PlainOrder.model_validate_json(text)
    return (perf_counter_ns() - before) / 1e3
