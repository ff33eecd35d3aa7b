"""A watched world for tests of the rig: one pump, an order that a person has submitted, and the twelve invariants.

Refuses to judge: the watch does.
"""

from __future__ import annotations

from typing import Any

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from pumpctl.controller import Controller
from simulator.profile import REFERENCE, PumpProfile
from simulator.pump import SimPump
from simulator.rig.invariants import Watch, watch
from simulator.rig.world import World, journal_of
from simulator.rig.world.host import MakeController
from tests.controller.orders import PATIENT, START_UTC_MS, once
from tests.system.worlds import LIBRARY, A, S, press_and_start, submit

SHORT = once(dose="50 mg", volume="2.5 mL", duration="15 min")
HOUR_LONG = once()


def watched(
    make_controller: MakeController = Controller, *, seed: int = 1, profile: PumpProfile = REFERENCE
) -> tuple[World, Watch]:
    """Three seconds old, watched from the first byte."""
    configuration = ControllerConfiguration(Mode.RIG, 1, (ChannelConfiguration(A, "companion", "SIM-a", PATIENT),))
    made = World(
        configuration,
        LIBRARY,
        {A: SimPump(profile, serial="SIM-a", seed=seed)},
        journal_of([]),
        seed=seed,
        start_utc_ms=START_UTC_MS,
        make_controller=make_controller,
    )
    watching = watch(made)
    made.plug_in(A)
    made.run_for(3 * S)
    return made, watching


def infusing(
    make_controller: MakeController = Controller,
    order: dict[str, Any] | None = None,
    *,
    seed: int = 1,
    profile: PumpProfile = REFERENCE,
) -> tuple[World, Watch]:
    """An order of an hour, or this one, runs."""
    made, watching = watched(make_controller, seed=seed, profile=profile)
    submit(made, HOUR_LONG if order is None else order)
    press_and_start(made)
    return made, watching


def broken(watching: Watch) -> set[str]:
    """Which invariants the watch has seen broken."""
    return {violation.invariant for violation in watching.violations}
