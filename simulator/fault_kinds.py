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
    KVO = "kvo"
    HEAT = "heat"
    MAINS_LOSS = "mains_loss"
    BATTERY_DEATH = "battery_death"
    POWER_CYCLE = "power_cycle"
    BROWN_OUT = "brown_out"
    CLOCK_DRIFT = "clock_drift"
    SAY_STOPPED = "say_stopped"
    SAY_INFUSING = "say_infusing"
    STATUS_LAG = "status_lag"
    STATUS_FREEZE = "status_freeze"
    VOLUME_FREEZE = "volume_freeze"
    VOLUME_DROP = "volume_drop"
    COUNTER_RESET = "counter_reset"
    COUNTER_RUNAWAY = "counter_runaway"
    COUNTER_FREEZE = "counter_freeze"
    COUNTER_DOUBLE = "counter_double"
    COUNTER_ZERO = "counter_zero"
    COUNTER_SWAP = "counter_swap"
    READ_BACK = "read_back"
    SPURIOUS_ALARM = "spurious_alarm"
    STUCK_ALARM = "stuck_alarm"
    EVENT_WRAP = "event_wrap"
    OTHER_SERIAL = "other_serial"
    BUSY = "busy"
    DOUBLE_START = "double_start"
    UNPLUG = "unplug"
    DROP_REPLY = "drop_reply"
    DROP_START_ACK = "drop_start_ack"
    IGNORE_STOP = "ignore_stop"
    BABBLE = "babble"
    DOOR = "door"
    KEYPAD_RATE = "keypad_rate"
    KEYPAD_BOLUS = "keypad_bolus"

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


ALARM_NAMES = tuple(str(alarm.name).lower() for alarm in Alarm)
COUNTER_NAMES = ("motor", "encoder", "flow")
READ_BACK_FIELDS = ("flow_ul_h", "vtbi_ul", "flow_limit_ul_h", "kvo_ul_h", "lease_ms", "dose_ug")

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
    K.KVO: Traits(
        _P, _HEALED, _YES, ("H16",), "the motor is set to run on after VTBI, and does", Size("uL/h", 1_000, 1, 65_535)
    ),
    K.HEAT: Traits(_P, _HEALED, _YES, ("H17",), "the surroundings have this temperature", Size("C", 70, -20, 150)),
    K.MAINS_LOSS: Traits(_P, _HEALED, _YES, ("H63",), "on battery"),
    K.BATTERY_DEATH: Traits(
        _P, _HEALED, _YES, ("H59", "H63"), "supply and battery are dead without a warning. Healed: a full battery"
    ),
    K.POWER_CYCLE: Traits(_P, _HEALED, _YES, ("H58", "H59", "H45"), "power off, and on again by itself after 1 s"),
    K.BROWN_OUT: Traits(_P, _ONCE, _YES, ("H58",), "memory is lost, the pump is back within 100 ms"),
    K.CLOCK_DRIFT: Traits(
        _P, _HEALED, _YES, ("H43",), "the pump's own clock is fast, or slow", Size("permille", 50, -500, 500)
    ),
    K.SAY_STOPPED: Traits(_R, _HEALED, _YES, ("H03", "H13"), "says stopped, without a program, while it infuses"),
    K.SAY_INFUSING: Traits(_R, _HEALED, _YES, ("H04", "H13"), "says infusing, as it last did, while it does not"),
    K.STATUS_LAG: Traits(_R, _HEALED, _YES, ("H54", "H66"), "the status told is so old", Size("ms", 5_000, 1, 600_000)),
    K.STATUS_FREEZE: Traits(_R, _HEALED, _YES, ("H54", "H66"), "the same status each time, uptime and all"),
    K.VOLUME_FREEZE: Traits(_R, _HEALED, _YES, ("H04", "H13"), "all volumes stand, all else goes on"),
    K.VOLUME_DROP: Traits(
        _R, _ONCE, _YES, ("H13",), "all volumes show so much less from now on", Size("uL", 500, 1, 100_000)
    ),
    K.COUNTER_RESET: Traits(_R, _ONCE, _YES, ("H13", "H58"), "all volumes begin anew at 0, the boot counter does not"),
    K.COUNTER_RUNAWAY: Traits(
        _R, _HEALED, _YES, ("H03", "H13"), "the motor's counter runs ahead", Size("permille", 500, 1, 10_000)
    ),
    K.COUNTER_FREEZE: Traits(_R, _HEALED, _YES, ("H13",), "one counter stands", Choice(COUNTER_NAMES, 1)),
    K.COUNTER_DOUBLE: Traits(_R, _HEALED, _YES, ("H13",), "one counter counts twice", Choice(COUNTER_NAMES)),
    K.COUNTER_ZERO: Traits(_R, _HEALED, _YES, ("H13",), "one counter shows 0", Choice(COUNTER_NAMES, 1)),
    K.COUNTER_SWAP: Traits(_R, _HEALED, _NO, ("H13",), "motor, encoder and flow counter take each other's place"),
    K.READ_BACK: Traits(
        _R,
        _HEALED,
        _YES,
        ("H01",),
        "the read-back has one value one step higher, its digest fits",
        Choice(READ_BACK_FIELDS),
    ),
    K.SPURIOUS_ALARM: Traits(
        _R, _HEALED, _YES, ("H61",), "an alarm bit shows that nothing has raised", Choice(ALARM_NAMES, 11)
    ),
    K.STUCK_ALARM: Traits(_R, _HEALED, _YES, ("H19", "H61"), "no alarm bit told is ever told cleared"),
    K.EVENT_WRAP: Traits(
        _R, _ONCE, _YES, ("H61",), "so many idle events push the older ones out", Size("events", 256, 1, 10_000)
    ),
    K.OTHER_SERIAL: Traits(
        _R, _HEALED, _YES, ("H24", "H25"), "comes back from a power cycle with another serial number"
    ),
    K.BUSY: Traits(_R, _HEALED, _YES, ("H56",), "refuses every request but STOP"),
    K.DOUBLE_START: Traits(_R, _HEALED, _YES, ("H29",), "takes the same START again, for the whole program again"),
    K.UNPLUG: Traits(_L, _HEALED, _YES, ("H52",), "the companion's cable is out"),
    K.DROP_REPLY: Traits(_L, _COUNTED, _YES, ("H54", "H55"), "the next requests are carried out and not answered"),
    K.DROP_START_ACK: Traits(
        _L, _COUNTED, _YES, ("H29", "H55"), "the next STARTs are carried out, their answer is lost"
    ),
    K.IGNORE_STOP: Traits(_L, _COUNTED, _YES, ("H03", "H56"), "the next STOPs are not seen"),
    K.BABBLE: Traits(
        _L,
        _HEALED,
        _YES,
        ("H57",),
        "garbage between the frames, in ten bursts a second",
        Size("B/s", 1_000, 10, 10_000),
    ),
    K.DOOR: Traits(_H, _HEALED, _YES, ("H15",), "the door is open"),
    K.KEYPAD_RATE: Traits(
        _H,
        _ONCE,
        _YES,
        ("H60",),
        "another rate at the keypad, in parts of the present one",
        Size("permille", 500, 1, 10_000),
    ),
    K.KEYPAD_BOLUS: Traits(_H, _ONCE, _YES, ("H20",), "a purge at the keypad", Size("uL", 300, 1, 5_000)),
}
