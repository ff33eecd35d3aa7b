"""Every state of a simulated pump, reached as a companion and a person reach it. Refuses to test anything."""

from __future__ import annotations

from collections.abc import Callable

from protocols.companion import messages as m
from protocols.companion.vocabulary import (
    NOT_CONNECTED,
    PumpState,
)
from tests.simulator.desk import PROGRAM_ID, Desk, program


def idle(_: Desk) -> None:
    """As it comes."""


def loaded(desk: Desk) -> None:
    desk.ask(program(), m.Loaded)


def confirmed(desk: Desk) -> None:
    loaded(desk)
    desk.confirm()


def infusing(desk: Desk) -> None:
    desk.run(program(vtbi_ul=10_000))
    desk.wait(60)


def paused(desk: Desk) -> None:
    infusing(desk)
    desk.ask(m.Pause(PROGRAM_ID), m.Paused)


def stopped(desk: Desk) -> None:
    infusing(desk)
    desk.stop()


def completed(desk: Desk) -> None:
    desk.run(program(vtbi_ul=100))
    desk.wait(37)


def priming(desk: Desk) -> None:
    desk.ask(m.Prime(5_000, 100_000, NOT_CONNECTED), m.Primed)


REACH: dict[PumpState, Callable[[Desk], None]] = {
    PumpState.IDLE: idle,
    PumpState.LOADED: loaded,
    PumpState.CONFIRMED: confirmed,
    PumpState.INFUSING: infusing,
    PumpState.PAUSED: paused,
    PumpState.STOPPED: stopped,
    PumpState.COMPLETED: completed,
    PumpState.PRIMING: priming,
}


def in_state(state: PumpState) -> Desk:
    desk = Desk()
    REACH[state](desk)
    assert desk.state is state
    return desk
