"""The table [home_assistant]: empty is enough, and a prefix that a broker would read as a pattern is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocols.mqtt.topics import Topics
from pumpctl import __version__
from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from pumpctl.shell.home_assistant_settings import HomeAssistantSettings, announced
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


@pytest.mark.parametrize(("mode", "name"), [(Mode.RIG, "Pump a (simulated)"), (Mode.THERAPY, "Pump a")])
def test_each_channel_of_the_settings_is_announced_under_the_prefix(mode: Mode, name: str) -> None:
    channels = tuple(ChannelConfiguration(each, "miva", f"S-{each}", "p1") for each in ("a", "b"))
    configuration = ControllerConfiguration(mode, 1, channels)
    topics = Topics("pumpctl", "ward-3")
    assert announced(None, topics, configuration) == ()
    told = announced(HomeAssistantSettings(prefix="ha"), topics, configuration)
    assert [each.topic for each in told] == ["ha/device/pumpctl_a/config", "ha/device/pumpctl_b/config"]
    assert (told[0].payload["device"]["name"], told[0].payload["device"]["serial_number"]) == (name, "S-a")
    assert told[0].payload["origin"] == {"name": "pumpctl", "sw_version": __version__}
    assert told[0].payload["availability"][0]["topic"] == "pumpctl/ward-3/availability"


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
