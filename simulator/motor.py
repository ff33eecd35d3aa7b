"""The stepper motor: a step interval and a time give a position, exactly.

Refuses to know fluid, faults and programs. Intervals are fixed-point nanoseconds (2**-32 ns), as a timer
with a phase accumulator holds them, rounded up: the motor is never faster than it was asked to be.
Positions are 2**-20 of a step, because a rotor also stands between two steps.
"""

from __future__ import annotations

from simulator.instant import NS_PER_H

INTERVAL_ONE_NS = 1 << 32
POSITION_ONE_STEP = 1 << 20
ENDLESS = 1 << 62  # a position that no motor reaches


def interval_of_flow(flow_ul_h: int, steps_per_ul: int) -> int:
    """Step interval for a flow above 0."""
    return -(-NS_PER_H * INTERVAL_ONE_NS // (flow_ul_h * steps_per_ul))


def flow_of_interval(interval: int, steps_per_ul: int) -> int:
    """The flow in uL/h that an interval gives, to the nearest; 0 for a motor that is not driven."""
    if interval == 0:
        return 0
    per_step = interval * steps_per_ul
    return (NS_PER_H * INTERVAL_ONE_NS + per_step // 2) // per_step


def travel(interval: int, elapsed_ns: int) -> int:
    """How far the rotor turns in that time; 0 for a motor that is not driven."""
    if interval == 0:
        return 0
    return elapsed_ns * INTERVAL_ONE_NS * POSITION_ONE_STEP // interval


def travel_time_ns(interval: int, distance: int) -> int:
    """When a driven rotor has turned that far: the first nanosecond at or after."""
    return -(-distance * interval // (INTERVAL_ONE_NS * POSITION_ONE_STEP))


def position_of_volume(volume_ul: int, steps_per_ul: int) -> int:
    """The nominal volume as a distance of the rotor."""
    return volume_ul * steps_per_ul * POSITION_ONE_STEP


def volume_of_position_ul(position: int, steps_per_ul: int) -> int:
    """Whole microlitres by whole steps: what a counter shows."""
    return position // POSITION_ONE_STEP // steps_per_ul
