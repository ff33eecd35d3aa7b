"""The figures behind the metrics: counted on the loop without a lock, taken all at once for a scrape.

Refuses to know what is counted (shell/metric_table.py) and who counts. Unknown is no series at all, never 0. The
registry is our own: nothing here is shared with whatever else in the process uses prometheus_client.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Protocol, TypeAlias, TypeVar

from prometheus_client import CollectorRegistry, core

from pumpctl.shell.metric_table import TABLE, Kind, Metric

# 256 channels with 13 states are 3328. Codes come from pumps too: one that invents them fills a row, not the memory.
SERIES_A_METRIC = 4096
FOLDED = "other"

Labels: TypeAlias = tuple[str, ...]
Row = TypeVar("Row")


class Family(Protocol):
    """What the registry collects from, one for each metric."""

    def take(self) -> None: ...
    def describe(self) -> list[core.Metric]: ...
    def collect(self) -> list[core.Metric]: ...


class Values:
    """A metric with one value in each series. `living` is now, and what `take` took is what a scrape gets."""

    def __init__(self, metric: Metric) -> None:
        self.living: dict[Labels, float] = {}
        self._taken: dict[Labels, float] = {}
        self._metric = metric

    def take(self) -> None:
        self._taken = dict(self.living)

    def describe(self) -> list[core.Metric]:
        return [self._family()]

    def collect(self) -> list[core.Metric]:
        family = self._family()
        for labels, value in self._taken.items():
            family.add_metric(labels, value)
        return [family]

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
    """A histogram: in each series a count for each bucket, the last without an upper edge, and then the sum."""

    def __init__(self, metric: Metric) -> None:
        self.living: dict[Labels, list[float]] = {}
        self._taken: dict[Labels, list[float]] = {}
        self._metric = metric
        self._edges = (*(str(edge) for edge in metric.edges_s), "+Inf")

    def observe(self, seconds: float, labels: Labels) -> None:
        place = _place(self.living, labels)
        row = self.living.setdefault(place, [0.0] * (len(self._edges) + 1))
        row[bisect_left(self._metric.edges_s, seconds)] += 1
        row[-1] += seconds

    def take(self) -> None:
        self._taken = {labels: list(row) for labels, row in self.living.items()}

    def describe(self) -> list[core.Metric]:
        return [self._family()]

    def collect(self) -> list[core.Metric]:
        family = self._family()
        for labels, (*counts, total) in self._taken.items():
            family.add_metric(labels, list(zip(self._edges, accumulate(counts), strict=True)), total)
        return [family]

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
        living = self._values[metric].living
        living[_place(living, labels)] = value

    def add(self, metric: Metric, *labels: str) -> None:
        """It happened once more."""
        living = self._values[metric].living
        place = _place(living, labels)
        living[place] = living.get(place, 0) + 1

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """It took so long."""
        self._spreads[metric].observe(seconds, labels)

    def forget(self, metric: Metric, channel: str) -> None:
        """Nothing is known of it any more: the series of this channel are gone."""
        living = self._values[metric].living
        for labels in self.series(metric, channel):
            del living[labels]

    def series(self, metric: Metric, channel: str) -> list[Labels]:
        """The label values of this channel's series."""
        return [labels for labels in self._values[metric].living if labels[0] == channel]

    def take(self) -> None:
        """From here the registry gives all figures as they stand at this instant."""
        for family in self._families:
            family.take()


def _place(living: dict[Labels, Row], labels: Labels) -> Labels:
    """The series of these labels; of a metric that is full, the one for all further ones."""
    if labels in living or len(living) < SERIES_A_METRIC:
        return labels
    return (FOLDED,) * len(labels)
