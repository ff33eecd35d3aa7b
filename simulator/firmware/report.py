"""IDENTITY and STATUS of a companion pump (SPEC.md section 3). Refuses to change anything: reading is only reading."""

from __future__ import annotations

from protocols.companion.messages import Identity, Status
from protocols.companion.pump_session import PumpSession
from protocols.companion.vocabulary import NO_FLOW_SENSOR_UL, IdentityFlag, StatusFlag
from simulator.firmware.machine import Machine
from simulator.instant import SimNow

_MAX_U32 = 0xFFFF_FFFF
# As numbers: flags are added up for each status, and an IntFlag takes its time over every |.
_DOOR_OPEN = int(StatusFlag.DOOR_OPEN)
_AIR_AT_SENSOR = int(StatusFlag.AIR_AT_SENSOR)
_TOKEN_ALIVE = int(StatusFlag.TOKEN_ALIVE)
_ON_BATTERY = int(StatusFlag.ON_BATTERY)
_MOTOR_MOVING = int(StatusFlag.MOTOR_MOVING)
_KEYPAD_TOUCHED = int(StatusFlag.KEYPAD_TOUCHED)


def identity(machine: Machine, serial: str, now: SimNow) -> Identity:
    """What the pump declares. The simulated bit is always set."""
    profile = machine.profile
    flags = IdentityFlag.SIMULATED | IdentityFlag.CONFIRM_BUTTON
    if machine.auto_confirm:
        flags |= IdentityFlag.AUTO_CONFIRM
    if profile.has_flow_sensor:
        flags |= IdentityFlag.FLOW_SENSOR
    return Identity(
        model=profile.model,
        serial=serial,
        firmware=profile.firmware,
        flags=flags,
        boot_count=machine.boot_count,
        uptime_ms=machine.uptime_ms(now),
        min_flow_ul_h=profile.min_flow_ul_h,
        max_flow_ul_h=profile.max_flow_ul_h,
        flow_step_ul_h=profile.flow_step_ul_h,
        reservoir_ul=profile.reservoir_ul,
        volume_step_ul=profile.volume_step_ul,
        accuracy_permille=profile.accuracy_permille,
        max_lease_ms=profile.max_lease_ms,
        token_life_ms=profile.token_life_ms,
        event_ring=profile.event_ring,
        idle_pressure_mmhg=profile.idle_pressure_mmhg,
        kvo_min_ul_h=0,
    )


def status(machine: Machine, session: PumpSession, now: SimNow) -> Status:
    """What the sensors say now."""
    at_ns, sensors = now.therapy_ns, machine.sensors
    flow_ul = sensors.flow_ul(at_ns)
    lease_ends_ns = machine.lease_ends_ns
    return Status(
        uptime_ms=machine.uptime_ms(now),
        boot_count=machine.boot_count,
        state=machine.state,
        flags=_flags(machine, at_ns),
        program_id=machine.program_id,
        commanded_flow_ul_h=machine.drive.commanded_flow_ul_h(),
        measured_flow_ul_h=sensors.measured_flow_ul_h(at_ns),
        motor_ul=sensors.motor_ul(at_ns),
        encoder_ul=sensors.encoder_ul(at_ns),
        flow_ul=NO_FLOW_SENSOR_UL if flow_ul is None else flow_ul,
        program_ul=machine.program_ul(now),
        pressure_mmhg=sensors.pressure_mmhg(at_ns),
        reservoir_ul=sensors.reservoir_ul(at_ns),
        battery_permille=sensors.battery_permille(at_ns),
        alarms=machine.alarms,
        event_count=machine.events.count,
        lease_left_ms=0 if lease_ends_ns is None else machine.left_ms(lease_ends_ns, now),
        refused_count=session.refused_count,
        dropped_frames=min(session.dropped_frames, _MAX_U32),
    )


def _flags(machine: Machine, at_ns: int) -> StatusFlag:
    conditions = machine.drive.conditions
    shown = (
        (conditions.door_open, _DOOR_OPEN),
        (conditions.air_at_sensor, _AIR_AT_SENSOR),
        (machine.tokens.alive is not None, _TOKEN_ALIVE),
        (not conditions.on_mains, _ON_BATTERY),
        (machine.drive.is_turning(at_ns), _MOTOR_MOVING),
        (machine.keypad_touched, _KEYPAD_TOUCHED),
    )
    return StatusFlag(sum(flag for holds, flag in shown if holds))
