"""Where telemetry goes, and as whom: a broker, and the certificates that both ends show.

Refuses to send in the clear to another host unless that is written down: who reads along sees a patient's therapy,
and who writes along forges it. Whether the files are any good is looked at when they are used (mqtt_tls.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pumpctl.shell.new_era_settings import Number, is_loopback

TLS_PORT, PLAINTEXT_PORT = 8883, 1883


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the authority that the broker's certificate comes from, and what we show ourselves."""

    ca: Path
    certificate: Path
    key: Path


class MqttSettings(BaseModel):
    """Without it the daemon runs just the same. Paths are relative to the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[Number, Field(ge=1, le=65_535)] = PLAINTEXT_PORT
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    plaintext: bool = False

    @model_validator(mode="before")
    @classmethod
    def _port_of_its_kind(cls, given: object) -> object:
        """MQTT has one port for each: 8883 with TLS, 1883 without."""
        if isinstance(given, Mapping) and "port" not in given and "ca" in given:
            return {**cast("Mapping[str, Any]", given), "port": TLS_PORT}
        return cast("object", given)

    @model_validator(mode="after")
    def _private_or_said_to_be_open(self) -> MqttSettings:
        files = (self.ca, self.certificate, self.key)
        if any(files) and not all(files):
            raise ValueError("ca, certificate and key go together; `pumpctl certs init` makes all three")
        if self.ca is not None and self.plaintext:
            raise ValueError("certificates and plaintext = true exclude each other; leave one of them out")
        if self.ca is None and not self.plaintext and not self.is_this_host:
            raise ValueError(
                f"without TLS only a broker on this host is taken, not {self.host}: give ca, certificate and key "
                "(`pumpctl certs init` makes them), or write plaintext = true and let the whole network read and forge"
            )
        return self

    @property
    def is_this_host(self) -> bool:
        """What is sent does not leave this machine."""
        return self.host == "localhost" or is_loopback(self.host)

    @property
    def tls(self) -> TlsFiles | None:
        """None: in the clear."""
        if self.ca is None or self.certificate is None or self.key is None:
            return None
        return TlsFiles(self.ca, self.certificate, self.key)

    def below(self, folder: Path) -> MqttSettings:
        """With its paths as seen from the folder of the settings file."""
        paths = {"ca": self.ca, "certificate": self.certificate, "key": self.key}
        return self.model_copy(update={name: path and folder / path for name, path in paths.items()})
