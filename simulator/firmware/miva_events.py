"""What of a simulated MIVA pump's life goes into its event log, and in which words.

Refuses to change the pump: it reads what the machine has recorded since the last time. Which events a pump in the
field writes, and when, is not known (docs/dialects/miva.md section 5).
"""

from __future__ import annotations

from protocols.companion.messages import Event
from protocols.companion.vocabulary import Alarm, EventKind
from protocols.miva.record import (
    BatteryState,
    InfusionFrame,
    Occlusion,
    Record,
    RecordType,
    SystemFault,
    encode_record,
    payload_of,
)
from protocols.miva.rx import LOG_BYTES
from simulator.firmware.machine import Machine
from simulator.firmware.miva_log import EventLog
from simulator.instant import SimNow

T = RecordType
AUTHENTICATION_CODE = 1
BATTERY_ON_MAINS, BATTERY_IN_USE = 16, 32
EMPTY_CENTIVOLTS, FULL_CENTIVOLTS = 270, 450
_LEVELS = ((600, BatteryState.HIGH), (300, BatteryState.MEDIUM), (100, BatteryState.LOW))
_OCCLUSIONS = Alarm.OCCLUSION_UPSTREAM | Alarm.OCCLUSION_DOWNSTREAM
_ALARMS: dict[Alarm, tuple[RecordType, int]] = {
    Alarm.OCCLUSION_UPSTREAM: (T.OCCLUSION, Occlusion.UPSTREAM),
    Alarm.OCCLUSION_DOWNSTREAM: (T.OCCLUSION, Occlusion.DOWNSTREAM),
    Alarm.RESERVOIR_EMPTY: (T.CASSETTE_EMPTY, 0),
    Alarm.DOOR_OPEN: (T.CASSETTE_DETACHED, 0),
    Alarm.BATTERY_LOW: (T.BATTERY_LOW, 0),
    Alarm.BATTERY_EMPTY: (T.BATTERY_DEPLETED, 0),
    Alarm.MOTOR_STALL: (T.SYSTEM_ERROR, SystemFault.SLOW_MOTOR),
    Alarm.FLOW_MISMATCH: (T.SYSTEM_ERROR, SystemFault.FAST_MOTOR),
    Alarm.OVER_TEMPERATURE: (T.SYSTEM_ERROR, SystemFault.MOTOR_DRIVER),
    Alarm.SELF_TEST: (T.SYSTEM_ERROR, SystemFault.POST),
    Alarm.RESERVOIR_LOW: (T.DEBUG, 0),  # the pump knows no such alarm
    Alarm.AIR_IN_LINE: (T.DEBUG, 0),  # nor this one
}


class EventScribe:
    """Of one power-on. `vinf_ul` is what the infusion had given when it last stopped."""

    def __init__(self, machine: Machine, log: EventLog, life_ul: int, now: SimNow) -> None:
        self.vinf_ul = 0
        self._machine = machine
        self._log = log
        self._noted = 0
        self._began_ul = 0  # motor volume since power-on when the prescription came
        self._on_mains = machine.drive.conditions.on_mains
        self._clock_base_s = log.clock_s
        self._life_ul = life_ul
        self.note(now)

    def clock_s(self, now: SimNow) -> int:
        """The pump's own time; it stands while the pump is off."""
        self._log.clock_s = self._clock_base_s + self._machine.uptime_ms(now) // 1000
        return self._log.clock_s

    def note(self, now: SimNow) -> None:
        """Write down what the machine has recorded, and whether the mains came or went."""
        events = self._machine.events
        while self._noted < events.count:
            event = events.get(self._noted)
            self._noted += 1
            if event is not None:  # the machine's own ring has lost it
                self._note_one(event, now)
        on_mains = self._machine.drive.conditions.on_mains
        if on_mains is not self._on_mains:
            self._on_mains = on_mains
            self._write(T.BATTERY, payload_of(BATTERY_ON_MAINS if on_mains else BATTERY_IN_USE, self._volts(now)), now)

    def write_block(self, logged: bytes, now: SimNow) -> None:
        """A prescription as the motor control holds it."""
        self._began_ul, self.vinf_ul = self._machine.sensors.motor_ul(now.therapy_ns), 0
        self._write(T.INFUSION_DATA, bytes([InfusionFrame.BEGIN]), now)
        for start in range(0, LOG_BYTES, 16):
            self._log.append(logged[start : start + 16])
        self._write(T.INFUSION_DATA, bytes([InfusionFrame.END]), now)

    def centivolts(self, now: SimNow) -> int:
        """Of the battery, on a curve of this project's own."""
        charge_permille = self._machine.sensors.battery_permille(now.therapy_ns)
        return EMPTY_CENTIVOLTS + (FULL_CENTIVOLTS - EMPTY_CENTIVOLTS) * charge_permille // 1000

    def _note_one(self, event: Event, now: SimNow) -> None:
        match event.kind:
            case EventKind.POWER_ON:
                total_ml = self._life_ul // 100 / 10
                self._write(T.POWER_ON, payload_of(self._battery_state(now), self._volts(now), total_ml), now)
            case EventKind.CONFIRMED:
                self._write(T.AUTHENTICATION, payload_of(AUTHENTICATION_CODE), now)
            case EventKind.STARTED | EventKind.RESUMED:
                self._write(T.RUN, b"", now)
            case EventKind.PAUSED | EventKind.STOPPED:
                self.vinf_ul = max(0, event.detail - self._began_ul)
                self._write(T.PAUSED, payload_of(0, self.vinf_ul / 1000), now)
            case EventKind.ALARM_RAISED:
                for alarm in Alarm(event.detail):
                    kind, detail = _ALARMS[alarm]
                    self._write(kind, payload_of(detail), now)
            case EventKind.ALARM_CLEARED if Alarm(event.detail) & _OCCLUSIONS:
                self._write(T.OCCLUSION, payload_of(Occlusion.CLEARED), now)
            case EventKind.KEYPAD_CHANGE:
                self._write(T.SETTING_CHANGE, b"", now)
            case EventKind.PRIMED:
                self._write(T.DOSE_GRANTED, b"\x02", now)
            case EventKind.ALARM_CLEARED | EventKind.LOADED | EventKind.COMPLETED:
                return

    def _write(self, kind: RecordType, payload: bytes, now: SimNow) -> None:
        self._log.append(encode_record(Record(kind, self.clock_s(now), payload.ljust(11, b"\0"))))

    def _volts(self, now: SimNow) -> float:
        return self.centivolts(now) / 100

    def _battery_state(self, now: SimNow) -> BatteryState:
        if self._machine.drive.conditions.on_mains:
            return BatteryState.AC
        charge_permille = self._machine.sensors.battery_permille(now.therapy_ns)
        return next((state for level, state in _LEVELS if charge_permille >= level), BatteryState.CRITICAL)
