"""What the world outside is told of a channel: one payload for MQTT, the serial line and `status`.

Refuses to guess: flows come from the pump's last status and are null once it leaves questions
unanswered for 3 s; the delivered volume is the interval, widened to now. Nothing here is what was commanded
unless its name says so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from protocols.mqtt.payloads import ALARM_SCHEMA, STATE_SCHEMA
from pumpctl.alarm_text import alarm_text
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.program import Program
from pumpctl.drivers.pump import StatusRead
from pumpctl.supervision.channel import ActiveAlarm, Channel, Link

UG_H_PER_MG_MIN = 60_000


def state_key(channel: Channel) -> tuple[object, ...]:
    """What must be told at once when it differs; ages and sequence numbers are not in it."""
    status = channel.status
    read = None
    if status is not None:
        read = (
            status.activity,
            status.program_id,
            status.counters,
            status.commanded_flow_ul_h,
            status.measured_flow_ul_h,
            status.alarms,
            status.pressure_mmhg,
            status.battery_permille,
        )
    return (channel.state, channel.link, read, tuple(channel.alarms), tuple(channel.latched))


def state_payload(channel: Channel, now: Now) -> dict[str, Any]:
    """The state as JSON: mL, mL/h, mg/min, g; null where unknown."""
    return {
        "schema": STATE_SCHEMA,
        "channel": channel.name,
        "life": channel.life,
        "seq": channel.state_seq,
        "at_ms": now.utc_ms,
        "state": channel.state.value,
        "link": channel.link.value,
        "link_reason": channel.link_reason,
        "away": channel.away_until_ms is not None and now.utc_ms < channel.away_until_ms,
        **_read(channel.status, channel, now),
        **_infused(channel, now),
        "alarm_text": alarm_text((code, alarm.priority, alarm.message) for code, alarm in channel.alarms.items()),
        "alarms": [
            {"code": code, "priority": alarm.priority.value, "message": alarm.message}
            for code, alarm in channel.alarms.items()
        ],
        "latched": [{"code": reason.code, "message": reason.message} for reason in channel.latched],
    }


def alarm_payload(channel: Channel, code: str, alarm: ActiveAlarm, now: Now) -> dict[str, Any]:
    """An alarm raised now, as JSON."""
    return {
        "schema": ALARM_SCHEMA,
        "channel": channel.name,
        "code": code,
        "priority": alarm.priority.value,
        "message": alarm.message,
        "since_ms": now.utc_ms,
    }


def _read(status: StatusRead | None, channel: Channel, now: Now) -> dict[str, Any]:
    age_ns = None if status is None else now.link_ns - status.asked.link_ns
    program = channel.infusion.program if channel.infusion else None
    live = status if channel.link is Link.UP else None
    return {
        "status_age_ms": None if age_ns is None else age_ns // NS_PER_MS,
        "status_at": None if age_ns is None else _iso(now.utc_ms - age_ns // NS_PER_MS),
        "flow_ml_h": None if live is None else live.measured_flow_ul_h / 1000,
        "commanded_flow_ml_h": None if live is None else live.commanded_flow_ul_h / 1000,
        "dose_rate_mg_min": None if live is None else _dose_rate(program, live),
        "pressure_mmhg": None if live is None else live.pressure_mmhg,
        "reservoir_ml": None if status is None else status.reservoir_ul / 1000,
        "battery_percent": None if status is None else status.battery_permille / 10,
        "serial": channel.configuration.serial if channel.identity else None,
    }


def _iso(utc_ms: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=utc_ms)).isoformat(timespec="milliseconds")


def _dose_rate(program: Program | None, status: StatusRead) -> float | None:
    if program is None:
        return 0.0 if status.measured_flow_ul_h == 0 else None
    rate = program.dose_rate_at(status.measured_flow_ul_h)
    return round(rate.num / rate.den / UG_H_PER_MG_MIN, 3)


def _infused(channel: Channel, now: Now) -> dict[str, Any]:
    """The program in the pump, or the last one's account until the next is programmed."""
    infusion = channel.infusion
    if infusion is None:
        return _account(None, 0, 0) if channel.last_account is None else _account(*channel.last_account)
    delivered = infusion.delivered
    if delivered is None:
        return _account(infusion.program, 0, 0)
    return _account(infusion.program, delivered.least_ul, delivered.most_ul(now.therapy_ns))


def _account(program: Program | None, least_ul: int, most_ul: int) -> dict[str, Any]:
    return {
        "program_id": program and program.program_id.hex(),
        "order": program and program.order_digest,
        "occurrence": program and program.occurrence,
        "program_flow_ml_h": program and program.flow_rate_ul_h / 1000,
        "vtbi_ml": program and program.vtbi_ul / 1000,
        "delivered_least_ml": program and least_ul / 1000,
        "delivered_most_ml": program and most_ul / 1000,
        "progress_percent": program and round(100 * least_ul / program.vtbi_ul, 1),
    }
