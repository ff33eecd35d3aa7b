"""The metrics as a part of the daemon: one page a second, a fault that harms nobody, and a loop that is never held."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

import pumpctl
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.reason import Reason
from pumpctl.effects import Record, Refuse, WritePump
from pumpctl.events import DeadlineReached, PumpBytes
from pumpctl.shell import metric_table as m
from pumpctl.shell import metrics as subject
from pumpctl.shell.figures import SLICE_SAMPLES
from pumpctl.shell.logs import open_log
from pumpctl.shell.metrics import Metrics, metrics_of
from pumpctl.shell.metrics_settings import MetricsSettings
from pumpctl.shell.witness import Sources
from tests.metrics.told import FakeMqtt, Noise, Series, named, read, state, value


class Bench:
    """Metrics that serve nobody: the test asks for the page."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        log, self.writer = open_log(self.text)
        sources = Sources(Noise({"a": {}}), FakeMqtt())
        self.metrics = Metrics(MetricsSettings(), {"a": "companion"}, sources, log)

    async def page(self) -> bytes:
        page = await self.metrics.page()
        assert page is not None
        return page

    async def series(self) -> Series:
        return read(await self.page())

    def logged(self) -> str:
        self.writer.close()
        return self.text.getvalue()


@pytest.fixture
async def bench() -> Bench:
    return Bench()


@pytest.fixture(autouse=True)
def _writers_closed(bench: Bench) -> Iterator[None]:
    yield
    bench.writer.close()


@pytest.mark.parametrize("table", [None, MetricsSettings()])
async def test_there_are_metrics_when_the_settings_ask_for_them(bench: Bench, table: MetricsSettings | None) -> None:
    settings: Any = SimpleNamespace(metrics=table, channel=(SimpleNamespace(name="a", dialect="companion"),))
    controller: Any = SimpleNamespace(noise=Noise())
    made = metrics_of(settings, controller, None, bench.metrics._log)
    assert (made is None) is (table is None)


async def test_the_page_says_what_runs_and_since_when(bench: Bench) -> None:
    series = await bench.series()
    assert [labels["version"] for labels in named(series, "pumpctl_build_info")] == [pumpctl.__version__]
    started_s = value(series, "pumpctl_start_time_seconds")
    assert started_s is not None
    assert started_s > 1_700_000_000


async def test_a_turn_is_on_the_next_page_and_a_page_lives_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "PAGE_LIFE_S", 3600.0)
    now_s = asyncio.get_running_loop().time()
    bench.metrics.observe(DeadlineReached(), (state(),), now_s)
    assert value(await bench.series(), "pumpctl_rate_ml_per_hour", channel="a") == 9.98
    bench.metrics.observe(DeadlineReached(), (state(flow_ml_h=1.0),), now_s)
    assert value(await bench.series(), "pumpctl_rate_ml_per_hour", channel="a") == 9.98
    monkeypatch.setattr(subject, "PAGE_LIFE_S", 0.0)
    series = await bench.series()
    assert value(series, "pumpctl_rate_ml_per_hour", channel="a") == 1.0
    assert value(series, "pumpctl_turn_seconds_count") == 2


async def test_however_many_ask_at_once_it_is_written_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PAGE_LIFE_S", 3600.0)
    written = count()
    make = subject.generate_latest
    monkeypatch.setattr(subject, "generate_latest", lambda alone: (next(written), make(alone))[1])
    pages = await asyncio.gather(*(bench.page() for _ in range(50)))
    assert len(set(pages)) == 1
    assert next(written) == len(m.TABLE)


async def test_the_loop_has_its_turn_after_every_metric(bench: Bench) -> None:
    for number in range(16):
        bench.metrics.observe(None, (state(f"pump-{number}"),), asyncio.get_running_loop().time())
    page = asyncio.get_running_loop().create_task(bench.page())
    turns = 0
    while not page.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= len(m.TABLE)
    assert len(named(read(page.result()), "pumpctl_rate_ml_per_hour")) == 16


async def test_a_metric_of_many_channels_is_written_in_slices_under_one_head(bench: Bench) -> None:
    now_s = asyncio.get_running_loop().time()
    for number in range(200):
        bench.metrics.observe(PumpBytes(f"p{number}", b""), (state(f"p{number}"), WritePump(f"p{number}", b"?")), now_s)
        bench.metrics.observe(PumpBytes(f"p{number}", b""), (), now_s)
    page = asyncio.get_running_loop().create_task(bench.page())
    turns = 0
    while not page.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 200 * len(DeliveryState) // SLICE_SAMPLES
    text = page.result().decode()
    series = read(page.result())
    for metric in m.TABLE:
        assert text.count(f"# HELP {metric.name} ") == text.count(f"# TYPE {metric.name} ") == 1
    for name in ("rate_ml_per_hour", "serial_rtt_seconds_sum", "pump_info", "status_age_seconds"):
        assert len(named(series, f"pumpctl_{name}")) == 200, name
    assert len(named(series, "pumpctl_state")) == 200 * len(DeliveryState)


async def test_a_page_is_of_one_instant_although_the_loop_goes_on(bench: Bench) -> None:
    now_s = asyncio.get_running_loop().time()
    bench.metrics.observe(None, (state(flow_ml_h=1.0, pressure_mmhg=1),), now_s)
    page = asyncio.get_running_loop().create_task(bench.page())
    while not page.done():
        await asyncio.sleep(0)
        bench.metrics.observe(None, (state(flow_ml_h=2.0, pressure_mmhg=2),), now_s)
    series = read(page.result())
    told = [value(series, f"pumpctl_{name}", channel="a") for name in ("rate_ml_per_hour", "pressure_mmhg")]
    assert told == [1.0, 1.0]


async def test_a_fault_of_ours_is_told_once_and_takes_nothing_but_the_page(bench: Bench) -> None:
    broken = Record(1, "stop_requested", {"no": "channel"}, 0)
    for _ in range(3):
        bench.metrics.observe(DeadlineReached(), (broken, Refuse(1, 4, (Reason("Q03", "m"),))), 0.0)
    assert await bench.metrics.page() is None
    assert bench.logged().count("a fault of ours") == 1


async def test_a_fault_while_writing_is_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_alone: object) -> bytes:
        raise ArithmeticError("the page says so")

    monkeypatch.setattr(subject, "generate_latest", broken)
    assert [await bench.metrics.page() for _ in range(2)] == [None, None]
    assert bench.logged().count("the page says so") == 1


async def test_a_loop_that_was_held_shows_as_lag(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PAGE_LIFE_S", 0.0)
    bench.metrics._look(asyncio.get_running_loop().time() - 0.3)
    bench.metrics.close()
    series = await bench.series()
    assert value(series, "pumpctl_loop_lag_seconds_bucket", le="0.25") == 0
    assert value(series, "pumpctl_loop_lag_seconds_count") == 1


async def test_started_it_looks_four_times_a_second_and_closed_it_leaves_no_timer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "LAG_EVERY_S", 0.001)
    monkeypatch.setattr(subject, "PAGE_LIFE_S", 0.0)
    bench.metrics._look_later()
    for _ in range(1000):
        if value(await bench.series(), "pumpctl_loop_lag_seconds_count"):
            break
        await asyncio.sleep(0.001)
    else:
        pytest.fail("no look at the loop's timers")
    bench.metrics.close()
    assert bench.metrics._timer is not None
    assert bench.metrics._timer.cancelled()
