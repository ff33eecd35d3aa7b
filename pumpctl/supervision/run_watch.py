"""A running program as the interlocks see it: the last status against the program, and volume watched over time.

Refuses to judge: core/interlocks.py and core/alerts.py do, from the snapshot that is put together here.
"""

from __future__ import annotations

from pumpctl.core.capability import Capability
from pumpctl.core.energy import battery_runs_ms
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.program import exceeds_dose_rate
from pumpctl.core.snapshots import RunSnapshot
from pumpctl.core.window import EXCESS_PER_UL, excess_after, window_ns
from pumpctl.drivers.pump import PumpActivity, StatusRead
from pumpctl.supervision.channel import Channel, Window
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.polling import poll_therapy_ns
from pumpctl.supervision.ward import Ward

_A = PumpActivity
# SPEC.md: the motor may take 100 ms to move after START; until twice that nothing is judged by progress.
SETTLING_NS = 200 * NS_PER_MS


def run_snapshot(ward: Ward, channel: Channel, infusion: Infusion, status: StatusRead, now: Now) -> RunSnapshot:
    """What the interlocks judge after this status."""
    program, delivered, identity = infusion.program, infusion.delivered, channel.identity
    smallest, largest = status.counters.since(delivered.base) if delivered else (0, 0)
    moved, window = _watch_window(ward, channel, infusion, largest, status, now)
    ended = status.activity in {_A.COMPLETED, _A.PAUSED, _A.STOPPED, _A.IDLE}
    return RunSnapshot(
        route=program.route,
        program_flow_ul_h=program.flow_rate_ul_h,
        vtbi_ul=program.vtbi_ul,
        volume_step_ul=identity.capability.volume_step_ul if identity else 1,
        accuracy_permille=identity.capability.accuracy_permille if identity else 0,
        same_program=ended or status.program_id == program.program_id,
        boot_changed=delivered is not None and status.counters.boot_count != delivered.base.boot_count,
        # A pump that has ended commands nothing: only a running one can be set to another flow.
        commanded_flow_ul_h=program.flow_rate_ul_h if ended else status.commanded_flow_ul_h,
        exceeds_dose_rate=exceeds_dose_rate(program, status.commanded_flow_ul_h),
        smallest_ul=smallest,
        largest_ul=largest,
        completed=status.activity is _A.COMPLETED,
        alarms=status.alarms,
        stopping_alarms=status.stopping_alarms,
        moved_in_window_ul=None if ended else moved,
        window_therapy_ns=window,
        excess_ul=channel.excess // EXCESS_PER_UL,
        pausing_ns=_pausing_ns(channel, status),
        reservoir_ul=_reservoir_ul(infusion, status, largest),
        on_battery=status.on_battery,
        battery_permille=status.battery_permille,
        battery_runs_ms=battery_runs_ms(status.battery_permille, channel.configuration.battery_life_h),
        pressure_mmhg=status.pressure_mmhg,
        idle_pressure_mmhg=identity.idle_pressure_mmhg if identity else 0,
    )


def _pausing_ns(channel: Channel, status: StatusRead) -> int | None:
    """Only a status that was asked for after the wish, of a pump that still infuses, says that the wish was ignored."""
    since_ns = channel.pausing_since_ns
    return None if since_ns is None or status.activity is not _A.INFUSING else status.asked.link_ns - since_ns


def _reservoir_ul(infusion: Infusion, status: StatusRead, largest_ul: int) -> int:
    """H11: the lower of what the pump says and what it said at the start less what has moved since."""
    at_start_ul = infusion.reservoir_at_start_ul
    return status.reservoir_ul if at_start_ul is None else max(0, min(status.reservoir_ul, at_start_ul - largest_ul))


def _watch_window(
    ward: Ward, channel: Channel, infusion: Infusion, largest_ul: int, status: StatusRead, now: Now
) -> tuple[int | None, int]:
    """Volume moved over the present window, None until it is full, and the longest it can have lasted.

    From the asking of its first status to the arrival of this one: jitter of the line can then
    never make a correct pump look fast.
    """
    if now.link_ns - channel.infusing_since_ns < SETTLING_NS:
        return None, 0
    if channel.window is None:
        channel.window = Window(largest_ul, status.asked.therapy_ns)
        return None, 0
    lasted = now.therapy_ns - channel.window.began_therapy_ns
    program, capability = infusion.program, channel.identity.capability if channel.identity else None
    # A flow that was lowered at the pump needs a longer window for its increments (hazards.md rule 4).
    slower_ul_h = min(program.flow_rate_ul_h, status.commanded_flow_ul_h or program.flow_rate_ul_h)
    step_ul = capability.volume_step_ul if capability else 1
    if lasted < window_ns(slower_ul_h, step_ul, poll_therapy_ns(ward, channel)):
        return None, 0
    moved = largest_ul - channel.window.largest_ul
    channel.window = Window(largest_ul, status.asked.therapy_ns)
    _sum_up(channel, capability, program.flow_rate_ul_h, moved, lasted)
    return moved, lasted


def _sum_up(channel: Channel, capability: Capability | None, flow_ul_h: int, moved_ul: int, lasted_ns: int) -> None:
    accuracy = capability.accuracy_permille if capability else 0
    channel.excess = excess_after(channel.excess, moved_ul, flow_ul_h, lasted_ns, accuracy)
