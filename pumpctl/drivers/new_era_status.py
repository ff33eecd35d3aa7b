"""Who a New Era pump is and what it does: the questions, and the facts that its answers come to.

Refuses to believe replies that disagree. There is no serial number, no clock, no confirm button, no pressure: what the
pump cannot tell is the channel's declaration, our own clock, or absent (docs/dialects/new_era.md section 6).
"""

from __future__ import annotations

import math
from collections.abc import Generator

from protocols.new_era.figures import rate_nl_h
from protocols.new_era.framing import Mode
from protocols.new_era.messages import AlarmKind, Prompt, Reply
from pumpctl.configuration import NewEraSetup
from pumpctl.core.capability import NEW_ERA_BASIC_REFERENCE, NEW_ERA_REFERENCE, Capability, Lease
from pumpctl.core.delivered import Counters
from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.drivers.new_era_knowledge import Known, Refused, Script, ask
from pumpctl.drivers.new_era_scripts import MAX_SAFE_S, infused_ul
from pumpctl.drivers.pump import (
    Denied,
    Identified,
    Identify,
    LineNoise,
    PumpActivity,
    ReadStatus,
    StatusRead,
    Unanswered,
)

MAX_TRIES = 3  # of a question answered with an alarm, of a status whose replies disagree
# Plunger speed of the NE-1000 (manual): mm/h times pi/4, so that a square of um gives uL/h; rounded inwards.
_SLOWEST, _FASTEST = 0.04205 * math.pi / 4e6, 51.005 * 60 * math.pi / 4e6
_RUNNING = frozenset({Prompt.INFUSING, Prompt.WITHDRAWING, Prompt.PURGING})
_ACTIVITIES = {
    Prompt.INFUSING: PumpActivity.INFUSING,
    Prompt.WITHDRAWING: PumpActivity.INFUSING,
    Prompt.PURGING: PumpActivity.PRIMING,
    Prompt.PAUSED: PumpActivity.PAUSED,
    # It goes on by itself: whoever is told that it infuses, and not our program, stops it.
    Prompt.TIMED_PAUSE: PumpActivity.INFUSING,
    Prompt.AWAITS_TRIGGER: PumpActivity.INFUSING,
}


def identifying(known: Known, command: Identify, serial: str, now: Now) -> Script:
    """Its version, and the mode that this channel wants. Safe mode is never left while anything runs."""
    setup = known.setup
    try:
        version = yield from _insistent("VER")
        safe_now = yield from _silence_s(setup)
        if not setup.safe_s and safe_now:
            if known.prompt is not Prompt.STOPPED:
                return [Denied(command, "in_safe_mode")]
            yield from ask("SAF0")
        elif setup.safe_s and not safe_now:
            yield from ask(f"SAF{setup.safe_s}")
    except Refused as refused:
        return [Denied(command, refused.code)]
    known.mode = Mode.SAFE if setup.safe_s else Mode.BASIC
    model, _, firmware = version.partition("V")
    return [
        Identified(
            serial=serial,
            firmware=f"V{firmware}",
            simulated=setup.simulated,
            auto_confirm=False,
            boot_count=known.boot_count,
            uptime_ms=uptime_ms(now),
            capability=capability(setup, model),
        )
    ]


def _silence_s(setup: NewEraSetup) -> Generator[str, Reply, int]:
    """A pump that does not know safe mode is not in it."""
    try:
        return int((yield from _insistent("SAF")))
    except Refused as refused:
        if setup.safe_s or refused.code != "unknown":
            raise
        return 0


def capability(setup: NewEraSetup, model: str) -> Capability:
    """What this syringe allows of what the pump's four digits can hold."""
    reference = NEW_ERA_BASIC_REFERENCE
    step, square = reference.flow_step_ul_h, setup.diameter_um**2
    return Capability(
        model=model,
        min_flow_ul_h=max(step, math.ceil(square * _SLOWEST / step) * step),
        max_flow_ul_h=min(reference.max_flow_ul_h, math.floor(square * _FASTEST / step) * step),
        flow_step_ul_h=step,
        reservoir_ul=setup.syringe_ul,
        volume_step_ul=reference.volume_step_ul,
        accuracy_permille=reference.accuracy_permille,
        lease=Lease.IMPLICIT if setup.safe_s else Lease.NONE,
        max_lease_ms=MAX_SAFE_S * 1000 if setup.safe_s else 0,
        kvo_can_be_zero=True,
        has_confirm_button=False,
        read_back=reference.read_back,
        alarms=(NEW_ERA_REFERENCE if setup.safe_s else reference).alarms,
        may_stop_alone=setup.safe_s > 0,
    )


def reading_status(known: Known, command: ReadStatus, asked: Now) -> Script:
    """State, total and flow. When our lease was not renewed the pump is stopped first: every packet renews its own."""
    if known.lease_until_ms is not None and uptime_ms(asked) >= known.lease_until_ms:
        known.void()
        known.alarm("lease_ended")
        yield "STP"
        yield "STP"
    for _ in range(MAX_TRIES):
        first = yield ""
        total = yield "DIS"
        if _is_alarm(first, total) or total.refusal is not None:
            continue
        flow: Reply | None = None
        if total.state in _RUNNING:
            flow = yield "RAT"
            if _is_alarm(flow) or flow.refusal is not None:
                continue
        if first.state is not total.state or (flow is not None and flow.state is not total.state):
            continue
        known.shown_ul = infused_ul(total.body)
        return [_status(known, asked, rate_nl_h(flow.body) // 1000 if flow is not None else 0)]
    return [LineNoise("the replies of a status disagree"), Unanswered(command)]


def uptime_ms(now: Now) -> int:
    """The pump has no clock that it tells: ours, in link time."""
    return now.link_ns // NS_PER_MS


def _status(known: Known, asked: Now, flow_ul_h: int) -> StatusRead:
    held, now_ms = known.held, uptime_ms(asked)
    # A pump that runs what was never started here runs something else.
    ours = held if held is not None and (held.started or known.prompt is Prompt.STOPPED) else None
    given_ul = known.total_ul - ours.from_ul if ours is not None else 0
    return StatusRead(
        asked=asked,
        uptime_ms=now_ms,
        activity=_activity(known, given_ul),
        program_id=ours.program.program_id if ours is not None and _shows_program(known) else None,
        counters=Counters(known.boot_count, known.total_ul, known.total_ul, None),
        program_ul=given_ul,
        commanded_flow_ul_h=flow_ul_h,
        measured_flow_ul_h=flow_ul_h,
        moving=known.prompt in _RUNNING,
        confirmation_waits=False,
        alarms=known.alarms,
        stopping_alarms=known.alarms,
        pressure_mmhg=0,
        reservoir_ul=max(0, known.setup.syringe_ul - (known.total_ul - held.from_ul if held is not None else 0)),
        battery_permille=1000,  # mains
        event_count=0,
        lease_left_ms=max(0, known.lease_until_ms - now_ms) if known.lease_until_ms is not None else 0,
    )


def _activity(known: Known, given_ul: int) -> PumpActivity:
    """A stopped pump says no more than that: whether it is through is in its total."""
    if known.prompt is not None and known.prompt is not Prompt.STOPPED:
        return _ACTIVITIES[known.prompt]
    held = known.held
    if held is None:
        return PumpActivity.STOPPED if known.alarms else PumpActivity.IDLE
    if not held.started:
        return PumpActivity.LOADED
    through = given_ul + NEW_ERA_BASIC_REFERENCE.volume_step_ul >= held.program.vtbi_ul  # what its digits cut off
    return PumpActivity.COMPLETED if through else PumpActivity.STOPPED


def _shows_program(known: Known) -> bool:
    return known.prompt in {Prompt.INFUSING, Prompt.PAUSED, Prompt.STOPPED}


def _insistent(question: str) -> Generator[str, Reply, str]:
    """After a power-on the first answer is an alarm, and another one may have come meanwhile."""
    for _ in range(MAX_TRIES - 1):
        try:
            return (yield from ask(question))
        except Refused as refused:
            if refused.code != "alarm_active":
                raise
    return (yield from ask(question))


def _is_alarm(*replies: Reply) -> bool:
    return any(isinstance(reply.state, AlarmKind) for reply in replies)
