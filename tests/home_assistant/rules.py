"""Home Assistant's rules of MQTT device discovery (2026.2), as far as our messages use them.

Refuses to know how our messages are made: written from the rules alone. Stricter than Home Assistant in one thing: a
key that it would silently drop is refused here, for it may be the misspelt one that mattered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

TOPIC = re.compile(r"(?P<prefix>[^+#]+)/device/(?:(?P<node>[a-zA-Z0-9_-]+)/)?(?P<object>[a-zA-Z0-9_-]+)/config")
# What a component takes over from the root, unless it says otherwise.
SHARED = (
    "availability",
    "availability_mode",
    "availability_topic",
    "availability_template",
    "payload_available",
    "payload_not_available",
    "command_topic",
    "state_topic",
    "qos",
    "encoding",
)
# Units and state classes of the device classes that we use, and of the one that we must not.
UNITS: dict[str, frozenset[str]] = {
    "battery": frozenset({"%"}),
    "pressure": frozenset({"bar", "cbar", "hPa", "inHg", "inH₂O", "kPa", "mbar", "mmHg", "Pa", "psi"}),
    "volume": frozenset({"L", "mL", "m³", "ft³", "CCF", "MCF", "gal", "fl. oz."}),
    "volume_storage": frozenset({"L", "mL", "m³", "ft³", "CCF", "MCF", "gal", "fl. oz."}),
    "volume_flow_rate": frozenset(
        {"m³/h", "m³/min", "m³/s", "ft³/min", "L/h", "L/min", "L/s", "gal/h", "gal/min", "gal/d", "mL/s"}
    ),
    "weight": frozenset({"kg", "g", "mg", "µg", "oz", "lb", "st"}),
}
STATE_CLASSES: dict[str, frozenset[str]] = {
    "battery": frozenset({"measurement"}),
    "pressure": frozenset({"measurement"}),
    "volume": frozenset({"total", "total_increasing"}),
    "volume_storage": frozenset({"measurement"}),
    "volume_flow_rate": frozenset({"measurement"}),
    "weight": frozenset({"measurement", "total", "total_increasing"}),
}
WITHOUT_UNIT = ("enum", "timestamp")

Text: TypeAlias = Annotated[str, Field(min_length=1)]
Seconds: TypeAlias = Annotated[int, Field(gt=0)]
Topic: TypeAlias = Annotated[str, Field(pattern=r"^[^+#\x00]+$", max_length=65_535)]


class Strict(BaseModel):
    """No key too many, and no value that would have to be turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Availability(Strict):
    """One entry of the list."""

    topic: Topic
    payload_available: Text = "online"
    payload_not_available: Text = "offline"
    value_template: Text | None = None


class Shared(Strict):
    """What may stand at the root and at a component."""

    availability: Annotated[list[Availability], Field(min_length=1)] | None = None
    availability_mode: Literal["all", "any", "latest"] = "latest"
    availability_topic: Topic | None = None
    availability_template: Text | None = None
    payload_available: Text | None = None
    payload_not_available: Text | None = None
    qos: Literal[0, 1, 2] = 0
    encoding: str = "utf-8"

    @model_validator(mode="after")
    def _one_form_of_availability(self) -> Shared:
        if self.availability is not None and self.availability_topic is not None:
            raise ValueError("availability and availability_topic exclude each other")
        return self


class Device(Strict):
    """Needs something that it is known by."""

    identifiers: list[Text] = []
    connections: list[Annotated[list[Text], Field(min_length=2, max_length=2)]] = []
    name: Text | None = None
    manufacturer: Text | None = None
    model: Text | None = None
    model_id: Text | None = None
    serial_number: Text | None = None
    sw_version: Text | None = None
    hw_version: Text | None = None
    suggested_area: Text | None = None

    @model_validator(mode="after")
    def _is_known_by_something(self) -> Device:
        if not self.identifiers and not self.connections:
            raise ValueError("a device needs identifiers or connections")
        return self


class Origin(Strict):
    """Who sends this; required of device discovery."""

    name: Text
    sw_version: Text | None = None
    support_url: Annotated[str, Field(pattern=r"^https?://")] | None = None


class Entity(Shared):
    """What every component of ours has."""

    unique_id: Text
    name: Text | None = None
    default_entity_id: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z0-9]+(_[a-z0-9]+)*$")] | None = None
    entity_category: Literal["diagnostic", "config"] | None = None
    icon: Annotated[str, Field(pattern=r"^[a-z]+:[a-z0-9-]+$")] | None = None
    value_template: Text | None = None
    json_attributes_topic: Topic | None = None


class Shown(Entity):
    """A component that shows a state, and may forget it."""

    state_topic: Topic
    expire_after: Seconds | None = None


class Sensor(Shown):
    """A value, with a unit that its device class knows."""

    platform: Literal["sensor"]
    device_class: (
        Literal["battery", "enum", "pressure", "timestamp", "volume", "volume_flow_rate", "volume_storage", "weight"]
        | None
    ) = None
    state_class: Literal["measurement", "total", "total_increasing"] | None = None
    unit_of_measurement: Text | None = None
    options: Annotated[list[Text], Field(min_length=1)] | None = None
    suggested_display_precision: Annotated[int, Field(ge=0)] | None = None

    @field_validator("options")
    @classmethod
    def _once_each(cls, options: list[str] | None) -> list[str] | None:
        if options is not None and len(set(options)) < len(options):
            raise ValueError("an option stands twice")
        return options

    @model_validator(mode="after")
    def _units_and_classes_belong_together(self) -> Sensor:
        if (self.device_class == "enum") is (self.options is None):
            raise ValueError("options belong to the device class enum, and enum needs them")
        if self.device_class in WITHOUT_UNIT and (self.unit_of_measurement or self.state_class):
            raise ValueError(f"{self.device_class} has neither unit nor state class")
        if self.device_class in UNITS and self.unit_of_measurement not in UNITS[self.device_class]:
            raise ValueError(f"{self.unit_of_measurement} is no unit of {self.device_class}")
        if self.device_class in STATE_CLASSES and self.state_class is not None:
            allowed = STATE_CLASSES[self.device_class]
            if self.state_class not in allowed:
                raise ValueError(f"{self.device_class} goes with {sorted(allowed)}, not with {self.state_class}")
        return self


class BinarySensor(Shown):
    """On or off."""

    platform: Literal["binary_sensor"]
    device_class: Literal["connectivity", "problem", "running", "safety"] | None = None
    payload_on: Text = "ON"
    payload_off: Text = "OFF"
    off_delay: Seconds | None = None

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> BinarySensor:
        if self.payload_on == self.payload_off:
            raise ValueError("on and off are the same")
        return self


class Event(Entity):
    """Something that happened; its message holds `event_type`. It cannot expire."""

    platform: Literal["event"]
    state_topic: Topic
    event_types: Annotated[list[Text], Field(min_length=1)]

    @field_validator("event_types")
    @classmethod
    def _once_each(cls, types: list[str]) -> list[str]:
        if len(set(types)) < len(types):
            raise ValueError("an event type stands twice")
        return types


class Button(Entity):
    """Here so that its rule can be tested: ours has none."""

    platform: Literal["button"]
    command_topic: Topic
    state_topic: Topic | None = None  # taken over from the root, and of no use to it
    payload_press: Text = "PRESS"


AnyEntity: TypeAlias = Sensor | BinarySensor | Event | Button
ENTITY: TypeAdapter[AnyEntity] = TypeAdapter(Annotated[AnyEntity, Field(discriminator="platform")])


class Discovery(Shared):
    """The whole message, its components still as they came."""

    state_topic: Topic | None = None
    command_topic: Topic | None = None
    device: Device
    origin: Origin
    components: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]


def read(topic: str, payload: Mapping[str, Any]) -> dict[str, AnyEntity]:
    """The entities by the keys of their components, or ValueError (pydantic's ValidationError is one)."""
    if TOPIC.fullmatch(topic) is None:
        raise ValueError(f"not a topic of device discovery: {topic}")
    discovery = Discovery.model_validate(payload)
    shared = {key: payload[key] for key in SHARED if key in payload}
    entities = {key: _entity({**shared, **component}) for key, component in discovery.components.items()}
    unique_ids = [(entity.platform, entity.unique_id) for entity in entities.values()]
    if len(set(unique_ids)) < len(unique_ids):
        raise ValueError("two components have one unique_id")
    return entities


def _entity(component: dict[str, Any]) -> AnyEntity:
    if "p" in component:
        component["platform"] = component.pop("p")
    entity = ENTITY.validate_python(component)
    wanted = entity.default_entity_id
    if wanted is not None and wanted.split(".")[0] != entity.platform:
        raise ValueError(f"{wanted}: default_entity_id begins with another platform")
    return entity
