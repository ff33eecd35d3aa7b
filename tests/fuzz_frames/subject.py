"""What is fuzzed: one dialect's codec, its driver in every state, its simulated pump in every state.

Refuses to know how a line is damaged and what is made of the findings. `says` is the second reading: what a line truly
says by a decoder that shares nothing with the product's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from pumpctl.core.instant import NS_PER_MS, NS_PER_S, Now
from pumpctl.drivers.pump import Driver
from simulator.instant import SimNow
from simulator.pump import SimPump

ASKED = Now(5 * NS_PER_S, 5 * NS_PER_S, 9)
SERIAL = "SIM-0001"


@dataclass(frozen=True, slots=True)
class Claims:
    """What whole frames of a line say that a driver may act on."""

    frames: int = 0  # whole ones, whatever they say
    stopped: bool = False
    serials: frozenset[str] = frozenset()
    tokens: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Fired:
    """A pump and its present instant."""

    pump: SimPump
    now: SimNow


@dataclass(frozen=True, slots=True)
class Subject:
    """`whole`: the frames that the product's decoder finds; `whole_again`: those that the second one finds."""

    name: str
    corpus: tuple[bytes, ...]
    end: bytes  # ends whatever frame is under way
    nonsense: Callable[[Random], bytes]  # a whole frame, its checksum right
    whole: Callable[[bytes], list[bytes]]
    whole_again: Callable[[bytes], list[bytes]]
    read: Callable[[bytes], None]  # every message layer there is; raises nothing but RemoteProtocolError
    says: Callable[[bytes], Claims]
    serial: str = SERIAL  # of the pump that the drivers are to take for theirs
    drivers: Mapping[str, Callable[[], Driver]] = field(default_factory=dict[str, Callable[[], Driver]])
    doses: Callable[[str, bytes], bool] = lambda _state, _written: False  # a write of a driver in that state
    pumps: Mapping[str, Callable[[], Fired]] = field(default_factory=dict[str, Callable[[], Fired]])
    gap_ns: int = NS_PER_MS  # of silence after each line at a pump
    may_dose: Callable[[bytes], bool] = lambda _line: False  # a line that truly asks a pump for flow: it gets no pump
