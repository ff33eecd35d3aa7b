"""A healthy site on a line of its own, and brokers that want certificates."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PtyPair
from tests.doctor.site import Channel, Site, healthy_host
from tests.tls.house import House, TlsBroker


@pytest.fixture
def site(tmp_path: Path, pty_pair: PtyPair) -> Site:
    return Site(tmp_path, [Channel(pty_pair.slave_path)], healthy_host())


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def tls_broker(tmp_path: Path, house: House) -> Iterator[TlsBroker]:
    """With the configuration and the access list of deploy/mosquitto/."""
    executable = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if executable is None:
        pytest.fail("this test needs a broker: install the package mosquitto (`make test` does, as root)")
    place = tmp_path / "tls-mosquitto"
    place.mkdir()
    broker = TlsBroker(place, executable, house, {})
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def with_tls(site: Site, tls_broker: TlsBroker) -> Callable[[House, str], Site]:
    """The site, telling its telemetry to that broker as the named client of a house."""

    def settings(house: House, client: str = "pumpctl") -> Site:
        files = house.files(client)
        paths = f'ca = "{files.ca}"\ncertificate = "{files.certificate}"\nkey = "{files.key}"\n'
        site.tables = f'[mqtt]\nhost = "localhost"\nport = {tls_broker.port}\n{paths}'
        return site

    return settings
