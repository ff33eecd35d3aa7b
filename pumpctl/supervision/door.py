"""The one door through which flow can rise: the interlocks stand in it.

Refuses to be asked politely: the only way to a START or RESUME on the wire is an intent that is
durable, a free line, and every permissive of core/interlocks.py holding at the instant of the
write. It looks at the very bytes' flow once more in mg/min. Nothing here is ever repeated.
"""

from __future__ import annotations

from pumpctl.configuration import Mode
from pumpctl.core.capability import Lease
from pumpctl.core.delivery import DeliveryState, Trigger
from pumpctl.core.energy import battery_runs_ms
from pumpctl.core.instant import MS_PER_H, NS_PER_S
from pumpctl.core.interlocks import refusals
from pumpctl.core.program import LinkLoss, exceeds_dose_rate
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.snapshots import StartSnapshot
from pumpctl.drivers.pump import ConfirmationRead, Identified, PumpActivity, Resume, Start
from pumpctl.effects import WritePump
from pumpctl.supervision.alarms import raise_alarm
from pumpctl.supervision.bag_checks import use_bag
from pumpctl.supervision.channel import Channel, Link
from pumpctl.supervision.infusion import Dosing, Infusion, Outcome
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.program_record import counters_body, program_body
from pumpctl.supervision.settling import commit, withdraw
from pumpctl.supervision.uncommanded import book_uncommanded
from pumpctl.supervision.verdicts import reasons_against
from pumpctl.supervision.ward import DosingIntent, Ward

# An intent that could not leave by then is dead: the world it was checked in has moved on (H30).
INTENT_LIFE_NS = 5 * NS_PER_S


def intend(ward: Ward, channel: Channel, confirmation: ConfirmationRead, out: Outbox) -> None:
    """A person pressed the button for this program: record the intent, and only that."""
    infusion = channel.infusion
    if infusion is None or confirmation.token is None or confirmation.program_id != infusion.program_id:
        return
    if confirmation.token == infusion.used_token or infusion.dosing is not None:
        return
    resume = infusion.may_have_started
    if confirmation.for_resume is not resume:
        return
    # One press is good for one command, sent or not: another command needs another press.
    infusion.used_token = confirmation.token
    reasons = refusals(snapshot(ward, channel, infusion, out))
    if reasons:
        _refused(channel, infusion, reasons, out)
        return
    channel.move(Trigger.CONFIRMATION_GIVEN)
    seq = out.record("dosing_intent", intent_body(channel, infusion, resume))
    infusion.dosing = Dosing(resume, confirmation.token, seq, out.now.link_ns)
    ward.waiting[seq] = DosingIntent(channel.name)
    if not resume:
        commit(ward, infusion, accuracy_permille(channel), out.now.utc_ms)
        use_bag(ward, infusion)


def intent_became_durable(channel: Channel, seq: int) -> None:
    """The record is on the disk and its head in the anchor."""
    if channel.infusion is not None and channel.infusion.dosing is not None:
        dosing = channel.infusion.dosing
        dosing.durable = dosing.durable or dosing.intent_seq == seq


def raise_flow(ward: Ward, channel: Channel, out: Outbox) -> bool:
    """Write the START or RESUME if, and only if, everything still holds. True when it was written."""
    infusion = channel.infusion
    if infusion is None or infusion.dosing is None or infusion.dosing.sent is not None:
        return False
    dosing = infusion.dosing
    expired = out.now.link_ns - dosing.intended_ns > INTENT_LIFE_NS
    if not expired and (not dosing.durable or channel.driver.busy):
        return False
    reasons = refusals(snapshot(ward, channel, infusion, out))
    if expired:
        reasons = (*reasons, Reason("intent_expired", "the start could not be sent within 5 s of its confirmation"))
    if reasons or channel.identity is None or channel.status is None:
        _refused(channel, infusion, reasons, out)
        not_effective(ward, channel, Outcome.NOT_SENT, reasons, out)
        return False
    command = (Resume if dosing.resume else Start)(infusion.program_id, dosing.token)
    dosing.sent = out.now
    if dosing.resume and infusion.delivered is not None:
        infusion.delivered = infusion.delivered.set_moving(out.now.therapy_ns, infusion.program.flow_rate_ul_h)
    else:
        book_uncommanded(ward, channel, channel.status, out)  # what moved until here is not this program's
        infusion.begin(channel.status.counters, channel.identity.capability, out.now)
        infusion.reservoir_at_start_ul = channel.status.reservoir_ul
    if infusion.program.link_loss is LinkLoss.STOP_AT_LEASE_END:
        channel.grant_lease(channel.status, channel.status.uptime_ms + infusion.program.lease_ms)
    if channel.unheard_since_ns is None:
        channel.unheard_since_ns = out.now.link_ns
    out.add(WritePump(channel.name, channel.driver.command(command, out.now)))
    return True


def not_effective(ward: Ward, channel: Channel, outcome: Outcome, reasons: tuple[Reason, ...], out: Outbox) -> None:
    """The dosing command provably did nothing: back to where a person confirms again."""
    infusion = channel.infusion
    if infusion is None or infusion.dosing is None:
        return
    resume = infusion.dosing.resume
    if resume:
        infusion.dosing, infusion.unconfirmed = None, False
        _tell_outcome(channel, infusion, outcome, reasons, out, resume=True)
    else:
        never_ran(ward, channel, infusion, outcome, reasons, out)
    if channel.state is DeliveryState.STARTING:
        channel.move(Trigger.RESUME_NOT_EFFECTIVE if resume else Trigger.START_NOT_EFFECTIVE)


def never_ran(
    ward: Ward, channel: Channel, infusion: Infusion, outcome: Outcome, reasons: tuple[Reason, ...], out: Outbox
) -> None:
    """The program provably never moved: nothing of it counts, and its occurrence may still be given."""
    infusion.dosing, infusion.unconfirmed = None, False
    infusion.delivered, infusion.started_utc_ms = None, None
    withdraw(ward, infusion)
    _tell_outcome(channel, infusion, outcome, reasons, out, resume=False)


def _tell_outcome(
    channel: Channel, infusion: Infusion, outcome: Outcome, reasons: tuple[Reason, ...], out: Outbox, *, resume: bool
) -> None:
    told = {"channel": channel.name, "program_id": infusion.program_id.hex(), "outcome": outcome.value}
    out.record("dosing_outcome", {**told, "resume": resume, "reasons": [reason.code for reason in reasons]})


def intent_body(channel: Channel, infusion: Infusion, resume: bool) -> dict[str, object]:
    """All that a restarted daemon needs to know the program again and to count what it delivered."""
    base = infusion.delivered.base if infusion.delivered else channel.status.counters if channel.status else None
    return {
        "channel": channel.name,
        "resume": resume,
        "program": program_body(infusion.program),
        "remaining": [program_body(program) for program in infusion.remaining],
        "due_ms": infusion.due_utc_ms,
        "start_before_ms": infusion.start_before_utc_ms,
        "accuracy_permille": accuracy_permille(channel),
        "volume_step_ul": channel.identity.capability.volume_step_ul if channel.identity else infusion.program.vtbi_ul,
        "serial": channel.configuration.serial,
        "base": base and counters_body(base),
    }


def accuracy_permille(channel: Channel) -> int:
    """What the pump declared; without a pump to declare it, nothing can be certain: all of it again."""
    return channel.identity.capability.accuracy_permille if channel.identity else 1000


def mode_permits(ward: Ward, identity: Identified) -> bool:
    """This mode turns the motor of this pump, whether for a program or to fill a line."""
    return ward.configuration.mode is Mode.RIG and identity.simulated


def snapshot(ward: Ward, channel: Channel, infusion: Infusion, out: Outbox) -> StartSnapshot:
    """What the interlocks see, at this instant, for this very flow."""
    status, identity, program = channel.status, channel.identity, infusion.program
    expected = {PumpActivity.CONFIRMED, PumpActivity.LOADED} if not infusion.may_have_started else {PumpActivity.PAUSED}
    shows_it = status is not None and status.activity in expected and status.program_id == program.program_id
    lease_kept = program.link_loss is LinkLoss.FINISH_LOADED or (
        identity is not None and identity.capability.lease is not Lease.NONE
    )
    return StartSnapshot(
        mode_permits=identity is not None and mode_permits(ward, identity) and lease_kept,
        identity_matches=channel.link is Link.UP and channel.reconciled,
        journal_sound=ward.journal_sound,
        guard_alive=ward.guard_alive,
        latched=tuple(channel.latched),
        stop_pending=channel.stop is not None,
        status_age_ns=None if status is None else out.now.link_ns - status.asked.link_ns,
        alarms=("no status",) if status is None else status.stopping_alarms,
        read_back_equal=channel.read_back_equal and shows_it,
        another_running=ward.busy_elsewhere(channel),
        unresolved_dosing=infusion.unconfirmed,
        wall_step_ms=ward.wall_step_ms,
        verdict_reasons=reasons_against(ward, channel, infusion, out.now),
        exceeds_dose_rate=exceeds_dose_rate(program, program.flow_rate_ul_h),
        battery_runs_ms=_battery_runs_ms(channel),
        needed_ms=_needed_ms(infusion),
    )


def _battery_runs_ms(channel: Channel) -> int | None:
    """None on mains: what they feed needs no battery."""
    status = channel.status
    if status is None or not status.on_battery:
        return None
    return battery_runs_ms(status.battery_permille, channel.configuration.battery_life_h)


def _needed_ms(infusion: Infusion) -> int:
    """This program's rest and the programs that follow it."""
    given_ul = infusion.delivered.least_ul if infusion.delivered else 0
    left_ul = max(0, infusion.program.vtbi_ul - given_ul)
    own_ms = -(-left_ul * MS_PER_H // infusion.program.flow_rate_ul_h)
    return own_ms + sum(program.expected_duration.ceiling() for program in infusion.remaining)


def _refused(channel: Channel, infusion: Infusion, reasons: tuple[Reason, ...], out: Outbox) -> None:
    told = [{"code": reason.code, "message": reason.message} for reason in reasons]
    out.record("start_refused", {"channel": channel.name, "program_id": infusion.program_id.hex(), "reasons": told})
    message = "; ".join(f"{reason.code}: {reason.message}" for reason in reasons)
    raise_alarm(channel, "start_refused", Priority.LOW, message, out)
