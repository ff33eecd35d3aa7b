"""The real daemon and a simulated pump on a pty, read by a real HTTP client: what is told is what was read."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Broker
from tests.metrics.told import Series, named, read, value
from tests.system import real_pair
from tests.system.real_pair import PATIENT, RealPair

UNHURRIED = 60  # ten hours in ten minutes: nothing here waits for an end, and a busy machine is in time for each step

STATUS = {
    "pumpctl_rate_ml_per_hour": "flow_ml_h",
    "pumpctl_dose_rate_mg_per_minute": "dose_rate_mg_min",
    "pumpctl_pressure_mmhg": "pressure_mmhg",
    "pumpctl_reservoir_ml": "reservoir_ml",
}


class ScrapedPair(RealPair):
    """A pair whose daemon serves metrics."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.metrics_port = int(probe.getsockname()[1])
        mqtt = f'[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
        super().__init__(folder, tables=f"[metrics]\nport = {self.metrics_port}\n{mqtt}")

    @property
    def page(self) -> str:
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return str(answer.read().decode())

    @property
    def series(self) -> Series:
        return read(self.page.encode())

    def one(self, name: str, **labels: str) -> float | None:
        return value(self.series, name, channel="a", **labels)

    def agrees(self) -> bool:
        """Whether the page says what the state payload says, of a pump in which nothing changes."""
        before, series = self.state, self.series
        told = {name: value(series, name, channel="a") for name in STATUS}
        volumes = [value(series, "pumpctl_delivered_ml_total", channel="a", bound=b) for b in ("least", "most")]
        return (
            told == {name: before[key] for name, key in STATUS.items()}
            and volumes == [before["delivered_least_ml"], before["delivered_most_ml"]]
            and value(series, "pumpctl_state", channel="a", state=before["state"]) == 1
            and value(series, "pumpctl_link", channel="a", link=before["link"]) == 1
            and alarms_on(series) == {alarm["code"] for alarm in before["alarms"]}
        )


def alarms_on(series: Series) -> set[str]:
    return {
        labels["code"]
        for labels in named(series, "pumpctl_alarm_active")
        if value(series, "pumpctl_alarm_active", **labels) == 1
    }


@pytest.fixture
def pair(tmp_path: Path, mosquitto: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScrapedPair]:
    monkeypatch.setattr(real_pair, "SPEED", UNHURRIED)
    subject = ScrapedPair(tmp_path, mosquitto)
    yield subject
    subject.clean_up()


@pytest.mark.hazard("H66")
def test_a_whole_life_is_told_as_it_was_read(pair: ScrapedPair, mosquitto: Broker) -> None:
    pair.infuse()
    pair.wait("it flows", lambda: (pair.one("pumpctl_rate_ml_per_hour") or 0) > 0)
    told_least_ml, payload = pair.one("pumpctl_delivered_ml_total", bound="least"), pair.state
    assert told_least_ml is not None
    assert told_least_ml <= payload["delivered_least_ml"]
    pair.pump("inject", fault="unplug", after_ns=0)
    pair.wait("the rate is unknown", lambda: _gone_and_never_zero(pair))
    series = pair.series
    assert [name for name in STATUS if named(series, name)] == []
    assert value(series, "pumpctl_link", channel="a", link="up") == 0
    assert value(series, "pumpctl_delivered_ml_total", channel="a", bound="most") is not None
    pair.pump("heal", fault="unplug")
    pair.wait("it flows again", lambda: pair.one("pumpctl_rate_ml_per_hour") == pair.state["flow_ml_h"])
    pair.ask("stop")
    pair.wait("it is stopped", lambda: pair.state["state"] == "stopped")
    pair.wait("all agree", pair.agrees)
    _says_what_happened(pair)
    _says_nothing_of_persons(pair)
    pair.wait("the broker has all", lambda: _of_the_broker(pair) == (1, 0))
    mosquitto.stop()
    pair.wait("the broker is gone", lambda: _of_the_broker(pair)[0] == 0)


def _gone_and_never_zero(pair: ScrapedPair) -> bool:
    rate = pair.one("pumpctl_rate_ml_per_hour")
    assert rate is None or rate > 0
    return rate is None


def _of_the_broker(pair: ScrapedPair) -> tuple[float | None, float | None]:
    series = pair.series
    return value(series, "pumpctl_mqtt_connected"), value(series, "pumpctl_mqtt_publish_rejected_total")


def _says_what_happened(pair: ScrapedPair) -> None:
    series = pair.series
    assert value(series, "pumpctl_rate_ml_per_hour", channel="a") == 0, "a pump that was heard to stand still"
    assert value(series, "pumpctl_pump_info", channel="a", dialect="companion", serial="SIM-0001") == 1
    for name in ("serial_rtt_seconds_count", "status_age_seconds", "latched_reasons"):
        assert value(series, f"pumpctl_{name}", channel="a"), name
    for name in ("guard_alive", "journal_sync_seconds_count", "turn_seconds_count", "loop_lag_seconds_count"):
        assert value(series, f"pumpctl_{name}"), name
    for name in ("stops_asked_total", "stops_proven_total", "stop_proof_seconds_count"):
        assert value(series, f"pumpctl_{name}", channel="a") == 1, name
    assert value(series, "pumpctl_interlock_trips_total", channel="a", rule="operator_stop") == 1
    assert "operator_stop" in {labels["code"] for labels in named(series, "pumpctl_alarms_raised_total")}


def _says_nothing_of_persons(pair: ScrapedPair) -> None:
    told: Mapping[str, Any] = pair.state
    for secret in (PATIENT, "patient", told["order"], told["program_id"], "pharmacist"):
        assert secret not in pair.page, secret
