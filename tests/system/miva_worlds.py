"""A World with a MIVA pump on its channel; everything else as in worlds.py. Refuses to judge."""

from __future__ import annotations

from typing import Any

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from simulator.firmware.dialect import Dialect
from simulator.firmware.miva_pump import MIVA
from simulator.profile import MIVA as PROFILE
from simulator.pump import SimPump
from simulator.rig.world import World, journal_of
from simulator.rig.world.seen import Delays
from tests.controller.orders import PATIENT, START_UTC_MS
from tests.system.worlds import LIBRARY, A, S, press_and_start, submit

SERIAL = "SIM00001"


def miva_world(seed: int = 1, *, serial: str = SERIAL, delays: Delays | None = None, dialect: Dialect = MIVA) -> World:
    """A daemon whose channel is for SIM00001, with a pump plugged in, three seconds old."""
    configuration = ControllerConfiguration(Mode.RIG, 1, (ChannelConfiguration(A, "miva", SERIAL, PATIENT),))
    pump = SimPump(PROFILE, serial=serial, seed=seed, dialect=dialect)
    made = World(configuration, LIBRARY, {A: pump}, journal_of([]), seed=seed, start_utc_ms=START_UTC_MS, delays=delays)
    made.plug_in(A)
    made.run_for(3 * S)
    return made


def miva_infusing(order: dict[str, Any], seed: int = 1) -> World:
    """The order runs."""
    made = miva_world(seed)
    submit(made, order)
    press_and_start(made)
    return made
