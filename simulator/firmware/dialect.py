"""What a simulated pump needs of its firmware, whatever dialect it speaks: one object for each power-on.

Refuses to know any dialect. Bytes, keys and time go in, bytes and the next wake-up come out, and `shown` tells those
who judge what the firmware believes. What outlives the power belongs to whoever makes it (`Make`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Protocol, TypeAlias

from simulator.fault_kinds import FaultKind
from simulator.faults import Fault
from simulator.firmware.sensors import KeptMemory
from simulator.firmware.tally import LinkFaults, Tally
from simulator.instant import SimNow
from simulator.physics import Plant
from simulator.profile import PumpProfile


class Button(Enum):
    """What a person can press. A pump that lacks the key does nothing."""

    CONFIRM = "confirm"
    STOP = "stop"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class PowerOn:
    """What a firmware is made from. `active`: the faults of this pump and their sizes, kept by the pump."""

    profile: PumpProfile
    plant: Plant
    kept: KeptMemory
    rng: Random
    now: SimNow
    serial: str
    auto_confirm: bool
    tally: Tally
    link_faults: LinkFaults
    active: Mapping[FaultKind, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the firmware believes, in the words of PumpTruth. Volumes in uL."""

    state: str
    program_id: str
    alarms: tuple[str, ...]
    commanded_flow_ul_h: int
    motor_ul: int
    encoder_ul: int
    flow_ul: int | None
    program_ul: int
    reservoir_ul: int


class Firmware(Protocol):
    """Every method that takes the present instant may be called at any, and never with an earlier one."""

    def receive(self, received: bytes, now: SimNow) -> None:
        """Bytes from the line. What is to be answered waits for `take`."""
        ...

    def take(self, now: SimNow) -> bytes:
        """What is to be sent by now."""
        ...

    def lose(self) -> None:
        """Nobody is on the line: what would be sent is gone."""
        ...

    def says_ns(self) -> int | None:
        """Link time at which `take` has something more to give."""
        ...

    def settle(self, now: SimNow) -> None:
        """Everything that is due at this instant."""
        ...

    def next_link_ns(self) -> int | None:
        """Link time at which `settle` has something to do."""
        ...

    def next_therapy_ns(self) -> int | None:
        """The same in therapy time."""
        ...

    def press(self, button: Button, now: SimNow) -> None:
        """A person at the pump's own keys."""
        ...

    def begin(self, fault: Fault, now: SimNow) -> None:
        """What this fault does to a pump under power, beyond plant and line."""
        ...

    def end(self, fault: Fault, now: SimNow) -> None:
        """And its end."""
        ...

    def program_ul(self, now: SimNow) -> int | None:
        """How far the loaded program is; None without one."""
        ...

    def program_reaches_ns(self, volume_ul: int) -> int | None:
        """Therapy time at which the loaded program is that far, if nothing else changes."""
        ...

    def shown(self, now: SimNow) -> Shown:
        """For those who judge."""
        ...


Make: TypeAlias = Callable[[PowerOn], Firmware]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`make` is called once a pump and gives what is called at each power-on: it keeps what outlives the power."""

    make: Callable[[], Make]
    faults: frozenset[FaultKind]  # the kinds that such a pump can suffer
    serials: str = "SIM-[!-~]{1,12}"  # those that are kept for its simulators, as a regular expression
    serial_rule: str = "begins SIM- and has at most 16 ASCII characters"  # the same, for people
    serial: str = "SIM-0001"  # unless another is asked for
    profile: str = "reference"
