"""I11: whatever comes in over MQTT, only a STOP can change what is said to a pump.

Refuses to trust that nothing comes in today: the alphabet is what the MQTT rooms of the shell could name as an event.
Two worlds of one seed are run side by side, and one of them is given the letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import get_args

from pumpctl.events import Event, OperatorRequest
from simulator.rig.invariants.violation import Violation
from simulator.rig.world import World

AFTERWARDS_NS = 30_000_000_000


def events_in_reach(rooms: Iterable[ModuleType]) -> set[type[object]]:
    """The events that these modules could construct: those that they can name."""
    events = set(get_args(Event))
    return {named for room in rooms for named in vars(room).values() if isinstance(named, type) and named in events}


def letters_that_change_the_wire(run: Callable[[], World], alphabet: Iterable[Event]) -> list[Violation]:
    """`run` makes the same world again and again, at the instant at which a letter comes."""
    untouched = run()
    untouched.run_for(AFTERWARDS_NS)
    found: list[Violation] = []
    for letter in alphabet:
        if isinstance(letter, OperatorRequest) and letter.method == "stop":
            continue
        touched = run()
        at_ns = touched.now_ns
        touched.tell(letter)
        touched.run_for(AFTERWARDS_NS)
        if touched.wire.hexdigest() != untouched.wire.hexdigest():
            found.append(Violation("I11", at_ns, f"{letter} changes what is said to a pump"))
    return found
