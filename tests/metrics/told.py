"""What the tests of the metrics tell a witness, and how they read a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from pumpctl.effects import Publish

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]

INFUSING: dict[str, Any] = {
    "schema": "pumpctl/state/1",
    "channel": "a",
    "state": "infusing",
    "link": "up",
    "status_age_ms": 120,
    "flow_ml_h": 9.98,
    "commanded_flow_ml_h": 10.0,
    "dose_rate_mg_min": 3.327,
    "pressure_mmhg": 42,
    "reservoir_ml": 88.5,
    "battery_percent": 97.5,
    "serial": "SIM-0001",
    "program_id": "0011223344556677",
    "order": "d" * 64,
    "program_flow_ml_h": 10.0,
    "vtbi_ml": 100.0,
    "delivered_least_ml": 11.5,
    "delivered_most_ml": 12.25,
    "alarms": [],
    "latched": [],
}


@dataclass
class FakeMqtt:
    """The MQTT link's figures."""

    connected: bool = True
    refused: int = 0
    waiting: int = 0


@dataclass
class FakeBoottime:
    """A clock that stands until it is moved."""

    now_ns: int = 1_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns


@dataclass
class Noise:
    """What the channels have heard and believed in nothing."""

    heard: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])

    def __call__(self) -> Mapping[str, Mapping[str, int]]:
        return self.heard


def state(channel: str = "a", **other: object) -> Publish:
    """A state payload as an effect."""
    return Publish(channel, "state", {**INFUSING, "channel": channel, **other})


def read(page: bytes) -> Series:
    """Every sample of a page: name and labels, and its value."""
    families = text_string_to_metric_families(page.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(series: Series, name: str, **labels: str) -> float | None:
    """One sample, None when there is none."""
    return series.get((name, frozenset(labels.items())))


def named(series: Series, name: str) -> list[dict[str, str]]:
    """The labels of every sample of this name."""
    return [dict(labels) for each, labels in series if each == name]
