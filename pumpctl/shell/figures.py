"""The figures behind the metrics: counted on the loop without a lock, taken all at once for a scrape.

Refuses to know what is counted (shell/metric_table.py) and who counts. Unknown is no series at all, never 0. The
registry is our own: nothing here is shared with whatever else in the process uses prometheus_client.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate, chain, islice
from typing import Protocol, TypeAlias

from prometheus_client import CollectorRegistry, core

from pumpctl.shell.metric_table import TABLE, Kind, Metric

# 256 channels with 13 states are 3328. Codes come from pumps too: one that invents them fills a row, not the memory.
SERIES_A_METRIC = 4096
FOLDED = "other"
# A family comes in slices of so many samples: what writes them gives the loop its turn between.
SLICE_SAMPLES = 128

Labels: TypeAlias = tuple[str, ...]


class Family(Protocol):
    """What the registry collects from, one for each metric."""

    def take(self) -> None: ...
    def describe(self) -> list[core.Metric]: ...
    def collect(self) -> Iterator[core.Metric]: ...


class Values:
    """A metric with one value in each series. The series of a channel lie together, by its name, the first label."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._living: dict[str, dict[Labels, float]] = {}
        self._count = 0
        self._taken: list[tuple[Labels, float]] = []

    def set(self, value: float, labels: Labels) -> None:
        rows, place = self._row(labels)
        rows[place] = value

    def add(self, labels: Labels) -> None:
        rows, place = self._row(labels)
        rows[place] += 1

    def forget(self, channel: str) -> None:
        self._count -= len(self._living.pop(channel, ()))

    def series(self, channel: str) -> tuple[Labels, ...]:
        return tuple(self._living.get(channel, ()))

    def take(self) -> None:
        """From here `collect` gives what is true now."""
        self._taken = list(chain.from_iterable(rows.items() for rows in self._living.values()))

    def describe(self) -> list[core.Metric]:
        return [self._family()]

    def collect(self) -> Iterator[core.Metric]:
        rows = iter(self._taken)
        family = self._family()
        while some := list(islice(rows, SLICE_SAMPLES)):
            for labels, value in some:
                family.add_metric(labels, value)
            yield family
            family = self._family()
        if not self._taken:
            yield family

    def _row(self, labels: Labels) -> tuple[dict[Labels, float], Labels]:
        """Where these labels are counted; in a metric that is full, the one row for all further ones."""
        place = labels
        if labels not in self._living.get(_first(labels), ()) and self._count >= SERIES_A_METRIC:
            place = (FOLDED,) * len(labels)
        rows = self._living.setdefault(_first(place), {})
        if place not in rows:
            rows[place] = 0
            self._count += 1
        return rows, place

    def _family(self) -> core.CounterMetricFamily | core.GaugeMetricFamily | core.UntypedMetricFamily:
        metric = self._metric
        match metric.kind:
            case Kind.COUNTER:
                return core.CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            case Kind.GAUGE:
                return core.GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            case Kind.UNTYPED | Kind.HISTOGRAM:  # a histogram is a Spread
                return core.UntypedMetricFamily(metric.name, metric.meaning, labels=metric.labels)


class Spread:
    """A histogram: in each series a count for each bucket, the last without an upper edge, and then the sum.

    Its only label is the channel, so there are no more series than channels.
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._living: dict[Labels, list[float]] = {}
        self._taken: list[tuple[Labels, list[float]]] = []
        self._edges = (*(str(edge) for edge in metric.edges_s), "+Inf")

    def observe(self, seconds: float, labels: Labels) -> None:
        row = self._living.setdefault(labels, [0.0] * (len(self._edges) + 1))
        row[bisect_left(self._metric.edges_s, seconds)] += 1
        row[-1] += seconds

    def take(self) -> None:
        """As above."""
        self._taken = [(labels, list(row)) for labels, row in self._living.items()]

    def describe(self) -> list[core.Metric]:
        return [self._family()]

    def collect(self) -> Iterator[core.Metric]:
        rows = iter(self._taken)
        family = self._family()
        while some := list(islice(rows, SLICE_SAMPLES // len(self._edges))):
            for labels, (*counts, total) in some:
                family.add_metric(labels, list(zip(self._edges, accumulate(counts), strict=True)), total)
            yield family
            family = self._family()
        if not self._taken:
            yield family

    def _family(self) -> core.HistogramMetricFamily:
        return core.HistogramMetricFamily(self._metric.name, self._metric.meaning, labels=self._metric.labels)


class Figures:
    """Every metric of the table. The label values are given in the order of the metric's labels."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._values = {metric: Values(metric) for metric in TABLE if metric.kind is not Kind.HISTOGRAM}
        self._spreads = {metric: Spread(metric) for metric in TABLE if metric.kind is Kind.HISTOGRAM}
        self._families: list[Family] = [
            self._spreads[metric] if metric in self._spreads else self._values[metric] for metric in TABLE
        ]
        for family in self._families:
            self.registry.register(family)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """It is so much now."""
        self._values[metric].set(value, labels)

    def add(self, metric: Metric, *labels: str) -> None:
        """It happened once more."""
        self._values[metric].add(labels)

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """It took so long."""
        self._spreads[metric].observe(seconds, labels)

    def forget(self, metric: Metric, channel: str) -> None:
        """Nothing is known of it any more: the series of this channel are gone."""
        self._values[metric].forget(channel)

    def series(self, metric: Metric, channel: str) -> tuple[Labels, ...]:
        """The label values of this channel's series."""
        return self._values[metric].series(channel)

    def take(self) -> None:
        """From here the registry gives all figures as they stand at this instant."""
        for family in self._families:
            family.take()


def _first(labels: Labels) -> str:
    return labels[0] if labels else ""
