"""Houses and brokers for the tests of TLS. Refuses to leave a broker behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.tls.house import House, TlsBroker

StartBroker = Callable[..., TlsBroker]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def other_house(tmp_path: Path) -> House:
    """An authority that has nothing to do with the first."""
    return House(tmp_path / "other")


@pytest.fixture
def start_broker(tmp_path: Path, house: House) -> Iterator[StartBroker]:
    """`start_broker({line: other line}, house)`; each has a place of its own and ends with the test."""
    executable = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if executable is None:
        pytest.fail("this test needs a broker: install the package mosquitto (`make test` does, as root)")
    started: list[TlsBroker] = []

    def start(replaced: Mapping[str, str] | None = None, of: House | None = None) -> TlsBroker:
        place = tmp_path / f"mosquitto-{len(started)}"
        place.mkdir()
        broker = TlsBroker(place, executable, of or house, replaced or {})
        broker.start()
        started.append(broker)
        return broker

    yield start
    for broker in started:
        broker.stop()
