"""The motor control: driven to a position at an interval, or halted. What the motor makes of it is the plant's.

Refuses to know programs and states.
"""

from __future__ import annotations

from dataclasses import replace

from simulator import motor
from simulator.firmware.sensors import Sensors
from simulator.instant import SimNow
from simulator.physics import Plant
from simulator.plant_state import Conditions
from simulator.profile import PumpProfile


class Drive:
    """Of one power-on."""

    def __init__(self, profile: PumpProfile, plant: Plant, sensors: Sensors, link_ns: int) -> None:
        self.still_since_ns = link_ns
        self._profile = profile
        self._plant = plant
        self._sensors = sensors

    def run(self, now: SimNow, interval: int, stop_position: int) -> None:
        """Until the comparator's position, in plant coordinates."""
        self._sensors.set_lag_zero(now.therapy_ns)
        driven = replace(self._plant.conditions, interval=interval, stop_position=stop_position)
        self._plant.change(now.therapy_ns, driven)

    def dispense(self, now: SimNow, volume_ul: int, flow_ul_h: int) -> None:
        """So much from here."""
        stop_position = self.position(now) + motor.position_of_volume(volume_ul, self._profile.steps_per_ul)
        self.run(now, motor.interval_of_flow(flow_ul_h, self._profile.steps_per_ul), stop_position)

    def halt(self, now: SimNow) -> None:
        """No further step is asked for."""
        if self.is_driven:
            self._plant.change(now.therapy_ns, replace(self._plant.conditions, interval=0))
            self.still_since_ns = now.link_ns

    def connect(self, now: SimNow, *, connected: bool) -> None:
        """Whether somebody is at the other end of the line, as a person has said."""
        self._plant.change(now.therapy_ns, replace(self._plant.conditions, connected=connected))

    @property
    def conditions(self) -> Conditions:
        return self._plant.conditions

    @property
    def is_driven(self) -> bool:
        return self._plant.conditions.interval != 0

    def is_turning(self, at_ns: int) -> bool:
        """By its steps, whoever asks for them."""
        return self._plant.turning_interval(at_ns) != 0

    def position(self, now: SimNow) -> int:
        return self._plant.at(now.therapy_ns).motor_position

    def has_arrived(self, now: SimNow) -> bool:
        """Whether the comparator's position is reached, or passed by a motor that does not obey."""
        return self.is_driven and self.position(now) >= self._plant.conditions.stop_position

    def arrives_ns(self) -> int | None:
        """When it will be."""
        return self._plant.outlook.motor_reaches_ns(self._plant.conditions.stop_position) if self.is_driven else None

    def commanded_flow_ul_h(self) -> int:
        return motor.flow_of_interval(self._plant.conditions.interval, self._profile.steps_per_ul)
