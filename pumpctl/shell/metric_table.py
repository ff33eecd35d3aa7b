"""Every metric that is told: its name, type, labels, unit and meaning. docs/metrics.md is written from this table.

Refuses to know where a figure comes from (shell/witness.py does). No label is for a patient, an order or a program.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """The types of the Prometheus text format."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    UNTYPED = "untyped"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric; the objects below are the only ones. `edges_s`: upper edges of a histogram's buckets."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    meaning: str
    edges_s: tuple[float, ...] = ()


_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
_ALL: tuple[str, ...] = ()
_CHANNEL = ("channel",)

# --- the daemon -------------------------------------------------------------------------------

BUILD_INFO = Metric("pumpctl_build_info", _G, ("version", "python"), "1", "What runs; always 1.")
START_TIME = Metric("pumpctl_start_time_seconds", _G, _ALL, "s since 1970", "When this daemon came up.")
GUARD_ALIVE = Metric(
    "pumpctl_guard_alive", _G, _ALL, "0 or 1", "Whether the guard process lives: without it nothing starts."
)
LOOP_LAG = Metric(
    "pumpctl_loop_lag_seconds",
    _H,
    _ALL,
    "s",
    "How late a timer of the event loop fired, looked at four times a second.",
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
)
TURN = Metric(
    "pumpctl_turn_seconds",
    _H,
    _ALL,
    "s",
    "One event decided and its effects carried out.",
    (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25),
)
JOURNAL_SYNC = Metric(
    "pumpctl_journal_sync_seconds",
    _H,
    _ALL,
    "s",
    "From a record handed to the journal to the word that it is durable, database and anchor.",
    (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)
JOURNAL_WAITING = Metric(
    "pumpctl_journal_waiting_records", _G, _ALL, "records", "Records handed to the journal and not durable yet."
)
JOURNAL_FAILED = Metric(
    "pumpctl_journal_failed", _G, _ALL, "0 or 1", "1 from the first failed write until a restart: nothing starts."
)
REFUSALS = Metric(
    "pumpctl_refusals_total",
    _C,
    ("rule",),
    "reasons",
    "Reasons for which a request or a start was refused, by clinical rule, permissive or code.",
)

# --- each channel -----------------------------------------------------------------------------

PUMP_INFO = Metric(
    "pumpctl_pump_info",
    _G,
    ("channel", "dialect", "serial"),
    "1",
    "The pump that has answered with its serial number; always 1, no sample before that.",
)
STATE = Metric(
    "pumpctl_state",
    _G,
    ("channel", "state"),
    "0 or 1",
    "1 for the state in which the channel is (docs/states.md), 0 for all others.",
)
LINK = Metric(
    "pumpctl_link",
    _G,
    ("channel", "link"),
    "0 or 1",
    "1 for what is known of the cable (down, identifying, up, silent, refused), 0 for the rest.",
)
STATUS_AGE = Metric(
    "pumpctl_status_age_seconds",
    _G,
    _CHANNEL,
    "s",
    "Age of the pump's last status at the time of the scrape; no sample before there was one.",
)
RATE = Metric(
    "pumpctl_rate_ml_per_hour",
    _G,
    _CHANNEL,
    "mL/h",
    "The flow that the pump measured, by its last status; no sample once the link is not up.",
)
DOSE_RATE = Metric(
    "pumpctl_dose_rate_mg_per_minute", _G, _CHANNEL, "mg/min", "That flow as magnesium sulfate of the program's bag."
)
DELIVERED = Metric(
    "pumpctl_delivered_ml_total",
    Kind.UNTYPED,
    ("channel", "bound"),
    "mL",
    "Delivered of the program in the pump, or of the last one: at least (bound least) and at most (bound most). "
    "Not a counter: least begins again with each program, and a status narrows most.",
)
PRESSURE = Metric(
    "pumpctl_pressure_mmhg", _G, _CHANNEL, "mmHg", "Pressure in the line; no sample once the link is not up."
)
RESERVOIR = Metric(
    "pumpctl_reservoir_ml", _G, _CHANNEL, "mL", "Left in the reservoir; no sample once the link is not up."
)
BATTERY = Metric(
    "pumpctl_battery_ratio", _G, _CHANNEL, "0 to 1", "Charge of the pump's battery; no sample once the link is not up."
)
ALARM_ACTIVE = Metric(
    "pumpctl_alarm_active",
    _G,
    ("channel", "code", "priority"),
    "0 or 1",
    "1 while the alarm is on, 0 once it is over; no sample of an alarm that this daemon never raised.",
)
ALARMS_RAISED = Metric(
    "pumpctl_alarms_raised_total", _C, ("channel", "code", "priority"), "alarms", "Alarms raised, escalations too."
)
LATCHED = Metric(
    "pumpctl_latched_reasons", _G, _CHANNEL, "reasons", "Reasons that hold the channel stopped until people clear them."
)
TRIPS = Metric(
    "pumpctl_interlock_trips_total",
    _C,
    ("channel", "rule"),
    "reasons",
    "Reasons for which a pump was stopped: interlocks, its own alarms, and people (rule operator_stop).",
)
STOPS_ASKED = Metric("pumpctl_stops_asked_total", _C, _CHANNEL, "stops", "Stops that were begun.")
STOPS_PROVEN = Metric(
    "pumpctl_stops_proven_total", _C, _CHANNEL, "stops", "Stops that a later status of the pump has proven."
)
STOP_PROOF = Metric(
    "pumpctl_stop_proof_seconds",
    _H,
    _CHANNEL,
    "s",
    "From a stop asked for to its proof, the time in which the pump was out of reach included.",
    (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0),
)
SERIAL_RTT = Metric(
    "pumpctl_serial_rtt_seconds",
    _H,
    _CHANNEL,
    "s",
    "From a question handed to the line to the next bytes of that pump, whatever they say.",
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0),
)
FRAMES_BAD = Metric(
    "pumpctl_frames_bad_total",
    _C,
    ("channel", "kind"),
    "frames",
    "What came from the pump and was believed in nothing: damaged, late, repeated, unasked.",
)

# --- MQTT, when a broker is configured --------------------------------------------------------

MQTT_CONNECTED = Metric("pumpctl_mqtt_connected", _G, _ALL, "0 or 1", "Whether the broker is connected.")
MQTT_REJECTED = Metric(
    "pumpctl_mqtt_publish_rejected_total", _C, _ALL, "messages", "Messages that the broker refused (its ACL, mostly)."
)
MQTT_WAITING = Metric("pumpctl_mqtt_waiting_messages", _G, _ALL, "messages", "Messages that wait for the broker.")

TABLE: tuple[Metric, ...] = (
    *(BUILD_INFO, START_TIME, GUARD_ALIVE, LOOP_LAG, TURN, JOURNAL_SYNC, JOURNAL_WAITING, JOURNAL_FAILED, REFUSALS),
    *(PUMP_INFO, STATE, LINK, STATUS_AGE, RATE, DOSE_RATE, DELIVERED, PRESSURE, RESERVOIR, BATTERY),
    *(ALARM_ACTIVE, ALARMS_RAISED, LATCHED, TRIPS, STOPS_ASKED, STOPS_PROVEN, STOP_PROOF, SERIAL_RTT, FRAMES_BAD),
    *(MQTT_CONNECTED, MQTT_REJECTED, MQTT_WAITING),
)
