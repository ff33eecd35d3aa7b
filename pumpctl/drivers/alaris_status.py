"""What the replies of an Alaris pump to one round of questions mean, put together: one StatusRead.

Refuses to know frames and transactions. This pump knows no program id, no clock, no charge and no history. The id is
ours, claimed only while rate and VTBI read back as the program's; what the pump does not tell is stated below as the
value that permits least.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.alaris import messages as m
from protocols.alaris.alarms import KNOWN, Alarm
from pumpctl.core.delivered import Counters
from pumpctl.core.energy import CRITICAL_PERMILLE
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.program import Program
from pumpctl.drivers.pump import PumpActivity, StatusRead

ONLY_BOOT = 0  # no boot counter: a power-on shows as a program that is gone and a volume that fell (H58)
FULL_PERMILLE = 1000

# In the words of core/interlocks.py; a code that is not here is called by itself.
_NAMES = {
    Alarm.OCCLUSION: "occlusion_downstream",
    Alarm.END_OF_INFUSION_STOPPED: "reservoir_empty",
    Alarm.NEAR_END: "reservoir_low",
}
# All others stop, those that nobody has named as well.
_DO_NOT_STOP = frozenset(
    {
        Alarm.COMMUNICATIONS_TIMEOUT,  # we are back: what to do about the silence is the link's to decide
        Alarm.VTBI_DONE_STOPPED,
        Alarm.MAINS_LOST,
        Alarm.CALL_BACK,
        Alarm.BATTERY_LOW,
        Alarm.BATTERY_LOW_AC,
        Alarm.NEAR_END,
    }
)
_LOW_CHARGE = frozenset({Alarm.BATTERY_LOW, Alarm.BATTERY_LOW_AC, Alarm.BATTERY_EMPTY})


@dataclass(frozen=True, slots=True)
class Loaded:
    """The program that was set and read back, and the pump's volume counter at that time."""

    program: Program
    volume_ul: int
    started: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """The replies to one round; `asked`: when the status was, the last of them."""

    asked: Now
    rate: m.Rate
    vtbi: m.Vtbi
    alarm: m.AlarmState
    status: m.Status
    syringe_ul: int

    @property
    def is_still(self) -> bool:
        """HLD and no rate. Any other mode may be an infusion: only two of them are known."""
        return self.status.mode == m.HOLD and self.status.flow_rate_ul_h == 0

    @property
    def is_unnamed(self) -> bool:
        """The flag is up and no code was told: the alarm rose between the two questions, or has no code."""
        return self.status.alarmed and self.alarm.code == Alarm.NONE.value


def is_set(program: Program, rate: m.Rate, vtbi: m.Vtbi) -> bool:
    """What can be read back of a program: the rate, the volume, and that it stops there."""
    return rate.flow_rate_ul_h == program.flow_rate_ul_h and vtbi == m.Vtbi(program.vtbi_ul, m.EndAction.STOP)


def status_read(told: Round, loaded: Loaded | None, *, was_unnamed: bool) -> StatusRead:
    """`was_unnamed`: the round before told of an alarm without a code too, so that it has none."""
    activity, program_id = _activity(told, loaded)
    status = told.status
    alarms, stopping = _alarms(told, was_unnamed=was_unnamed)
    return StatusRead(
        asked=told.asked,
        uptime_ms=told.asked.link_ns // NS_PER_MS,  # by our own clock: it has none to compare
        activity=activity,
        program_id=program_id,
        # One counter: the plunger's. Nothing else could disagree with it.
        counters=Counters(ONLY_BOOT, status.infused_ul, status.infused_ul, None),
        program_ul=0 if loaded is None else max(0, status.infused_ul - loaded.volume_ul),
        commanded_flow_ul_h=status.flow_rate_ul_h,
        measured_flow_ul_h=status.flow_rate_ul_h,  # not measured: the flow it is set to
        moving=not told.is_still,
        confirmation_waits=False,
        alarms=alarms,
        stopping_alarms=stopping,
        pressure_mmhg=status.pressure_hundredths_mmhg // 100,
        reservoir_ul=told.syringe_ul,  # what the syringe can hold; what it does hold nobody tells
        battery_permille=_charge_permille(told.alarm.code),
        event_count=0,
        lease_left_ms=0,
        on_battery=told.alarm.code in {Alarm.MAINS_LOST.value, *(alarm.value for alarm in _LOW_CHARGE)},
    )


def _activity(told: Round, loaded: Loaded | None) -> tuple[PumpActivity, bytes | None]:
    ours = loaded is not None and is_set(loaded.program, told.rate, told.vtbi)
    if not told.is_still:
        ours_runs = ours and loaded is not None and loaded.started
        return PumpActivity.INFUSING, loaded.program.program_id if ours_runs and loaded else None
    if loaded is None:
        return PumpActivity.STOPPED, None
    if ours:
        begun = loaded.started and told.status.infused_ul > loaded.volume_ul
        return (PumpActivity.PAUSED if begun else PumpActivity.LOADED), loaded.program.program_id
    if _is_through(told, loaded):
        return PumpActivity.COMPLETED, loaded.program.program_id
    return PumpActivity.STOPPED, None


def _is_through(told: Round, loaded: Loaded) -> bool:
    """On hold without a VTBI: by its alarm, or by its counter when a person has ended the alarm meanwhile."""
    given_ul = told.status.infused_ul - loaded.volume_ul
    through = told.alarm.code == Alarm.VTBI_DONE_STOPPED.value or given_ul >= loaded.program.vtbi_ul
    return loaded.started and told.vtbi.vtbi_ul is None and through


def _alarms(told: Round, *, was_unnamed: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All, and those that stop. The pump tells one at a time."""
    if told.is_unnamed:
        named = ("alarm_without_code",)
        return named, named if was_unnamed else ()
    alarm = KNOWN.get(told.alarm.code)
    if alarm is Alarm.NONE:
        return (), ()
    if alarm is None:
        named = (told.alarm.code.strip().replace(" ", "_").lower(),)
        return named, named
    named = (_NAMES.get(alarm, alarm.name.lower()),)
    return named, () if alarm in _DO_NOT_STOP else named


def _charge_permille(code: str) -> int:
    """Not told. On mains full; on battery no more than would stop it next, so that none is started (H63)."""
    if code in {alarm.value for alarm in _LOW_CHARGE}:
        return CRITICAL_PERMILLE
    return CRITICAL_PERMILLE + 1 if code == Alarm.MAINS_LOST.value else FULL_PERMILLE
