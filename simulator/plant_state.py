"""What acts on the machine and the fluid, and what they are at an instant.

Refuses to know how one leads to the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator import thermal


@dataclass(frozen=True, slots=True)
class Conditions:
    """What acts on the plant; each lasts until changed. The first four are the pump's own doing."""

    interval: int = 0  # 0: the motor is not driven
    stop_position: int = 0  # the motor control's own comparator: no step beyond it
    connected: bool = True  # False while a person primes the line into the air
    powered: bool = True
    stalled: bool = False
    occluded: bool = False
    upstream_closed: bool = False
    disconnected: bool = False
    on_mains: bool = True
    supply_dead: bool = False
    air_at_sensor: bool = False  # the two only sensors see
    door_open: bool = False
    siphon_ul_h: int = 0
    bias_permille: int = 0
    drift_permille: int = 0  # as far as it has come
    common_bias_permille: int = 0  # the flow sensor shares it
    ripple_permille: int = 0
    runaway_permille: int = 0  # 0: the motor obeys
    ambient_c: int = thermal.ROOM_C

    @property
    def charges(self) -> bool:
        """Whether the battery is kept full."""
        return self.on_mains and not self.supply_dead

    @property
    def error_permille(self) -> int:
        """What a step moves beside its nominal volume, on top of the profile's own error."""
        return self.bias_permille + self.drift_permille + self.common_bias_permille


@dataclass(slots=True)
class PlantState:
    """Made anew for each look and never changed; not frozen, because that costs more than all of its arithmetic.

    Positions in 2**-20 steps, volumes in uL. Fluid conservation: entered = delivered + spilled + stored.
    """

    motor_position: int
    rotor_position: int
    excess_position: int  # turned by a runaway motor beyond what its controller asked for
    slack_left_ul: float
    content_ul: float
    dry_ul: float  # turned by the rotor with nothing left in the bag
    void_ul: float  # turned by the rotor against a closed clamp
    entered_line_ul: float
    metered_ul: float  # by the flow sensor
    stored_ul: float
    delivered_ul: float
    spilled_ul: float
    charge_permille: float
    temperature_c: float
