"""A compiled program as a MIVA prescription, and a MIVA pump's answers as a status.

Refuses to ask and to remember. Exact integers, but for the 4-byte floats of the pump's own format, which
protocols/miva/rx.py takes only where they are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.errors import LocalProtocolError
from protocols.miva.library import DrugLibrary
from protocols.miva.requests import CONTINUOUS, ML_PER_H
from protocols.miva.rx import Component, Rx, logged_image, rx_image
from pumpctl.core.capability import MIVA_REFERENCE
from pumpctl.core.delivered import Counters
from pumpctl.core.figures import figure
from pumpctl.core.instant import Now
from pumpctl.core.program import LinkLoss, Program
from pumpctl.drivers.miva_history import History
from pumpctl.drivers.pump import PumpActivity, StatusRead

_TENTH_UL = 100
_ROTATIONS = 1 << 24
_TENTHS = 1 << 16
_EMPTY_CENTIVOLTS, _FULL_CENTIVOLTS = 270, 450  # docs/dialects/miva.md section 3: invented
_MOTOR_RUNS = 1 << 10  # of the first three digits of S9


def image_of(program: Program, library: DrugLibrary) -> bytes:
    """The 512 bytes; raises LocalProtocolError for what the pump's format cannot hold, or the pump cannot do."""
    if program.kvo_ul_h or program.link_loss is not LinkLoss.FINISH_LOADED:
        raise LocalProtocolError("a MIVA prescription has no keep-vein-open flow and no lease")
    identity = program.program_id.hex().upper()
    bag = Component("magnesium_sulfate", figure(program.concentration, "mg/mL"))
    return rx_image(
        Rx(
            rate_ul_h=program.flow_rate_ul_h,
            vtbi_ul=program.vtbi_ul,
            name=identity[:9],
            components=(bag, Component(identity, "pumpctl")),
            protocol_crc=library.protocol_crc,
            protocol_index=library.protocol_index,
        )
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """What the pump's screens and queries say of the prescription it holds."""

    mode: str
    unit: str
    vtbi_hundredths: int
    time_s: int
    rate_ul_h: int


def is_read_back(program: Program, library: DrugLibrary, block: bytes | None, shown: Shown) -> bool:
    """Every byte of the log's block, and every figure that can be asked for."""
    expected = Shown(
        mode=CONTINUOUS,
        unit=ML_PER_H,
        vtbi_hundredths=program.vtbi_ul // 10,
        time_s=program.vtbi_ul * 3600 // program.flow_rate_ul_h,
        rate_ul_h=program.flow_rate_ul_h,
    )
    try:
        image = image_of(program, library)
    except LocalProtocolError:
        return False
    return shown == expected and block == logged_image(image)


@dataclass(frozen=True, slots=True)
class Readings:
    """The answers to one round of questions."""

    clock_s: int
    running: bool
    vinf_ul: int
    rate_ul_h: int
    rotated: tuple[int, int]  # calibration, rotations
    total_tenths: int
    sensors: str  # nine hexadecimal digits of S9

    @property
    def motor_turns(self) -> bool:
        return bool(int(self.sensors[:3], 16) & _MOTOR_RUNS)


def status_of(told: Readings, history: History, asked: Now, event_count: int, *, void: bool) -> StatusRead:
    """`void`: what the pump holds was stopped and is not to run any more."""
    rate_ul_h = told.rate_ul_h if told.running else 0
    return StatusRead(
        asked=asked,
        uptime_ms=told.clock_s * 1000,
        activity=_activity(told, history, void=void),
        program_id=None if void and not told.running else history.program_id,
        counters=_counters(told, history),
        program_ul=told.vinf_ul,
        commanded_flow_ul_h=rate_ul_h,
        measured_flow_ul_h=rate_ul_h if told.motor_turns else 0,
        moving=told.running or told.motor_turns,
        confirmation_waits=not void and not told.running and history.is_confirmed(told.clock_s),
        alarms=tuple(sorted(history.alarms)),
        stopping_alarms=history.stopping_alarms,
        pressure_mmhg=0,
        reservoir_ul=max(0, history.vtbi_ul - told.vinf_ul) if history.block else MIVA_REFERENCE.reservoir_ul,
        battery_permille=_charge_permille(int(told.sensors[6:], 16)),
        event_count=event_count,
        lease_left_ms=0,
        on_battery=not history.on_mains,
    )


def rate_ul_h(decimal: str) -> int:
    """Of a rate in mL/h with at most three decimals."""
    whole, _, decimals = decimal.partition(".")
    return int(whole) * 1000 + int(decimals.ljust(3, "0"))


def _activity(told: Readings, history: History, *, void: bool) -> PumpActivity:
    if told.running:
        return PumpActivity.INFUSING
    if history.block is None:
        return PumpActivity.IDLE
    if not history.ran:
        loaded = PumpActivity.CONFIRMED if history.is_confirmed(told.clock_s) else PumpActivity.LOADED
        return PumpActivity.STOPPED if void else loaded
    through = told.vinf_ul // 10 >= history.vtbi_ul // 10
    return PumpActivity.COMPLETED if through else PumpActivity.STOPPED


def _counters(told: Readings, history: History) -> Counters:
    """Since power-on. No second measurement of the volume is known: both come from the same motor."""
    calibration, rotations = told.rotated
    at_boot_ul = history.tenths_at_boot * _TENTH_UL
    return Counters(
        boot_count=history.boot_row or 0,
        motor_ul=_since(rotations * calibration * 5 // 1000, at_boot_ul, _ROTATIONS * calibration * 5 // 1000),
        encoder_ul=_since(told.total_tenths * _TENTH_UL, at_boot_ul % (_TENTHS * _TENTH_UL), _TENTHS * _TENTH_UL),
        flow_ul=None,
    )


def _since(now_ul: int, at_boot_ul: int, around_ul: int) -> int:
    """A counter that may have begun anew at its end; one that is a rotation short of its own past shows nothing."""
    moved_ul = now_ul - at_boot_ul
    if -_TENTH_UL < moved_ul < 0:
        return 0
    return moved_ul % around_ul if around_ul else 0


def _charge_permille(centivolts: int) -> int:
    above = min(max(centivolts, _EMPTY_CENTIVOLTS), _FULL_CENTIVOLTS) - _EMPTY_CENTIVOLTS
    return above * 1000 // (_FULL_CENTIVOLTS - _EMPTY_CENTIVOLTS)
