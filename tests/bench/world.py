"""How many hours of an infusion the whole stack goes through in one second of one core: Controller, line and SimPump.

The golden order is submitted, confirmed at the pump and started in virtual time; then hours pass, polled once a second.
Refuses to be fed a world in which nothing flows: the pump's true volume is looked at after each hour.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, JournalCondition, JournalContent, Mode
from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import NS_PER_S
from pumpctl.core.schedule import read_instant
from pumpctl.shell.library_file import read_library
from simulator.instant import SimNow
from simulator.pump import Button, SimPump
from simulator.rig.world import World
from tests.bench.harness import Subject
from tests.bench.orders import GOLDEN

CHANNEL = "a"
CHECK = GOLDEN.parents[1] / "checks/golden-home-sc.json"
PATIENT = "patient-0001"  # whom the golden order is for
ROUNDS = 5
HOUR_NS = 3600 * NS_PER_S
SETTLE_NS = 120 * NS_PER_S
UL_A_HOUR = 10_000  # what the golden order runs at
SPREAD_UL = 500  # its declared accuracy, 5 %


@contextmanager
def world_speed(build: Path) -> Generator[Subject, None, None]:
    world = _infusing()
    yield Subject(
        name="World, one pump, polled at 1 Hz",
        unit="pump-h/s",
        goal=1.0,
        rounds=ROUNDS,
        ours=lambda: [_hours_a_second(world)],
        floor=None,
    )


def _infusing() -> World:
    start_utc_ms = read_instant("2026-12-01T19:00:00Z")
    assert isinstance(start_utc_ms, int)
    channels = (ChannelConfiguration(CHANNEL, "companion", "SIM-0001", PATIENT),)
    world = World(
        ControllerConfiguration(mode=Mode.RIG, speed=1, channels=channels),
        read_library(),
        {CHANNEL: SimPump(serial="SIM-0001", seed=1)},
        JournalContent(JournalCondition.SOUND, "", ()),
        seed=1,
        start_utc_ms=start_utc_ms,
    )
    world.plug_in(CHANNEL)
    _reach(world, DeliveryState.IDLE)
    override = "Q31=pharmacist on call:daily infusions as in the case report"
    world.ask(
        "order.submit",
        text=GOLDEN.read_text(),
        channel=CHANNEL,
        overrides=[override],
        source_name=GOLDEN.name,
        check=CHECK.read_text(),
    )
    _reach(world, DeliveryState.AWAITING_CONFIRMATION)
    world.press(CHANNEL, Button.CONFIRM)
    _reach(world, DeliveryState.INFUSING)
    return world


def _reach(world: World, state: DeliveryState) -> None:
    channel = world.controller.ward.channels[CHANNEL]
    reached = world.run_until(lambda: channel.state is state, world.now_ns + SETTLE_NS)
    assert reached, f"the channel is {channel.state}, not {state}; answers: {world.seen.answers}"


def _hours_a_second(world: World) -> float:
    before_ul = _delivered_ul(world)
    before = perf_counter()
    world.run_for(HOUR_NS)
    took_s = perf_counter() - before
    flowed_ul = _delivered_ul(world) - before_ul
    assert abs(flowed_ul - UL_A_HOUR) <= SPREAD_UL, f"{flowed_ul} ul in an hour"
    return 1 / took_s


def _delivered_ul(world: World) -> int:
    return int(world.pumps[CHANNEL].truth(SimNow(world.now_ns, world.now_ns)).delivered_ul)
