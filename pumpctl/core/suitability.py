"""Whether a pump can do what a phase asks, and what it would do otherwise: rule U04, naming the pump's figure.

Refuses to know programs and doses: it compares one phase's figures with one pump's declaration.
"""

from __future__ import annotations

from collections.abc import Iterator

from pumpctl.core.capability import Capability, Lease
from pumpctl.core.figures import figure
from pumpctl.core.library import LinkLoss, Profile
from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.rules.phase import PhaseFigures
from pumpctl.core.units import Duration, FlowRate, Quantity, Volume

MAX_CONTAINERS = 16  # 4 L from the reference pump's reservoir: more than any limit lets through in a day
ROUNDING_PERCENT = 2  # U04
# What the pump's own sensor alone sees, on either route, and the hazard whose STOP waits for the pump's word. None of
# these rows refuses a pump without the sensor, so people are told. An empty bag and a stall show in the counters, too.
SEEN_BY_THE_PUMP_ALONE = {"occlusion_downstream": "H07", "occlusion_upstream": "H08", "air_in_line": "H10"}


def faults(
    phase: PhaseFigures, profile: Profile, capability: Capability, flow_ul_h: int, volume_ul: int
) -> Iterator[tuple[str, str, str]]:
    """What it cannot do: in words, the figure wanted, the figure it has."""
    yield from _flow_faults(phase, capability, flow_ul_h)
    yield from _volume_faults(phase, capability, volume_ul)
    yield from _policy_faults(profile, capability)


def advisories(phase: PhaseFigures, profile: Profile, capability: Capability) -> Iterator[Finding]:
    """What does not refuse a pump and is told: it stops where the profile lets it finish, it is blind to its line."""
    if capability.may_stop_alone and profile.link_loss is LinkLoss.FINISH_LOADED:
        told = f"{phase.path}: {capability.model} may stop by itself when the companion is out of reach"
        yield Finding("U04", Severity.ADVISORY, told, "may stop", "finishes what is loaded", "project")
    silent = [f"{alarm} ({row})" for alarm, row in SEEN_BY_THE_PUMP_ALONE.items() if alarm not in capability.alarms]
    if silent:
        unseen = ", ".join(silent)
        told = f"{phase.path}: {capability.model} cannot report {unseen}: have somebody look at the line while it runs"
        yield Finding("U04", Severity.ADVISORY, told, f"cannot report {unseen}", "reports them", "project")


def is_whole(stated: Quantity | None, units: int) -> bool:
    """Nothing was rounded off."""
    return stated is not None and stated.num == units * stated.den


def _flow_faults(phase: PhaseFigures, capability: Capability, flow_ul_h: int) -> Iterator[tuple[str, str, str]]:
    stated = phase.flow or FlowRate(0)
    if is_whole(stated, flow_ul_h) and capability.min_flow_ul_h <= flow_ul_h <= capability.max_flow_ul_h:
        return  # nothing was rounded
    if flow_ul_h < capability.min_flow_ul_h:
        least = figure(FlowRate(capability.min_flow_ul_h), "mL/h")
        yield "run so slowly", figure(stated, "mL/h"), f"at least {least}"
    if stated > FlowRate(capability.max_flow_ul_h):
        most = figure(FlowRate(capability.max_flow_ul_h), "mL/h")
        yield "run so fast", figure(stated, "mL/h"), f"at most {most}"
    if FlowRate(flow_ul_h).differs_by_more_than_percent(stated, ROUNDING_PERCENT):
        step = figure(FlowRate(capability.flow_step_ul_h), "mL/h")
        yield f"set the flow within {ROUNDING_PERCENT} %", figure(stated, "mL/h"), f"steps of {step}"


def _volume_faults(phase: PhaseFigures, capability: Capability, volume_ul: int) -> Iterator[tuple[str, str, str]]:
    stated = phase.volume or Volume(0)
    rounded = Volume(volume_ul)
    if volume_ul == 0 or rounded.differs_by_more_than_percent(stated, ROUNDING_PERCENT):
        step = figure(Volume(capability.settable_volume_step_ul), "mL")
        yield f"set the volume within {ROUNDING_PERCENT} %", figure(stated, "mL"), f"steps of {step}"
    if volume_ul > MAX_CONTAINERS * full_reservoir_ul(capability):
        reservoir = figure(Volume(capability.reservoir_ul), "mL")
        yield f"give it in {MAX_CONTAINERS} containers", figure(stated, "mL"), f"a reservoir of {reservoir}"


def _policy_faults(profile: Profile, capability: Capability) -> Iterator[tuple[str, str, str]]:
    if profile.route not in capability.routes:
        yield "give this route", profile.route, f"routes {', '.join(sorted(capability.routes))}"
    if not capability.kvo_can_be_zero:
        yield "switch off keep-vein-open", "KVO 0 needed", "a KVO flow"
    if profile.link_loss is LinkLoss.STOP_AT_LEASE_END:
        wanted = figure(Duration(profile.lease_ms), "s")
        if capability.lease is Lease.NONE:
            yield "stop when nobody supervises it", f"lease {wanted}", "no lease"
        elif profile.lease_ms > capability.max_lease_ms:
            yield "hold so long a lease", wanted, f"at most {figure(Duration(capability.max_lease_ms), 's')}"


def full_reservoir_ul(capability: Capability) -> int:
    """As much of it as the pump can be set to."""
    return capability.reservoir_ul // capability.settable_volume_step_ul * capability.settable_volume_step_ul
