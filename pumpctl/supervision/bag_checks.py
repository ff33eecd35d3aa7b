"""The bag checks of this daemon: which occurrence was prepared with which, and what a start looks like because of it.

Refuses to judge: the rules on a start do. A check is good for its own occurrence, and a bag, once something was
started from it, for no other, over restarts too.
"""

from __future__ import annotations

from typing import Any

from pumpctl.core.instant import NS_PER_MS, Now
from pumpctl.core.order import Override
from pumpctl.core.program import Program
from pumpctl.core.rules.start_case import Start, folded
from pumpctl.core.schedule import Occurrence
from pumpctl.core.starting import StartCheck
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.ward import AcceptedOrder, CheckedStart, Ward

MAX_USED_BAGS = 100_000  # two and a half centuries of daily bags
UNKNOWN_PAUSE_MS = 365 * 24 * 3_600_000  # longer than any that S05 allows


def start_prepared(
    ward: Ward, channel: Channel, occurrence: Occurrence, programs: tuple[Program, ...], check: StartCheck
) -> Start:
    """The start of an occurrence whose programs are about to be loaded."""
    return Start(
        occurrence, programs, check, used_bags=ward.used_bags, sites_in_use=frozenset(_sites_in_use(ward, channel))
    )


def start_confirmed(
    ward: Ward, channel: Channel, infusion: Infusion, order: AcceptedOrder, check: StartCheck, now: Now
) -> Start:
    """The start or resume of the program that is in the pump, as of now."""
    occurrence = next(each for each in order.occurrences if each.number == infusion.program.occurrence)
    return Start(
        occurrence=occurrence,
        programs=(infusion.program, *infusion.remaining),
        check=check,
        paused_ms=_paused_ms(infusion, now.therapy_ns),
        left_ul=_left_ul(infusion),
        used_bags=ward.used_bags,
        sites_in_use=frozenset(_sites_in_use(ward, channel)),
    )


def keep_check(accepted: AcceptedOrder, occurrence: int, checked: CheckedStart, person: str, out: Outbox) -> None:
    """From here this occurrence has this check; the record comes before that of any start."""
    accepted.checks[occurrence] = checked
    body = {
        "order": accepted.digest,
        "channel": accepted.channel,
        "occurrence": occurrence,
        "check": checked.check.model_dump(mode="json", exclude_none=True),
        "overrides": [override.model_dump() for override in checked.overrides],
        "person": person,
    }
    out.record("bag_checked", body)


def remember_check(ward: Ward, body: dict[str, Any]) -> None:
    """A check from its record."""
    accepted = ward.orders.get(body["order"])
    if accepted is not None:
        overrides = tuple(Override.model_validate(each) for each in body["overrides"])
        accepted.checks[body["occurrence"]] = CheckedStart(StartCheck.model_validate(body["check"]), overrides)


def use_bag(ward: Ward, infusion: Infusion) -> None:
    """Something is about to be started from this program's bag: it hangs for this occurrence and no other (B02)."""
    program = infusion.program
    accepted = ward.orders.get(program.order_digest)
    checked = accepted.checks.get(program.occurrence) if accepted else None
    place = -1 - len(infusion.remaining)
    if checked is not None and len(checked.check.bags) >= -place:
        bag_id = folded(checked.check.bags[place].bag_id or "")
        ward.used_bags.setdefault(bag_id, (program.order_digest, program.occurrence))


def _sites_in_use(ward: Ward, channel: Channel) -> list[str]:
    """Where this patient's other infusions run, as their checks say."""
    sites: list[str] = []
    for other in ward.others_of(channel):
        program = other.infusion.program if other.infusion and other.owes_dose() else None
        accepted = ward.orders.get(program.order_digest) if program else None
        checked = accepted.checks.get(program.occurrence) if accepted and program else None
        if checked is not None and checked.check.site.site is not None:
            sites.append(folded(checked.check.site.site))
    return sites


def _paused_ms(infusion: Infusion, therapy_ns: int) -> int | None:
    if not infusion.may_have_started:
        return None
    if infusion.paused_therapy_ns is None:
        return UNKNOWN_PAUSE_MS
    return -((infusion.paused_therapy_ns - therapy_ns) // NS_PER_MS)


def _left_ul(infusion: Infusion) -> int | None:
    """The most that can be left: what is certainly in the patient is not."""
    delivered = infusion.delivered
    return None if delivered is None else max(0, infusion.program.vtbi_ul - delivered.least_ul)
