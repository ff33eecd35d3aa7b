"""Settings: what is taken, what wins, and what each mistake is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from pumpctl.guard.wire import CHANNEL_LIMIT
from pumpctl.shell.settings import FILE_LIMIT_BYTES, load_settings
from pumpctl.shell.unusable import Unusable

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "settings" / "rig.toml"
SOUND = """
state_dir = "/var/lib/pumpctl"
mode = "rig"

[[channel]]
name = "a"
dialect = "companion"
port = "/dev/pump-a"
serial = "SIM-0001"
patient_id = "p1"

[[channel]]
name = "b"
dialect = "companion"
port = "socket://localhost:4001"
serial = "SIM-0002"
patient_id = "p2"

[mqtt]
host = "localhost"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rig.toml"
    path.write_text(text)
    return path


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(Unusable) as caught:
        load_settings(written(tmp_path, text))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_example_is_sound_and_shows_every_key() -> None:
    settings = load_settings(EXAMPLE)
    assert settings.state_dir.is_absolute()
    text = EXAMPLE.read_text()
    assert all(f"{key} =" in text or f"[{key}]" in text for key in type(settings).model_fields)


def with_channels(count: int) -> str:
    """Each as long as a channel of a real place is."""
    words = 'dialect = "companion"\nbaud = 115200\nbattery_life_h = 24\nfirmware = ["companion-sim sim-1.0"]\n'
    channels = [
        f'[[channel]]\nname = "bed-{number}"\nport = "/dev/serial/by-id/usb-adapter-{number:04}-if00-port0"\n'
        f'serial = "SIM-{number:04}"\npatient_id = "patient-{number:012}"\n{words}'
        for number in range(count)
    ]
    return 'state_dir = "/var/lib/pumpctl"\nmode = "rig"\n' + "".join(channels)


@pytest.mark.hazard("H46")
def test_as_many_channels_as_the_guard_can_stop_and_not_one_more(tmp_path: Path) -> None:
    """One that it cannot would have a single way to stop (pumpctl/guard/wire.py)."""
    assert len(load_settings(written(tmp_path, with_channels(CHANNEL_LIMIT))).channel) == CHANNEL_LIMIT
    assert f"at most {CHANNEL_LIMIT}" in refusal(tmp_path, with_channels(CHANNEL_LIMIT + 1))


def test_the_controller_gets_what_it_decides_on(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, SOUND))
    assert settings.for_controller() == ControllerConfiguration(
        Mode.RIG,
        1,
        (
            ChannelConfiguration("a", "companion", "SIM-0001", "p1"),
            ChannelConfiguration("b", "companion", "SIM-0002", "p2"),
        ),
    )
    assert settings.mqtt is not None
    assert (settings.mqtt.port, settings.status_line, settings.on_alarm) == (1883, None, None)


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUMPCTL_SPEED", "600")
    monkeypatch.setenv("PUMPCTL_EPOCH_BOOTTIME_NS", "5")
    monkeypatch.setenv("PUMPCTL_MQTT__PORT", "21883")
    settings = load_settings(written(tmp_path, SOUND))
    assert settings.mqtt is not None
    assert (settings.speed, settings.mqtt.host, settings.mqtt.port) == (600, "localhost", 21883)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("/var/lib/pumpctl", "state", ("state_dir: must be an absolute path",)),
        ("host =", "hots =", ("line 20", "unknown key mqtt.hots", "did you mean host?")),
        ('mode = "rig"', 'mode = "rig"\ncolour = "red"', ("line 4", "unknown key colour", "known here: instance")),
        (
            'serial = "SIM-0002"',
            'seral = "SIM-0002"',
            ("line 16", "unknown key channel.1.seral", "(1 more)", "did you mean serial?"),
        ),
        ('name = "b"', 'name = "B b"', ("line 13", "channel.1.name", "it is 'B b'")),
        ('name = "b"', 'name = "a"', ("two channels have the same name",)),
        ("socket://localhost:4001", "/dev/pump-a", ("have the same port /dev/pump-a", "only pumps of dialect new_era")),
        ("socket://localhost:4001", "rfc2217://localhost:4001", ("channel.1.port", "socket://HOST:PORT")),
        ('state_dir = "/var/lib/pumpctl"', "", ("missing key state_dir", "rig.toml shows all keys")),
        ('mode = "rig"', 'mode = "fast"', ("line 3", "mode", "'rig' or 'therapy'")),
        ('mode = "rig"', 'mode = "rig"\nspeed = 600', ("epoch_boottime_ns: missing", "clock_gettime_ns")),
        ('mode = "rig"', 'mode = "therapy"\nspeed = 600\nepoch_boottime_ns = 1', ('needs mode = "rig"',)),
        ('mode = "rig"', 'mode = "rig"\nspeed = true', ("speed", "not true or false")),
        ('mode = "rig"', 'mode = "rig"\nspeed = 0', ("speed", "greater than or equal to 1")),
        ('mode = "rig"', 'mode = "rig"\non_alarm = "ring"', ("on_alarm",)),
        ('mode = "rig"', "mode = rig", ("not TOML", "line 3")),
        ("companion", "fresenius", ("channel.0.dialect", "'companion'")),
    ],
)
def test_a_mistake_is_named_with_its_line_its_key_and_the_next_step(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    assert old in SOUND
    said = refusal(tmp_path, SOUND.replace(old, new, 1))
    assert all(word in said for word in words), said


@pytest.mark.parametrize(("content", "word"), [(b"\xff\xfe", "not UTF-8"), (b"#" * (FILE_LIMIT_BYTES + 1), "longer")])
def test_a_file_of_another_kind_is_one_line(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "rig.toml"
    path.write_bytes(content)
    with pytest.raises(Unusable, match=word):
        load_settings(path)


def test_a_missing_file_or_a_directory_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="No such file"):
        load_settings(tmp_path / "nothing.toml")
    with pytest.raises(Unusable, match="Is a directory"):
        load_settings(tmp_path)


def test_a_variable_that_cannot_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUMPCTL_CHANNEL", "not json")
    with pytest.raises(Unusable, match="PUMPCTL_"):
        load_settings(written(tmp_path, SOUND))
