"""Figures: values, histograms at both sides of an edge, snapshots, a bound on series."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from pumpctl.shell import metric_table as m
from pumpctl.shell.figures import FOLDED, SERIES_A_METRIC, Figures
from tests.metrics.told import named, read, value


def page_of(figures: Figures) -> bytes:
    figures.take()
    return generate_latest(figures.registry)


def test_every_metric_is_announced_with_its_type_and_meaning_before_it_has_a_sample() -> None:
    page = page_of(Figures()).decode()
    for metric in m.TABLE:
        assert f"# TYPE {metric.name} {metric.kind.value}\n" in page
        assert f"# HELP {metric.name} {metric.meaning}\n" in page
    assert read(page.encode()) == {}


def test_the_names_and_units_are_those_that_prometheus_asks_for() -> None:
    names = [metric.name for metric in m.TABLE]
    assert len(set(names)) == len(names)
    for metric in m.TABLE:
        assert metric.name.startswith("pumpctl_")
        assert (metric.kind in {m.Kind.COUNTER, m.Kind.UNTYPED}) is metric.name.endswith("_total")
        assert (metric.kind is m.Kind.HISTOGRAM) is bool(metric.edges_s)
        assert list(metric.edges_s) == sorted(metric.edges_s)
        assert not {"patient", "patient_id", "order", "program", "person"} & set(metric.labels)
        assert "le" not in metric.labels


def test_a_value_is_set_counted_and_forgotten() -> None:
    figures = Figures()
    figures.set(m.RATE, 9.98, "a")
    figures.set(m.RATE, 5, "b")
    figures.add(m.TRIPS, "a", "occlusion")
    figures.add(m.TRIPS, "a", "occlusion")
    series = read(page_of(figures))
    assert value(series, "pumpctl_rate_ml_per_hour", channel="a") == 9.98
    assert value(series, "pumpctl_interlock_trips_total", channel="a", rule="occlusion") == 2
    figures.forget(m.RATE, "a")
    figures.forget(m.RATE, "a")
    assert named(read(page_of(figures)), "pumpctl_rate_ml_per_hour") == [{"channel": "b"}]


@pytest.mark.parametrize(
    ("seconds", "buckets"), [(0.0009, (1, 1, 1)), (0.001, (1, 1, 1)), (0.0011, (0, 1, 1)), (4.0, (0, 0, 1))]
)
def test_a_histogram_counts_up_to_and_with_its_edge(seconds: float, buckets: tuple[int, ...]) -> None:
    figures = Figures()
    figures.observe(m.LOOP_LAG, seconds)
    series = read(page_of(figures))
    told = tuple(value(series, "pumpctl_loop_lag_seconds_bucket", le=edge) for edge in ("0.001", "0.0025", "+Inf"))
    assert told == buckets
    assert value(series, "pumpctl_loop_lag_seconds_count") == 1
    assert value(series, "pumpctl_loop_lag_seconds_sum") == pytest.approx(seconds)


def test_what_is_counted_after_the_snapshot_is_not_in_it() -> None:
    figures = Figures()
    figures.set(m.RATE, 1, "a")
    figures.observe(m.LOOP_LAG, 0.1)
    figures.take()
    figures.set(m.RATE, 2, "a")
    figures.observe(m.LOOP_LAG, 0.1)
    series = read(generate_latest(figures.registry))
    assert value(series, "pumpctl_rate_ml_per_hour", channel="a") == 1
    assert value(series, "pumpctl_loop_lag_seconds_count") == 1


def test_a_pump_that_invents_codes_fills_one_row_and_not_the_memory() -> None:
    figures = Figures()
    for number in range(SERIES_A_METRIC + 50):
        figures.add(m.FRAMES_BAD, "a", f"kind_{number}")
    figures.add(m.FRAMES_BAD, "a", "kind_0")
    series = read(page_of(figures))
    assert len(named(series, "pumpctl_frames_bad_total")) == SERIES_A_METRIC + 1
    assert value(series, "pumpctl_frames_bad_total", channel=FOLDED, kind=FOLDED) == 50
    assert value(series, "pumpctl_frames_bad_total", channel="a", kind="kind_0") == 2


def test_nothing_is_registered_for_the_whole_process() -> None:
    assert isinstance(Figures().registry, CollectorRegistry)
    Figures()
    assert not [metric.name for metric in REGISTRY.collect() if metric.name.startswith("pumpctl")]
