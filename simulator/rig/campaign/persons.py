"""The people of a run: they have orders loaded, press the pump's button, clear latches, and do what the plan says.

Refuses to judge. They read states as a person reads `pumpctl status` and the pump's display. Whatever they try ends
with the run at the latest: its limit is the bound of every wait here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import assert_never

from pumpctl.core.delivery import DeliveryState
from pumpctl.core.instant import NS_PER_S
from pumpctl.core.order_text import parse_order
from simulator.pump import Button
from simulator.rig.bag_check import bag_check
from simulator.rig.campaign.orders import dated
from simulator.rig.campaign.plan import Act, Bed, Course, Deed
from simulator.rig.world import World

TRY_AGAIN_NS = 15 * NS_PER_S  # a load takes three replies; a person looks after that
PRESSES = 6  # of the confirm button, for one wait of the pump
CLEARERS = ["nurse on duty", "physician on duty"]
LOOK_NS = 240 * NS_PER_S
AS_BEFORE = {
    "patellar_reflex": "present",
    "breathing_rate": "16 /min",
    "systolic_pressure": "120 mmHg",
    "heart_rate": "70 /min",
    "urine": "250 mL",
}

_AT_REST = frozenset({DeliveryState.IDLE, DeliveryState.COMPLETED})


class Place(Enum):
    """Where a bed is in its courses."""

    WANTED = "wanted"  # the course is due, or soon will be, and not in the pump
    LOADED = "loaded"  # in the pump, or running
    OVER = "over"  # nothing more is wanted here


@dataclass(slots=True)
class Bedside:
    """What the people at one bed have in mind.

    `was` is the state they saw last, `waits` counts the pump's waits, `texts` are the orders as they were written,
    `has_run` is about the course, `began_ns` is when they first saw it infuse.
    """

    bed: Bed
    place: Place = Place.WANTED
    course: int = 0
    tries: int = 0
    clears: int = 0
    waits: int = 0
    has_run: bool = False
    was: DeliveryState = DeliveryState.UNKNOWN
    ended: str = "never_loaded"
    began_ns: int | None = None
    texts: dict[int, str] = field(default_factory=dict[int, str])

    @property
    def given(self) -> Course:
        return self.bed.courses[self.course]


class Persons:
    """To be shown the world after each step of it."""

    def __init__(self, world: World, beds: tuple[Bed, ...], acts: tuple[Act, ...]) -> None:
        self._world = world
        self._have_left = False
        self.sides = tuple(Bedside(bed) for bed in beds)
        for side in self.sides:
            self._want(side)
        for act in acts:
            self._after(act.at_ns, lambda act=act: self._do(act))

    def are_done(self) -> bool:
        """Look, and say whether nothing more is wanted anywhere."""
        for side in self.sides:
            state = self._world.controller.ward.channels[side.bed.channel].state
            if state is not side.was:
                side.was = state
                self._react(side)
        return all(side.place is Place.OVER for side in self.sides)

    def leave(self) -> None:
        """The run is over: none of them does anything more."""
        self._have_left = True

    def _react(self, side: Bedside) -> None:
        if side.place is Place.OVER:
            return
        match side.was:
            case DeliveryState.AWAITING_CONFIRMATION:
                side.place, side.waits = Place.LOADED, side.waits + 1
                self._press_later(side, side.given.press_after_ns, side.waits, PRESSES)
            case DeliveryState.INFUSING:
                if not side.has_run and side.given.order["route"] == "iv":
                    self._look_later(side, side.course)
                side.has_run = True
                if side.began_ns is None:
                    side.began_ns = self._world.now_ns
            case DeliveryState.STOPPED:
                self._clear_later(side)
            case DeliveryState.IDLE | DeliveryState.COMPLETED if side.place is Place.LOADED:
                self._out_of_the_pump(side)
            case _:
                return

    # Orders.

    def _out_of_the_pump(self, side: Bedside) -> None:
        """Given, or given up; or taken out before it began, and then it is tried again."""
        side.ended = side.was.value
        if side.has_run:
            self._next_course(side)
            return
        course, side.place = side.course, Place.WANTED
        self._after(TRY_AGAIN_NS, lambda: self._try(side, course))

    def _next_course(self, side: Bedside) -> None:
        if side.course + 1 == len(side.bed.courses):
            side.place = Place.OVER
            return
        side.course, side.tries, side.place, side.has_run = side.course + 1, 0, Place.WANTED, False
        self._want(side)

    def _want(self, side: Bedside) -> None:
        course = side.course
        self._after(side.given.after_ns, lambda: self._try(side, course))

    def _try(self, side: Bedside, course: int) -> None:
        """Submitted the first time, prepared with another bag each time after."""
        if side.course != course or side.place is not Place.WANTED:
            return
        if side.was in _AT_REST:
            if side.tries == side.given.tries:
                self._next_course(side)
                return
            side.tries += 1
            self._have_it_loaded(side)
        self._after(TRY_AGAIN_NS, lambda: self._try(side, course))

    def _have_it_loaded(self, side: Bedside) -> None:
        world, course, channel = self._world, side.given, side.bed.channel
        at = datetime.fromtimestamp(world.utc_ms // 1000, UTC)
        check = json.dumps(bag_check(course.order, at=at, bag=f"BAG-{channel}-{side.course + 1}-{side.tries}"))
        text = side.texts.setdefault(side.course, json.dumps(dated(course.order, at)))
        digest = parse_order(text, "order").digest
        if digest in world.controller.ward.orders:
            world.ask("order.prepare", order=digest, check=check)
        else:
            world.ask("order.submit", text=text, channel=channel, overrides=list(course.overrides), check=check)

    def _look_later(self, side: Bedside, course: int) -> None:
        """H38: the shortest of the intervals, that of a loading dose, with a minute to spare."""

        def _look() -> None:
            if side.course == course and side.place is Place.LOADED:
                self._world.ask("observe", channel=side.bed.channel, person=CLEARERS[0], **AS_BEFORE)
                self._look_later(side, course)

        self._after(LOOK_NS, _look)

    # Buttons and latches.

    def _press_later(self, side: Bedside, span_ns: int, wait: int, presses: int) -> None:
        def _press() -> None:
            if side.waits == wait and side.was is DeliveryState.AWAITING_CONFIRMATION:
                self._world.press(side.bed.channel, Button.CONFIRM)
                if presses > 1:
                    self._press_later(side, TRY_AGAIN_NS, wait, presses - 1)

        self._after(span_ns, _press)

    def _clear_later(self, side: Bedside) -> None:
        if side.clears == side.bed.clears:
            side.place, side.ended = Place.OVER, "latched"
            return
        side.clears += 1

        def _clear() -> None:
            if side.was is DeliveryState.STOPPED:
                self._world.ask("clear", channel=side.bed.channel, persons=CLEARERS)
                self._after(TRY_AGAIN_NS, _still)

        def _still() -> None:
            if side.was is DeliveryState.STOPPED and side.place is not Place.OVER:
                self._clear_later(side)

        self._after(side.bed.clear_after_ns, _clear)

    # What the plan makes them do.

    def _do(self, act: Act) -> None:
        world, channel = self._world, act.channel
        match act.deed:
            case Deed.PAUSE | Deed.RESUME | Deed.STOP:
                world.ask(act.deed.value, channel=channel)
            case Deed.CANCEL:
                for digest in [o.digest for o in world.controller.ward.orders.values() if o.channel == channel]:
                    world.ask("order.cancel", order=digest)
            case Deed.STOP_KEY:
                world.press(channel, Button.STOP)
            case Deed.PAUSE_KEY:
                world.press(channel, Button.PAUSE)
            case Deed.CONFIRM_KEY:
                world.press(channel, Button.CONFIRM)
            case _:
                assert_never(act.deed)

    def _after(self, span_ns: int, then: Callable[[], None]) -> None:
        self._world.at(self._world.now_ns + span_ns, lambda: None if self._have_left else then())
