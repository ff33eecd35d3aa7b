"""A driver brought into any state by what a simulated pump once answered it: recorded once, replayed when needed.

Refuses to know any dialect. A driver is a machine without clock and chance: the same answers give the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now
from pumpctl.drivers import pump
from pumpctl.drivers.pump import Driver
from simulator.instant import SimNow
from simulator.pump import SimPump
from tests.fuzz_frames.subject import ASKED

MOST_QUESTIONS = 200  # of one command
ANSWER_NS = NS_PER_MS
PAUSE_NS = 5 * NS_PER_S  # between two commands: a pump that was started runs by then


@dataclass(frozen=True, slots=True)
class Said:
    """One command and every answer that it got, in order."""

    command: pump.Command
    answers: tuple[bytes, ...]


def recorded(driver: Driver, fired: SimPump, commands: Iterable[pump.Command]) -> list[Said]:
    """The whole conversation. Raises AssertionError where the pump leaves a question without an answer."""
    now = ASKED
    said: list[Said] = []
    for command in commands:
        written, answers = driver.command(command, now), list[bytes]()
        while driver.busy:
            assert len(answers) < MOST_QUESTIONS, f"{command} has no end"
            answer = fired.receive(written, SimNow(now.link_ns, now.therapy_ns))
            now = Now(now.link_ns + ANSWER_NS, now.therapy_ns + ANSWER_NS, 0)
            answer += fired.advance(SimNow(now.link_ns, now.therapy_ns))
            assert answer, f"{command}: no answer to {written!r}"
            answers.append(answer)
            driver.receive(answer)
            written = driver.outgoing(now)
        said.append(Said(command, tuple(answers)))
        now = Now(now.link_ns + PAUSE_NS, now.therapy_ns + PAUSE_NS, 0)
    return said


def replayed(driver: Driver, said: Iterable[Said]) -> Driver:
    """The driver after all of it; of the last one the next question is on its way, if there is one."""
    for each in said:
        driver.command(each.command, ASKED)
        for answer in each.answers:
            driver.receive(answer)
            driver.outgoing(ASKED)
    return driver


def every_state(
    make: Callable[[], Driver], before: list[Said], last: Said, most: int = 12
) -> dict[str, Callable[[], Driver]]:
    """After each of the first answers to the last command, and the same with STOP written then."""
    states: dict[str, Callable[[], Driver]] = {}
    for answered in range(min(len(last.answers), most)):
        cut = [*before, Said(last.command, last.answers[:answered])]

        def so_far(cut: list[Said] = cut) -> Driver:
            return replayed(make(), cut)

        def stopping(cut: list[Said] = cut) -> Driver:
            driver = replayed(make(), cut)
            driver.stopping(ASKED)
            return driver

        name = f"{len(before)} {type(last.command).__name__} after {answered}"
        states |= {name: so_far, f"{name}, stopping": stopping}
    return states
