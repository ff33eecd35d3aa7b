"""Draws the plan of one run from the campaign's seed and the run's number, and from nothing else.

Refuses to perform it. Each run has a random half of the kinds switched off, so that one fault does not hide behind
another in every run (swarm testing); a few kinds a run, in turn, happen for certain.
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from simulator.instant import NS_PER_S
from simulator.rig.campaign.kinds import drawn_incident
from simulator.rig.campaign.orders import OVERRIDES, drawn_order
from simulator.rig.campaign.plan import Act, Bed, Course, Deed, Incident, RunPlan

CHANNELS = ("a", "b")
PATIENTS = ("patient-0001", "patient-0002")
MINUTE_NS = 60 * NS_PER_S
# An ordinary evening, and half an hour before each of the two clock changes of ZONE (orders.py).
STARTS = ("2026-12-01T18:00:00+00:00", "2027-03-28T00:30:00+00:00", "2026-10-25T00:30:00+00:00")
START_WEIGHTS = (8, 1, 1)
SETTLE_NS = 20 * NS_PER_S  # until pumps have said who they are
GRACE_NS = 20 * MINUTE_NS  # pauses and waits on top of what the orders take
MOST_INCIDENTS = 14
IN_TURN = 4  # kinds that happen for certain
EARLY = 0.12  # of the incidents: while the order is being loaded and confirmed
EARLY_NS = 60 * NS_PER_S
FIRST_PART = 0.4  # of the rest: later ones find many runs over


def drawn_plan(seed: int, index: int, kinds: tuple[str, ...]) -> RunPlan:
    """Run number `index` of the campaign with this seed."""
    chance = Random(f"{seed}/{index}")  # noqa: S311 - a plan must be reproducible
    start = datetime.fromisoformat(chance.choices(STARTS, START_WEIGHTS)[0]).astimezone(UTC)
    two = chance.random() < 0.25
    same_patient = two and chance.random() < 0.5  # H33: two pumps, one patient
    beds: list[Bed] = []
    longest_ns = 0
    for place in range(2 if two else 1):
        patient = PATIENTS[0 if same_patient else place]
        bed, span_ns = _drawn_bed(chance, CHANNELS[place], patient, f"run-{index}")
        beds.append(bed)
        longest_ns = max(longest_ns, span_ns)
    channels = tuple(bed.channel for bed in beds)
    return RunPlan(
        seed=chance.getrandbits(48),
        start_utc_ms=round(start.timestamp() * 1000),
        limit_ns=longest_ns + GRACE_NS,
        beds=tuple(beds),
        acts=_drawn_acts(chance, channels, longest_ns),
        incidents=_drawn_incidents(chance, index, kinds, channels, longest_ns),
    )


def _drawn_bed(chance: Random, channel: str, patient_id: str, name: str) -> tuple[Bed, int]:
    """The bed, and how long its courses take."""
    courses: list[Course] = []
    span_ns = 0
    clears = chance.choice((0, 1, 2, 4))
    for number in range(chance.choices((1, 2, 3, 4), (3, 3, 2, 2))[0]):
        after_ns = SETTLE_NS if number == 0 else chance.randint(1, 10) * MINUTE_NS
        span_ns += after_ns
        drawn = drawn_order(chance, name=f"{name}-{channel}-{number}", patient_id=patient_id, intravenous=number > 0)
        press_ns = chance.choice((2, 5, 20, 59)) * NS_PER_S
        courses.append(Course(order=drawn.order, overrides=OVERRIDES, after_ns=after_ns, press_after_ns=press_ns))
        span_ns += drawn.minutes * MINUTE_NS
    bed = Bed(
        channel=channel,
        patient_id=patient_id,
        profile="reference",
        courses=tuple(courses),
        clears=clears,
        clear_after_ns=chance.choice((5, 30, 180)) * NS_PER_S,
    )
    return bed, span_ns


def _drawn_acts(chance: Random, channels: tuple[str, ...], span_ns: int) -> tuple[Act, ...]:
    acts: list[Act] = []
    if chance.random() < 0.3:
        channel, at_ns = chance.choice(channels), _instant_ns(chance, span_ns)
        first = chance.choice((Deed.PAUSE, Deed.PAUSE_KEY))
        resumed_ns = at_ns + chance.choice((10, 120, 600, 1_200)) * NS_PER_S
        acts += [
            Act(at_ns=at_ns, deed=first, channel=channel),
            Act(at_ns=resumed_ns, deed=Deed.RESUME, channel=channel),
        ]
    if chance.random() < 0.15:
        deed = chance.choice((Deed.STOP, Deed.STOP_KEY, Deed.CANCEL, Deed.CONFIRM_KEY))
        acts.append(Act(at_ns=_instant_ns(chance, span_ns), deed=deed, channel=chance.choice(channels)))
    return tuple(acts)


def _drawn_incidents(
    chance: Random, index: int, kinds: tuple[str, ...], channels: tuple[str, ...], span_ns: int
) -> tuple[Incident, ...]:
    if not kinds:
        return ()
    in_turn = [kinds[(index * IN_TURN + place) % len(kinds)] for place in range(IN_TURN)]
    switched_on = [kind for kind in kinds if chance.random() < 0.5] or in_turn
    chosen = in_turn + [chance.choice(switched_on) for _ in range(chance.randint(0, MOST_INCIDENTS - IN_TURN))]
    drawn = [
        drawn_incident(chance, kind, at_ns=_instant_ns(chance, span_ns), channel=chance.choice(channels))
        for kind in chosen
    ]
    return tuple(sorted(drawn, key=lambda incident: incident.at_ns))


def _instant_ns(chance: Random, span_ns: int) -> int:
    """Whole milliseconds, and now and then on a whole second, where polls and deadlines are."""
    if chance.random() < EARLY:
        at_ns = SETTLE_NS + chance.randrange(EARLY_NS)
    else:
        at_ns = SETTLE_NS + EARLY_NS + chance.randrange(max(1, int(span_ns * FIRST_PART)))
    grain_ns = chance.choice((NS_PER_S, NS_PER_S // 1_000))
    return at_ns // grain_ns * grain_ns
