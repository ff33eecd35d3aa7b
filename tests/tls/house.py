"""An authority with its certificates, and a mosquitto that takes nobody without one, set up by deploy/mosquitto/.

Refuses to know the command line: certificates are made by pumpctl/certificates, expired ones with dates of their own.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pumpctl.certificates.folder import AuthorityFolder, _write_pair, create
from pumpctl.certificates.issuing import Keyed, Span, broker_certificate, client_certificate
from pumpctl.shell.mqtt_settings import TlsFiles
from tests import conftest

DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto"
CLIENTS = ("pumpctl", "homeassistant", "watcher", "nobody")


class House:
    """The folder as `pumpctl certs init` leaves it. `put` adds what that command would never make."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.folder = folder / "house"
        create(self.folder, ["localhost", "127.0.0.1"], CLIENTS, self.now)

    @property
    def utc_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    @property
    def valid(self) -> Span:
        return Span(self.now - timedelta(days=1), self.now + timedelta(days=30))

    @property
    def past(self) -> Span:
        return Span(self.now - timedelta(days=30), self.now - timedelta(days=1))

    @property
    def future(self) -> Span:
        return Span(self.now + timedelta(days=1), self.now + timedelta(days=30))

    def files(self, name: str = "pumpctl") -> TlsFiles:
        """What a client of this house shows."""
        return TlsFiles(self.folder / "ca.crt", self.folder / f"{name}.crt", self.folder / f"{name}.key")

    def client(self, name: str, span: Span) -> TlsFiles:
        """A client's certificate with dates of its own."""
        return self._put(name, client_certificate(self._authority, name, span))

    def broker(self, file: str, names: list[str], span: Span) -> None:
        """A broker's certificate with dates and names of its own, for `certfile`."""
        self._put(file, broker_certificate(self._authority, names, span))

    def revoke(self, name: str) -> None:
        AuthorityFolder(self.folder).revoke(name, self.now)

    @property
    def _authority(self) -> Keyed:
        return AuthorityFolder(self.folder)._authority

    def _put(self, file: str, keyed: Keyed) -> TlsFiles:
        _write_pair(self.folder, file, keyed)
        return self.files(file)


class TlsBroker(conftest.Broker):
    """`replaced` changes lines of deploy/mosquitto/pumpctl.conf."""

    def __init__(self, folder: Path, executable: str, house: House, replaced: Mapping[str, str]) -> None:
        super().__init__(folder, executable)
        self.host = "localhost"
        self.configuration = folder / "mosquitto.conf"
        self._house = house
        self._replaced = replaced

    def _started_on(self, port: int) -> bool:
        """Like its parent's; files that only their owner may read are read by that owner."""
        self.configuration.write_text(self._text(port))
        (self._folder / "pumpctl.acl").unlink(missing_ok=True)
        shutil.copy(DEPLOYED / "pumpctl.acl", self._folder)
        with (self._folder / "mosquitto.log").open("ab") as log:
            process = subprocess.Popen([self._executable, "-c", str(self.configuration)], stdout=log, stderr=log)
        if conftest._listens("127.0.0.1", port, process):
            self._process = process
            return True
        process.kill()
        process.wait(timeout=conftest.BROKER_START_S)
        return False

    def _text(self, port: int) -> str:
        text = (DEPLOYED / "pumpctl.conf").read_text()
        places = {
            "/etc/mosquitto/pumpctl/pumpctl.acl": f"{self._folder}/pumpctl.acl",
            "/etc/mosquitto/pumpctl": f"{self._house.folder}",
            "/var/lib/mosquitto": f"{self._folder}",
            "listener 8883": f"user root\nlistener {port} 127.0.0.1",
        }
        for old, new in {**self._replaced, **places}.items():
            assert old in text, f"pumpctl.conf has no {old}"
            text = text.replace(old, new)
        return text
