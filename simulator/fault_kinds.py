"""The table of what can go wrong with a simulated pump: one row a kind, docs/simulator.md is made from it.

Refuses to know how a kind is carried out: the plant, the firmware and the port each look up their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from protocols.companion.vocabulary import Alarm


class FaultKind(Enum):
    """Named as `pumpsim inject` and scenario files spell it."""

    OCCLUSION = "occlusion"
    UPSTREAM_OCCLUSION = "upstream_occlusion"
    SIPHON = "siphon"
    RATE_BIAS = "rate_bias"
    COMMON_BIAS = "common_bias"
    RATE_DRIFT = "rate_drift"
    RIPPLE = "ripple"
    SLACK = "slack"
    AIR = "air"
    BUBBLE = "bubble"
    EMPTY = "empty"
    WRONG_FILL = "wrong_fill"
    STALL = "stall"
    RUNAWAY = "runaway"
    DISCONNECT = "disconnect"
    HEAT = "heat"
    MAINS_LOSS = "mains_loss"
    BATTERY_DEATH = "battery_death"
    POWER_CYCLE = "power_cycle"
    UNPLUG = "unplug"
    DROP_REPLY = "drop_reply"
    IGNORE_STOP = "ignore_stop"
    DOOR = "door"

    @property
    def traits(self) -> Traits:
        return KINDS[self]

    @property
    def observable(self) -> bool:
        """By the sensors of a pump that has a flow sensor, so that detection times hold (hazards.md rule 4)."""
        return KINDS[self].seen is not Seen.NEVER

    def is_observable(self, *, has_flow_sensor: bool) -> bool:
        """By the sensors of such a pump."""
        return self.observable and (has_flow_sensor or KINDS[self].seen is not Seen.BY_FLOW_SENSOR)


class Hits(Enum):
    """Where it goes wrong: in what the pump does, in what it says, on the link, or by a hand at the pump."""

    PHYSICS = "physics"
    REPORTING = "reporting"
    LINK = "link"
    PERSON = "person"


class Lasts(Enum):
    """Until healed (or for its time), a number of times, or at one instant: then healing changes nothing more."""

    UNTIL_HEALED = "until healed"
    COUNTED = "counted"
    AT_ONCE = "at once"


class Seen(Enum):
    """Whether the pump's own sensors tell it apart from a sound pump."""

    ALWAYS = "yes"
    BY_FLOW_SENSOR = "with a flow sensor"
    NEVER = "no"


@dataclass(frozen=True, slots=True)
class Size:
    """How much: whole numbers of `unit`."""

    unit: str
    default: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Which one, by name; 0 is the first."""

    names: tuple[str, ...]
    default: int = 0


@dataclass(frozen=True, slots=True)
class Traits:
    """One row of the table. `hazards`: rows of the hazard list that it serves."""

    hits: Hits
    lasts: Lasts
    seen: Seen
    hazards: tuple[str, ...]
    what: str
    by: Size | Choice | None = None


_P, _R, _L, _H = Hits.PHYSICS, Hits.REPORTING, Hits.LINK, Hits.PERSON
_HEALED, _COUNTED, _ONCE = Lasts.UNTIL_HEALED, Lasts.COUNTED, Lasts.AT_ONCE
_YES, _METER, _NO = Seen.ALWAYS, Seen.BY_FLOW_SENSOR, Seen.NEVER
K = FaultKind

KINDS: dict[FaultKind, Traits] = {
    K.OCCLUSION: Traits(_P, _HEALED, _YES, ("H07", "H09"), "the line is closed downstream of the pressure sensor"),
    K.UPSTREAM_OCCLUSION: Traits(
        _P, _HEALED, _YES, ("H08",), "the clamp at the bag is closed: motor and encoder turn, no fluid comes"
    ),
    K.SIPHON: Traits(
        _P, _HEALED, _METER, ("H06",), "free flow through the pump without a motor step", Size("uL/h", 20_000, 1, 10**7)
    ),
    K.RATE_BIAS: Traits(
        _P, _HEALED, _METER, ("H02", "H05"), "each step moves more, or less", Size("permille", 80, -400, 900)
    ),
    K.COMMON_BIAS: Traits(
        _P,
        _HEALED,
        _NO,
        ("H02", "H05"),
        "each step moves more, or less, and all counters agree on the wrong volume",
        Size("permille", 80, -400, 900),
    ),
    K.RATE_DRIFT: Traits(
        _P, _HEALED, _METER, ("H02", "H05"), "the rate error grows, each hour by so much", Size("permille", 60, 1, 900)
    ),
    K.RIPPLE: Traits(
        _P,
        _HEALED,
        _NO,
        ("H04",),
        "flow swings with each motor revolution, its mean is right",
        Size("permille", 100, 1, 500),
    ),
    K.SLACK: Traits(
        _P, _ONCE, _METER, ("H18",), "a fresh set: so much motor travel moves no fluid", Size("uL", 200, 1, 10_000)
    ),
    K.AIR: Traits(_P, _HEALED, _YES, ("H10",), "air stands at the sensor"),
    K.BUBBLE: Traits(
        _P, _ONCE, _YES, ("H10",), "a bubble passes; the detector adds up 15 min", Size("uL", 150, 1, 10_000)
    ),
    K.EMPTY: Traits(_P, _HEALED, _YES, ("H12",), "the bag holds nothing. Healed: a full bag hangs there"),
    K.WRONG_FILL: Traits(
        _P,
        _HEALED,
        _YES,
        ("H11", "H12"),
        "the bag holds so much, the pump believes otherwise. Healed: a full bag hangs there",
        Size("uL", 5_000, 0, 250_000),
    ),
    K.STALL: Traits(_P, _HEALED, _YES, ("H04", "H17"), "the rotor does not follow its steps"),
    K.RUNAWAY: Traits(
        _P,
        _HEALED,
        _YES,
        ("H03",),
        "a turning motor runs at so much of its speed and ignores its controller, up to the pump's own cut-off",
        Size("permille", 2_000, 1_001, 10_000),
    ),
    K.DISCONNECT: Traits(
        _P, _HEALED, _YES, ("H14",), "the line is off the patient: pressure falls, the volume runs on the floor"
    ),
    K.HEAT: Traits(_P, _HEALED, _YES, ("H17",), "the surroundings have this temperature", Size("C", 70, -20, 150)),
    K.MAINS_LOSS: Traits(_P, _HEALED, _YES, ("H63",), "on battery"),
    K.BATTERY_DEATH: Traits(
        _P, _HEALED, _YES, ("H59", "H63"), "supply and battery are dead without a warning. Healed: a full battery"
    ),
    K.POWER_CYCLE: Traits(_P, _HEALED, _YES, ("H58", "H59", "H45"), "power off, and on again by itself after 1 s"),
    K.UNPLUG: Traits(_L, _HEALED, _YES, ("H52",), "the companion's cable is out"),
    K.DROP_REPLY: Traits(_L, _COUNTED, _YES, ("H54", "H55"), "the next requests are carried out and not answered"),
    K.IGNORE_STOP: Traits(_L, _COUNTED, _YES, ("H03", "H56"), "the next STOPs are not seen"),
    K.DOOR: Traits(_H, _HEALED, _YES, ("H15",), "the door is open"),
}
ALARM_NAMES = tuple(str(alarm.name).lower() for alarm in Alarm)
