"""The settings file: TOML, overridden by PUMPCTL_* variables, refused as a whole when any key is wrong.

Refuses to know what the settings do. An unknown key is never skipped: it may be the misspelt one that mattered.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from pumpctl.guard.wire import CHANNEL_LIMIT
from pumpctl.shell.home_assistant_settings import HomeAssistantSettings
from pumpctl.shell.line_settings import why_not_together
from pumpctl.shell.metrics_settings import MetricsSettings
from pumpctl.shell.mqtt_settings import MqttSettings
from pumpctl.shell.new_era_settings import NewEraSettings, may_be_simulated
from pumpctl.shell.unusable import Unusable

FILE_LIMIT_BYTES = 262_144  # as many channels as there may be, with every key
STATE_DIR_LIMIT_BYTES = 90  # a socket's path has at most 107 bytes, and its name comes after this
ENV_PREFIX = "PUMPCTL_"
TAKE_AN_EPOCH = 'python3 -c "import time; print(time.clock_gettime_ns(time.CLOCK_BOOTTIME))"'


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 (pydantic wants ValueError)
    return value


def _is_port(value: str) -> str:
    """rfc2217:// has no descriptor that the guard could share; ser2net's raw mode serves socket://."""
    if "://" in value and not re.fullmatch(r"socket://[^/\s]+:[0-9]{1,5}", value):
        raise ValueError("must be the path of a tty, or socket://HOST:PORT")
    return value


Number = Annotated[int, BeforeValidator(_not_bool)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Port = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_is_port)]


class ChannelSettings(BaseModel):
    """One pump. `serial` is the number it must answer with before anything is sent to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    dialect: Literal["companion", "alaris", "miva", "new_era"]
    port: Port
    serial: Annotated[str, Field(min_length=1, max_length=16)]
    patient_id: Annotated[str, Field(min_length=1, max_length=64)]
    baud: Annotated[Number, Field(ge=300, le=4_000_000)] = 115_200
    battery_life_h: Annotated[Number, Field(ge=1, le=10_000)] = 24
    firmware: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)] | None = None
    new_era: NewEraSettings | None = None

    @model_validator(mode="after")
    def _has_what_its_dialect_needs(self) -> ChannelSettings:
        if (self.dialect == "new_era") is (self.new_era is None):
            raise ValueError("new_era: the table [channel.new_era] belongs to that dialect, and to no other")
        if self.simulated_only and not may_be_simulated(self.port):
            raise ValueError("new_era.simulated: only of a pseudo-terminal, or socket:// to this host")
        return self

    @property
    def simulated_only(self) -> bool:
        """A pump without a serial number that is declared simulated: the port must not lead to any other."""
        return self.new_era is not None and self.new_era.simulated


class StatusLineSettings(BaseModel):
    """A second serial port on which each state is written as a line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Port
    baud: Annotated[Number, Field(ge=300, le=4_000_000)] = 115_200


class Settings(BaseSettings):
    """All that a person tells the daemon."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    instance: Name = "pumpctl"
    state_dir: Path
    mode: Mode
    speed: Annotated[Number, Field(ge=1, le=10_000)] = 1
    epoch_boottime_ns: Annotated[Number, Field(ge=0)] | None = None
    library: Path | None = None
    channel: Annotated[tuple[ChannelSettings, ...], Field(min_length=1, max_length=CHANNEL_LIMIT)]
    mqtt: MqttSettings | None = None
    home_assistant: HomeAssistantSettings | None = None
    status_line: StatusLineSettings | None = None
    metrics: MetricsSettings | None = None
    on_alarm: Annotated[tuple[str, ...], Field(min_length=1, max_length=32)] | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (the library's signature)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the library's signature)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the library's signature)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """A variable wins over the file, which arrives as keyword arguments; there is no third source."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _belongs_together(self) -> Settings:
        if not self.state_dir.is_absolute():
            raise ValueError("state_dir: must be an absolute path, so that `pumpctl stop` finds it from anywhere")
        if len(os.fsencode(self.state_dir)) > STATE_DIR_LIMIT_BYTES:
            raise ValueError("state_dir: too long for the sockets in it")
        names = [channel.name for channel in self.channel]
        if len(set(names)) < len(names):
            raise ValueError("channel: two channels have the same name")
        if (refusal := why_not_together(self.channel)) is not None:
            raise ValueError(refusal)
        if self.home_assistant is not None and self.mqtt is None:
            raise ValueError("home_assistant: it is told by MQTT: add the table [mqtt]")
        if self.speed != 1 and self.mode is not Mode.RIG:
            raise ValueError('speed: other than 1 it needs mode = "rig"; no patient lives faster')
        if self.speed != 1 and self.epoch_boottime_ns is None:
            wanted = "the daemon and the simulator must share it, also after a restart"
            raise ValueError(
                f"epoch_boottime_ns: missing with speed {self.speed}: {wanted}; take one with {TAKE_AN_EPOCH}"
            )
        return self

    def for_controller(self) -> ControllerConfiguration:
        """What decisions are made on."""
        channels = tuple(
            ChannelConfiguration(
                c.name,
                c.dialect,
                c.serial,
                c.patient_id,
                c.battery_life_h,
                c.firmware,
                c.new_era.setup() if c.new_era is not None else None,
                c.port if sum(c.port == other.port for other in self.channel) > 1 else "",
            )
            for c in self.channel
        )
        return ControllerConfiguration(self.mode, self.speed, channels)


def load_settings(path: Path) -> Settings:
    """Read and judge the file. Raises Unusable with file, line, key, reason and next step."""
    text = _text(path)
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unusable(f"settings {path}: not TOML: {error}", "correct the file") from None
    try:
        settings = Settings(**content)
    except ValidationError as error:
        raise _refusal(path, text, error) from None
    except SettingsError as error:
        raise Unusable(f"settings: {error}", f"correct or remove the {ENV_PREFIX}... variable") from None
    folder = path.resolve().parent
    library = settings.library and folder / settings.library
    mqtt = settings.mqtt and settings.mqtt.below(folder)
    return settings.model_copy(update={"library": library, "mqtt": mqtt})


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise Unusable(f"settings {path}: {error.strerror}", "name a readable file with --config") from None
    if len(content) > FILE_LIMIT_BYTES:
        raise Unusable(f"settings {path}: longer than {FILE_LIMIT_BYTES} bytes", "name a settings file with --config")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Unusable(f"settings {path}: not UTF-8 text", "name a settings file with --config") from None


def _refusal(path: Path, text: str, error: ValidationError) -> Unusable:
    """One thing wrong, in words; how many more there are. A misspelt key is also a missing one: it goes first."""
    errors = error.errors(include_url=False)
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    location = first["loc"]
    key = ".".join(str(part) for part in location)
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    line = _line_of(text, location)
    where = f"settings {path}{f', line {line}' if line else ''}"
    told = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "extra_forbidden":
            return Unusable(f"{where}: unknown key {key}{more}", _did_you_mean(location))
        case "missing":
            return Unusable(
                f"{where}: missing key {key}{more}", "add it; deploy/examples/settings/rig.toml shows all keys"
            )
        case "value_error" if isinstance(first["input"], dict):  # two keys that do not go together
            what = f"{key}: {told}" if key else told
            return Unusable(f"{where}: {what}{more}", "correct the file")
        case _:
            return Unusable(f"{where}: {key}: {told}{more}", f"correct it (it is {first['input']!r})")


def _did_you_mean(location: tuple[int | str, ...]) -> str:
    models: dict[str, type[BaseModel]] = {
        "channel": ChannelSettings,
        "mqtt": MqttSettings,
        "home_assistant": HomeAssistantSettings,
        "status_line": StatusLineSettings,
        "metrics": MetricsSettings,
    }
    model = Settings if len(location) == 1 else models.get(str(location[0]), Settings)
    known = list(cast("dict[str, Any]", model.model_fields))
    near = difflib.get_close_matches(str(location[-1]), known, 1)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"


def _line_of(text: str, location: tuple[int | str, ...]) -> int | None:
    """The line of the key as people see it: the n-th [[table]] or the [table] first, then `key =` below it."""
    lines = text.splitlines()
    start, names = 0, [str(part) for part in location if isinstance(part, str)]
    ordinal = next((part for part in location if isinstance(part, int)), 0)
    if len(names) > 1:
        header = re.compile(rf"\s*\[\[?\s*{re.escape(names[0])}\s*\]\]?")
        headers = [number for number, line in enumerate(lines) if header.match(line)]
        start = headers[ordinal] + 1 if ordinal < len(headers) else 0
    for number, line in enumerate(lines[start:], start + 1):
        if names and re.match(rf"\s*\[?\[?\s*{re.escape(names[-1])}\s*(=|\])", line):
            return number
    return start or None
