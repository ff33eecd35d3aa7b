"""Performs a plan: a world with its beds, the people and the incidents, and the invariants watching all of it.

Refuses to draw, and to judge: what is broken is what the invariants say is. The same plan gives the same outcome, its
digest over every byte on the wire included.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, JournalContent, Mode
from pumpctl.controller import Controller
from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.core.library import Library
from pumpctl.shell.library_file import read_library
from simulator import profile as profiles
from simulator.instant import SimNow
from simulator.profile import PumpProfile
from simulator.pump import SimPump
from simulator.rig.campaign.kinds import what
from simulator.rig.campaign.outcome import Broken, Outcome
from simulator.rig.campaign.persons import Persons
from simulator.rig.campaign.plan import Incident, RunPlan
from simulator.rig.invariants import Watch, watch
from simulator.rig.world import World, journal_of
from simulator.truth import PumpTruth

AFTERWARDS_NS = 30 * NS_PER_S  # after the last word: a late reply, an alarm, a release bolus
MAX_BROKEN = 20  # of one run: after the first few they say the same
UNCAUGHT = "uncaught"

MakeController: TypeAlias = Callable[[ControllerConfiguration, Library, JournalContent], Controller]

PROFILES: dict[str, PumpProfile] = {
    name.lower(): each for name, each in vars(profiles).items() if isinstance(each, PumpProfile)
}


class UnknownProfile(ValueError):
    """One line for people."""


def perform(plan: RunPlan, make_controller: MakeController = Controller) -> Outcome:
    """The whole run, and what comes when all is healed (I12)."""
    return _Performance(plan, make_controller).outcome()


class _Performance:
    """One run on its way."""

    def __init__(self, plan: RunPlan, make_controller: MakeController) -> None:
        self._plan = plan
        self._fired: Counter[str] = Counter()
        self._broken: list[Broken] = []
        self._is_over = False
        self._world = _world_of(plan, make_controller)
        self._watch: Watch = watch(self._world)
        self._persons = Persons(self._world, plan.beds, plan.acts)
        for incident in plan.incidents:
            self._world.at(incident.at_ns, lambda incident=incident: self._happen(incident))

    def outcome(self) -> Outcome:
        ended, is_live = UNCAUGHT, None
        try:
            ended = self._run()
            pump_ms = self._pump_ms()
            is_live = self._watch.finish()
        except Exception as error:  # whatever it is, it is a finding of this run
            self._broken.append(Broken(invariant=UNCAUGHT, at_ns=self._world.now_ns, detail=_told(error)))
            pump_ms = self._pump_ms()
        seen = [Broken(invariant=v.invariant, at_ns=v.at_ns, detail=v.detail) for v in self._watch.violations]
        return Outcome(
            digest=self._digest(),
            started=any(self._truth(channel).starts for channel in self._world.pumps),
            ended=ended,
            is_live=is_live,
            pump_ms=pump_ms,
            fired=dict(sorted(self._fired.items())),
            excess_ul=dict(sorted(self._watch.undetected_excess_ul.items())),
            broken=tuple((self._broken + seen)[:MAX_BROKEN]),
        )

    def _run(self) -> str:
        world = self._world
        for bed in self._plan.beds:
            world.plug_in(bed.channel)
        is_over = world.run_until(self._persons.are_done, self._plan.limit_ns)
        world.run_for(AFTERWARDS_NS)
        self._persons.leave()
        self._is_over = True
        return self._persons.sides[-1].ended if is_over else "limit"

    def _happen(self, incident: Incident) -> None:
        if self._is_over:
            return
        self._fired[incident.kind] += 1
        self._world.inject(what(incident), incident.channel, by=incident.by, for_ns=incident.for_ns)

    def _pump_ms(self) -> int:
        began = [side.began_ns for side in self._persons.sides if side.began_ns is not None]
        return sum(self._world.now_ns - began_ns for began_ns in began) // NS_PER_MS

    def _truth(self, channel: str) -> PumpTruth:
        now_ns = self._world.now_ns
        return self._world.pumps[channel].truth(SimNow(now_ns, now_ns))

    def _digest(self) -> str:
        """Every byte on the wire, and the volumes in whole uL."""
        world = self._world
        digest = hashlib.sha256(world.wire.hexdigest().encode())
        for channel in sorted(world.pumps):
            truth = self._truth(channel)
            volumes = (truth.motor_ul, truth.encoder_ul, truth.program_ul, int(truth.delivered_ul), truth.starts)
            digest.update(f"{channel} {world.now_ns} {volumes}\n".encode())
        return digest.hexdigest()


@cache
def _library() -> Library:
    return read_library(None)


def _world_of(plan: RunPlan, make_controller: MakeController) -> World:
    channels = tuple(
        ChannelConfiguration(bed.channel, "companion", f"SIM-{bed.channel}", bed.patient_id) for bed in plan.beds
    )
    pumps = {
        bed.channel: SimPump(_profile(bed.profile), serial=f"SIM-{bed.channel}", seed=plan.seed + place)
        for place, bed in enumerate(plan.beds)
    }
    return World(
        ControllerConfiguration(Mode.RIG, 1, channels),
        _library(),
        pumps,
        journal_of([]),
        seed=plan.seed,
        start_utc_ms=plan.start_utc_ms,
        make_controller=make_controller,
    )


def _profile(name: str) -> PumpProfile:
    if name not in PROFILES:
        raise UnknownProfile(f"{name!r} is no pump profile; there are {', '.join(PROFILES)}")
    return PROFILES[name]


def _told(error: Exception) -> str:
    """What was raised, and the line that raised it."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f"{at.tb_frame.f_globals.get('__name__')}:{at.tb_lineno}" if at else "nowhere"
    return f"{type(error).__name__} in {place}: {error}"[:500]
