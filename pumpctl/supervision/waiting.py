"""How long a loaded program may wait for a person, and a pause for its end.

Refuses to start anything: when the time is over, the program is taken out of the pump.
"""

from __future__ import annotations

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.core.limit import Measure
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.rules.start_case import tightest_ms
from pumpctl.supervision.alarms import raise_alarm
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.stopping import request_stop
from pumpctl.supervision.ward import Ward

PROGRAMMED_WITHIN_NS = 10 * NS_PER_S  # a load, its read-back and a status take three replies
FOLLOWING_TOLD_NS = 120 * NS_PER_S  # MEDIUM after 2 min (project)
FOLLOWING_EXPIRES_NS = 1800 * NS_PER_S  # the rest of the order after 30 min (project)
REST_LOST = "the rest of this occurrence will not be given"

_WAITS = frozenset({DeliveryState.PROGRAMMING, DeliveryState.READY, DeliveryState.AWAITING_CONFIRMATION})


def watch_waiting(ward: Ward, channel: Channel, out: Outbox) -> None:
    """Expire what nobody confirmed in time."""
    infusion = channel.infusion
    if infusion is None:
        return
    if infusion.may_have_started:
        _watch_pause(ward, channel, infusion, out)
    elif channel.state in _WAITS:
        _watch_start(channel, infusion, out)


def pause_is_over(ward: Ward, infusion: Infusion, therapy_ns: int) -> bool:
    """S05: past this a resume is refused; the rest needs a new program."""
    paused = infusion.paused_therapy_ns
    longest_ms = tightest_ms(ward.library, infusion.program.profile, "S05", Measure.PAUSE)
    return paused is not None and therapy_ns - paused > longest_ms * NS_PER_MS


def _watch_pause(ward: Ward, channel: Channel, infusion: Infusion, out: Outbox) -> None:
    waits = channel.state in {DeliveryState.PAUSED, DeliveryState.AWAITING_CONFIRMATION}
    if waits and pause_is_over(ward, infusion, out.now.therapy_ns):
        reason = Reason("pause_too_long", "the pause is longer than S05 allows: the infusion has ended")
        request_stop(channel, (reason,), Priority.MEDIUM, out)


def _watch_start(channel: Channel, infusion: Infusion, out: Outbox) -> None:
    waited_ns = out.now.link_ns - (channel.awaiting_since_ns or out.now.link_ns)
    if channel.state is not DeliveryState.AWAITING_CONFIRMATION:
        within_ns = PROGRAMMED_WITHIN_NS + (channel.line.longest_round_ns if channel.line is not None else 0)
        if waited_ns >= within_ns:
            told = f"the pump did not take the program within {within_ns // NS_PER_S} s"
            take_back(channel, Reason("not_programmed", told), out)
    elif _follows(infusion):
        # S02 is about the start of the occurrence: its first part may well run longer than the window is open.
        _watch_following(channel, waited_ns, out)
    elif out.now.utc_ms > infusion.start_before_utc_ms:
        reason = Reason("start_window_over", "nobody confirmed within the start window of this occurrence (S02)")
        take_back(channel, reason, out)


def _watch_following(channel: Channel, waited_ns: int, out: Outbox) -> None:
    if waited_ns >= FOLLOWING_EXPIRES_NS:
        told = f"nobody confirmed the next part within 30 min: {REST_LOST}"
        take_back(channel, Reason("next_phase_expired", told), out)
    elif waited_ns >= FOLLOWING_TOLD_NS:
        raise_alarm(channel, "next_phase_waits", Priority.MEDIUM, "the next part waits for its confirmation", out)


def _follows(infusion: Infusion) -> bool:
    """Not the first program of its occurrence: what is left of it cannot be prepared again (S01, S04)."""
    return infusion.program.phase_index > 0 or infusion.program.container > 0


def taken_back(channel: Channel) -> str:
    """What becomes of the order when its loaded program leaves the pump."""
    follows = channel.infusion is not None and _follows(channel.infusion)
    return REST_LOST if follows else "the program was taken back, prepare the order again"


def take_back(channel: Channel, reason: Reason, out: Outbox) -> None:
    """Out of the pump with it. Nothing has moved, so nothing is latched; but somebody waits for an infusion."""
    request_stop(channel, (reason,), Priority.MEDIUM, out, latches=False)
    raise_alarm(channel, reason.code, Priority.MEDIUM, reason.message, out)
