"""The table [home_assistant]: empty is enough, and a prefix that a broker would read as a pattern is refused."""

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
port = "/tmp/pump-a"
serial = "SIM-0001"
patient_id = "p1"
"""
BROKER = '[mqtt]\nhost = "localhost"\n'


def loaded(tmp_path: Path, tables: str) -> Settings:
    path = tmp_path / "rig.toml"
    path.write_text(SOUND + tables)
    return load_settings(path)


def test_absent_there_is_no_discovery(tmp_path: Path) -> None:
    assert loaded(tmp_path, BROKER).home_assistant is None


@pytest.mark.parametrize(
    ("table", "prefix"), [("", "homeassistant"), ('prefix = "ha/discovery"', "ha/discovery"), ('prefix = "X_1"', "X_1")]
)
def test_the_prefix(tmp_path: Path, table: str, prefix: str) -> None:
    settings = loaded(tmp_path, f"{BROKER}[home_assistant]\n{table}\n")
    assert settings.home_assistant is not None
    assert settings.home_assistant.prefix == prefix


@pytest.mark.parametrize(
    ("tables", "wanted"),
    [
        ("[home_assistant]\n", "it is told by MQTT: add the table [mqtt]"),
        (f'{BROKER}[home_assistant]\nprefx = "x"\n', "did you mean prefix?"),
        (f'{BROKER}[home_assistant]\nprefix = ""\n', "home_assistant.prefix"),
        (f'{BROKER}[home_assistant]\nprefix = "home/#"\n', "home_assistant.prefix"),
        (f'{BROKER}[home_assistant]\nprefix = "home/"\n', "home_assistant.prefix"),
        (f'{BROKER}[home_assistant]\nprefix = "home assistant"\n', "home_assistant.prefix"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, tables: str, wanted: str) -> None:
    with pytest.raises(Unusable, match="settings") as caught:
        loaded(tmp_path, tables)
    assert wanted in str(caught.value)
