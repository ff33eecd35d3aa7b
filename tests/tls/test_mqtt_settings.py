"""[mqtt] in the settings: its port, its files, and that nothing leaves this host in the clear by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.shell.mqtt_settings import PLAINTEXT_PORT, TLS_PORT, MqttSettings, TlsFiles
from pumpctl.shell.settings import Settings, load_settings
from pumpctl.shell.unusable import Unusable

HEAD = """
state_dir = "/var/lib/pumpctl"
mode = "rig"
[[channel]]
name = "a"
dialect = "companion"
port = "/dev/pump-a"
serial = "SIM-0001"
patient_id = "p1"
[mqtt]
"""
FILES = 'ca = "ca.crt"\ncertificate = "certs/pumpctl.crt"\nkey = "/etc/pumpctl/pumpctl.key"\n'


def loaded(folder: Path, table: str) -> MqttSettings:
    path = folder / "rig.toml"
    path.write_text(HEAD + table)
    settings: Settings = load_settings(path)
    assert settings.mqtt is not None
    return settings.mqtt


def refusal(folder: Path, table: str) -> str:
    with pytest.raises(Unusable) as told:
        loaded(folder, table)
    return str(told.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_in_the_clear_on_this_host(tmp_path: Path, host: str) -> None:
    mqtt = loaded(tmp_path, f'host = "{host}"\n')
    assert (mqtt.port, mqtt.tls, mqtt.is_this_host) == (PLAINTEXT_PORT, None, True)


@pytest.mark.parametrize("host", ["broker", "192.168.1.2", "::", "localhost.example", "128.0.0.1"])
def test_in_the_clear_to_another_host_only_where_it_is_written(tmp_path: Path, host: str) -> None:
    told = refusal(tmp_path, f'host = "{host}"\n')
    assert f"only a broker on this host is taken, not {host}" in told
    assert "plaintext = true" in told
    assert "is taken, not" in refusal(tmp_path, f'host = "{host}"\nplaintext = false\n')
    mqtt = loaded(tmp_path, f'host = "{host}"\nplaintext = true\n')
    assert (mqtt.port, mqtt.tls, mqtt.is_this_host) == (PLAINTEXT_PORT, None, False)


def test_with_certificates_the_port_is_that_of_tls_and_paths_are_seen_from_the_settings(tmp_path: Path) -> None:
    mqtt = loaded(tmp_path, f'host = "broker"\n{FILES}')
    assert mqtt.port == TLS_PORT
    assert mqtt.tls == TlsFiles(tmp_path / "ca.crt", tmp_path / "certs/pumpctl.crt", Path("/etc/pumpctl/pumpctl.key"))
    assert loaded(tmp_path, f'host = "broker"\nport = 1883\n{FILES}').port == 1883


@pytest.mark.parametrize("left_out", range(3))
def test_one_file_without_the_others_is_refused(tmp_path: Path, left_out: int) -> None:
    lines = FILES.splitlines(keepends=True)
    del lines[left_out]
    assert "ca, certificate and key go together" in refusal(tmp_path, 'host = "localhost"\n' + "".join(lines))


def test_certificates_and_plaintext_exclude_each_other(tmp_path: Path) -> None:
    told = refusal(tmp_path, f'host = "broker"\nplaintext = true\n{FILES}')
    assert "exclude each other" in told


def test_a_variable_moves_the_broker_and_is_judged_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUMPCTL_MQTT__HOST", "broker")
    assert "only a broker on this host" in refusal(tmp_path, 'host = "localhost"\n')
    monkeypatch.setenv("PUMPCTL_MQTT__PLAINTEXT", "true")
    assert loaded(tmp_path, 'host = "localhost"\n').host == "broker"
