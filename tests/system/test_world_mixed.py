"""One daemon, four pumps of four dialects, four patients: each is polled in its time, one that fails stays alone."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode, NewEraSetup
from simulator.faults import FaultKind
from simulator.firmware.dialect import Button, Dialect
from simulator.firmware.new_era import new_era
from simulator.firmware.registry import DIALECTS
from simulator.profile import PROFILES, SYRINGE, PumpProfile
from simulator.pump import SimPump
from simulator.rig.world import World, journal_of
from tests.controller.orders import START_UTC_MS, once
from tests.simulator.new_era_desk import EXACT
from tests.system.worlds import HOUR, LIBRARY, MINUTE, S, inject, latched, state, submit, truth, until

SETUP = NewEraSetup(address=0, diameter_um=26_590, syringe_ul=60_000, safe_s=30, simulated=True)
PUMPS: dict[str, tuple[Dialect, PumpProfile]] = {
    "alaris": (DIALECTS["alaris"], SYRINGE),
    "companion": (DIALECTS["companion"], PROFILES["reference"]),
    "miva": (DIALECTS["miva"], PROFILES["miva"]),
    "new_era": (new_era(SETUP.address), EXACT),
}
FLOW = "10 mL/h"


def ward() -> World:
    """Every pump plugged in and idle."""
    channels = tuple(
        ChannelConfiguration(
            name, name, dialect.serial, f"patient-{name}", new_era=SETUP if name == "new_era" else None
        )
        for name, (dialect, _) in PUMPS.items()
    )
    pumps = {
        name: SimPump(profile, serial=dialect.serial, seed=1, dialect=dialect)
        for name, (dialect, profile) in PUMPS.items()
    }
    configuration = ControllerConfiguration(Mode.RIG, 1, channels)
    made = World(configuration, LIBRARY, pumps, journal_of([]), seed=1, start_utc_ms=START_UTC_MS)
    for name in PUMPS:
        made.plug_in(name)
    made.run_for(5 * S)
    return made


def all_infusing() -> World:
    """50 mg in 2.5 mL over 15 min at each patient, confirmed at the pump or at the terminal."""
    made = ward()
    for name in PUMPS:
        order = once(name, patient=f"patient-{name}", dose="50 mg", volume="2.5 mL", duration="15 min")
        assert submit(made, order, name)["prepared"] is not None
    made.run_for(5 * S)
    for name in PUMPS:
        if name in {"companion", "miva"}:
            made.press(name, Button.CONFIRM)
        else:
            made.ask("confirm", channel=name, flow=FLOW, person="nurse")
    until(made, lambda: all(state(made, name) == "infusing" for name in PUMPS), 10 * S)
    return made


@pytest.mark.timeout(300)
@pytest.mark.hazard("H57")
def test_one_that_fails_is_stopped_and_the_others_are_given_what_was_ordered() -> None:
    made = all_infusing()
    made.run_for(5 * MINUTE)
    inject(made, FaultKind.OCCLUSION, channel="miva")
    inject(made, FaultKind.BABBLE, channel="companion")
    until(made, lambda: state(made, "miva") == "stopped", HOUR)
    assert latched(made, "miva") == {"occlusion_downstream"}
    others = [name for name in PUMPS if name != "miva"]
    until(made, lambda: all(state(made, name) == "completed" for name in others), HOUR)
    for name in others:
        seen = truth(made, name)
        assert 2_245 <= seen.delivered_ul <= 2_510, name  # a syringe takes up its slack of 0.25 mL first
        assert (seen.starts, latched(made, name)) == (1, set()), name
    assert truth(made, "miva").delivered_ul < 2_000


@pytest.mark.timeout(300)
def test_each_is_polled_once_a_second_whatever_the_others_take() -> None:
    """Nine questions of one dialect do not make the single one of another wait."""
    made = all_infusing()
    asked: dict[str, list[int]] = {name: [] for name in PUMPS}

    def note(_: World) -> None:
        for name, instants in asked.items():
            status = made.controller.ward.channels[name].status
            if status is not None and instants[-1:] != [status.asked.link_ns]:
                instants.append(status.asked.link_ns)

    made.observers.append(note)
    made.run_for(2 * MINUTE)
    for name, instants in asked.items():
        gaps = [later - earlier for earlier, later in pairwise(instants)]
        assert len(gaps) >= 110, name
        assert max(gaps) <= 1_200_000_000, (name, max(gaps))
