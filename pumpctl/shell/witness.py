"""What a turn of the loop says of the daemon and its pumps: events and effects in, figures out.

Refuses to know what was commanded: flows and volumes are those of the state payload, which holds what was read, and
nothing of them is left when nobody has told it for a while. Core and supervision know nothing of this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import NS_PER_S
from pumpctl.effects import Effect, Publish, Record, Refuse, WritePump
from pumpctl.events import Event, GuardChanged, Json, PumpBytes, Recorded, RecordFailed
from pumpctl.shell import metric_table as m
from pumpctl.shell.figures import Figures
from pumpctl.supervision.channel import Link

STALE_NS = 5 * NS_PER_S  # a state is told each second, whatever happens: five missed, and nobody knows
WAITING_RECORDS = 1024  # the journal's own queue is not longer

# Metric, key of the state payload, what one unit of it is: of the pump's last status, and only while the link is up.
_READ = (
    (m.RATE, "flow_ml_h", 1),
    (m.DOSE_RATE, "dose_rate_mg_min", 1),
    (m.PRESSURE, "pressure_mmhg", 1),
    (m.RESERVOIR, "reservoir_ml", 1),
    (m.BATTERY, "battery_percent", 0.01),
)
_OF_STATE = (m.PUMP_INFO, m.STATE, m.LINK, m.DELIVERED, m.ALARM_ACTIVE, m.LATCHED, *(metric for metric, *_ in _READ))


class MqttFigures(Protocol):
    """What the MQTT link says of itself."""

    @property
    def connected(self) -> bool: ...
    @property
    def refused(self) -> int: ...
    @property
    def waiting(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """What no effect says and is asked for at each scrape. `noise`: by channel and reason."""

    noise: Callable[[], Mapping[str, Mapping[str, int]]]
    mqtt: MqttFigures | None


class Witness:
    """Counts into `figures`. `boottime` counts while the host sleeps: what was told before that is old."""

    def __init__(
        self, figures: Figures, dialects: Mapping[str, str], sources: Sources, boottime: Callable[[], int]
    ) -> None:
        self._figures = figures
        self._dialects = dialects
        self._sources = sources
        self._boottime = boottime
        self._asked_s: dict[str, float] = {}  # by channel: the last question that nothing has answered yet
        self._stopping_s: dict[str, float] = {}  # by channel: since when a stop is not proven
        self._records: deque[tuple[int, float]] = deque(maxlen=WAITING_RECORDS)
        self._told: dict[str, tuple[int, int | None]] = {}  # by channel: boottime of its payload, age of its status
        figures.set(m.JOURNAL_FAILED, 0)

    def note(self, event: Event | None, effects: tuple[Effect, ...], began_s: float, now_s: float) -> None:
        """One turn: what came (None at the start), what went out, when it began and when it was over."""
        self._figures.observe(m.TURN, now_s - began_s)
        self._note_event(event, began_s)
        for effect in effects:
            self._note_effect(effect, began_s, now_s)

    def look(self) -> None:
        """Before a scrape: ages, what has become stale, and what no effect says."""
        now_ns = self._boottime()
        for channel, (told_ns, age_ms) in self._told.items():
            self._note_age(channel, told_ns, age_ms, now_ns)
        for channel, reasons in self._sources.noise().items():
            for reason, count in reasons.items():
                self._figures.set(m.FRAMES_BAD, count, channel, reason.replace(" ", "_"))
        self._figures.set(m.JOURNAL_WAITING, len(self._records))
        self._note_mqtt(self._sources.mqtt)

    def _note_event(self, event: Event | None, began_s: float) -> None:
        match event:
            case PumpBytes(channel):
                if (asked_s := self._asked_s.pop(channel, None)) is not None:
                    self._figures.observe(m.SERIAL_RTT, began_s - asked_s, channel)
            case Recorded(seq):
                while self._records and self._records[0][0] <= seq:
                    self._figures.observe(m.JOURNAL_SYNC, began_s - self._records.popleft()[1])
            case RecordFailed():
                self._figures.set(m.JOURNAL_FAILED, 1)
            case GuardChanged(alive):
                self._figures.set(m.GUARD_ALIVE, alive)
            case _:
                return

    def _note_effect(self, effect: Effect, began_s: float, now_s: float) -> None:
        match effect:
            case WritePump(channel, _, is_stop):
                if is_stop:  # what comes next may answer either
                    self._asked_s.pop(channel, None)
                else:
                    self._asked_s[channel] = now_s
            case Record():
                self._records.append((effect.seq, now_s))
                self._note_record(effect.kind, effect.body, began_s)
            case Publish(channel, "state", payload) if payload is not None:
                self._note_state(channel, payload)
            case Refuse():
                for reason in effect.reasons:
                    self._figures.add(m.REFUSALS, reason.code)
            case _:
                return

    def _note_record(self, kind: str, body: Json, began_s: float) -> None:
        match kind:
            case "alarm_raised":
                self._figures.add(m.ALARMS_RAISED, body["channel"], body["code"], body["priority"])
            case "start_refused":
                for reason in body["reasons"]:
                    self._figures.add(m.REFUSALS, reason["code"])
            case "stop_requested":
                self._note_stop(body["channel"], [reason["code"] for reason in body["reasons"]], began_s)
            case "stop_proven":
                self._figures.add(m.STOPS_PROVEN, body["channel"])
                if (asked_s := self._stopping_s.pop(body["channel"], None)) is not None:
                    self._figures.observe(m.STOP_PROOF, began_s - asked_s, body["channel"])
            case _:
                return

    def _note_stop(self, channel: str, codes: list[str], began_s: float) -> None:
        if channel not in self._stopping_s:  # else one more reason for the stop that is under way
            self._stopping_s[channel] = began_s
            self._figures.add(m.STOPS_ASKED, channel)
        for code in codes:
            self._figures.add(m.TRIPS, channel, code)

    def _note_state(self, channel: str, told: Mapping[str, Any]) -> None:
        figures = self._figures
        self._told[channel] = (self._boottime(), told.get("status_age_ms"))
        for state in DeliveryState:
            figures.set(m.STATE, state.value == told.get("state"), channel, state.value)
        for link in Link:
            figures.set(m.LINK, link.value == told.get("link"), channel, link.value)
        is_up = told.get("link") == Link.UP.value
        for metric, key, unit in _READ:
            self._set_or_forget(metric, told.get(key) if is_up else None, unit, channel)
        for bound in ("least", "most"):
            volume_ml = told.get(f"delivered_{bound}_ml")
            self._set_or_forget(m.DELIVERED, volume_ml, 1, channel, bound)
        self._note_pump(channel, told.get("serial"))
        self._note_alarms(channel, told.get("alarms", ()))
        figures.set(m.LATCHED, len(told.get("latched", ())), channel)

    def _note_pump(self, channel: str, serial: str | None) -> None:
        self._figures.forget(m.PUMP_INFO, channel)
        if serial is not None:
            self._figures.set(m.PUMP_INFO, 1, channel, self._dialects.get(channel, ""), serial)

    def _note_alarms(self, channel: str, alarms: list[Mapping[str, str]]) -> None:
        active = {(channel, alarm["code"], alarm["priority"]) for alarm in alarms}
        for labels in active.union(self._figures.series(m.ALARM_ACTIVE, channel)):
            self._figures.set(m.ALARM_ACTIVE, labels in active, *labels)

    def _set_or_forget(self, metric: m.Metric, value: float | None, unit: float, *labels: str) -> None:
        if value is None:
            self._figures.forget(metric, labels[0])
        else:
            self._figures.set(metric, value * unit, *labels)

    def _note_age(self, channel: str, told_ns: int, age_ms: int | None, now_ns: int) -> None:
        since_ns = now_ns - told_ns
        age_s = None if age_ms is None else age_ms / 1000 + since_ns / NS_PER_S
        self._set_or_forget(m.STATUS_AGE, age_s, 1, channel)
        if since_ns > STALE_NS:
            for metric in _OF_STATE:
                self._figures.forget(metric, channel)

    def _note_mqtt(self, mqtt: MqttFigures | None) -> None:
        if mqtt is not None:
            self._figures.set(m.MQTT_CONNECTED, mqtt.connected)
            self._figures.set(m.MQTT_REJECTED, mqtt.refused)
            self._figures.set(m.MQTT_WAITING, mqtt.waiting)
