"""[metrics]: off unless asked for, and never for another machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.shell.settings import Settings, load_settings
from pumpctl.shell.unusable import Unusable

SOUND = """
state_dir = "/var/lib/pumpctl"
mode = "rig"

[[channel]]
name = "a"
dialect = "companion"
port = "/dev/pump-a"
serial = "SIM-0001"
patient_id = "p1"
"""


def loaded(folder: Path, table: str) -> Settings:
    path = folder / "rig.toml"
    path.write_text(SOUND + table)
    return load_settings(path)


def test_without_the_table_nobody_listens(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").metrics is None


@pytest.mark.parametrize(
    ("table", "address", "port"),
    [
        ("[metrics]", "127.0.0.1", 9464),
        ('[metrics]\nport = 1\naddress = "127.0.0.53"', "127.0.0.53", 1),
        ('[metrics]\nport = 65535\naddress = "::1"', "::1", 65_535),
    ],
)
def test_a_loopback_address_is_taken(tmp_path: Path, table: str, address: str, port: int) -> None:
    metrics = loaded(tmp_path, table).metrics
    assert metrics is not None
    assert (metrics.address, metrics.port) == (address, port)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.7", "128.0.0.1", "localhost", "127.0.0.1:9464", ""])  # noqa: S104
def test_an_address_that_another_machine_reaches_or_that_is_a_name_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(Unusable) as caught:
        loaded(tmp_path, f'[metrics]\naddress = "{address}"')
    assert "metrics.address" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("line", ["port = 0", "port = 65536", "port = true", 'port = "x"', "prot = 1"])
def test_a_port_that_is_none_and_a_key_that_is_none_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(Unusable) as caught:
        loaded(tmp_path, f"[metrics]\n{line}")
    assert "metrics.p" in str(caught.value)


def test_a_misspelt_key_is_met_with_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="did you mean port"):
        loaded(tmp_path, "[metrics]\nprot = 1")
