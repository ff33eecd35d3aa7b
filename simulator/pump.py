"""A simulated pump: bytes and time in, bytes and the next wake-up out, and the truth for those who judge.

Refuses to know ports, sockets and clocks, and the daemon above all: what it does comes from SPEC.md and physics.
All randomness is one seeded generator, and nothing depends on how often it is called: the same seed and the same
bytes at the same instants give the same bytes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from simulator import mischief
from simulator.afflictions import Afflictions, Turn
from simulator.babble import Babble
from simulator.faults import Fault, FaultKind, ScheduledFault
from simulator.firmware.companion_pump import COMPANION
from simulator.firmware.dialect import Button, Dialect, Firmware, PowerOn
from simulator.firmware.sensors import KeptMemory
from simulator.firmware.tally import LinkFaults, Tally
from simulator.instant import NS_PER_MS, NS_PER_S, SimNow, between, between_link, earlier
from simulator.physics import Plant
from simulator.profile import REFERENCE, PumpProfile
from simulator.truth import PumpTruth, Trace, TracePoint
from simulator.witness import bear_witness

NEVER_NS = (1 << 63) - 1
POWER_CYCLE_NS = NS_PER_S  # link time from power-off to power-on when nothing else is asked for
BROWN_OUT_NS = 80 * NS_PER_MS
_KEEP_OFF = frozenset({FaultKind.POWER_CYCLE, FaultKind.BATTERY_DEATH})
MAX_EVENTS_A_CALL = 100_000  # a scenario holds 1000 faults and a program ends once: beyond this time stands still


class SimPump:
    """One pump on one line. Every method takes the present instant; going back is a bug of the caller."""

    def __init__(
        self,
        profile: PumpProfile = REFERENCE,
        *,
        serial: str,
        seed: int,
        speed: int = 1,
        auto_confirm: bool = False,
        now: SimNow | None = None,
        scenario: Iterable[ScheduledFault] = (),
        dialect: Dialect = COMPANION,
    ) -> None:
        self.profile = profile
        self._dialect = dialect
        self._make = dialect.make()
        self.serial = serial
        self.speed = speed
        self.trace = Trace()
        self._auto_confirm = auto_confirm
        self._rng = Random(seed)  # noqa: S311 - a simulator's token must be reproducible
        self._now = now or SimNow(0, 0)
        self._tally = Tally()
        self._link_faults = LinkFaults()
        self._kept = KeptMemory()
        self._plant = Plant(profile, self._now.therapy_ns)
        scenario = tuple(scenario)
        for line in scenario:
            self._must_suffer(line.fault)
        self._afflictions = Afflictions(scenario, self._now.therapy_ns)
        self._power_on_ns: int | None = None
        self._babble = Babble(seed)
        self._firmware: Firmware | None = self._boot()

    # The world.

    def receive(self, received: bytes, now: SimNow) -> bytes:
        """Bytes from the line; what is to be sent by now comes back."""
        self._run_to(now)
        if self._firmware is not None and not self.is_unplugged:
            self._firmware.receive(received, now)
            self._firmware.settle(now)
        return self._take()

    def advance(self, now: SimNow) -> bytes:
        """Let time pass; what is to be sent by now, unasked or delayed, comes back."""
        self._run_to(now)
        return self._take()

    def call_at(self) -> int:
        """Link time of the next instant at which `advance` has something to do or to say; NEVER_NS for none."""
        link_ns = self._next_link_ns()
        if self._firmware is not None:
            said_ns = earlier(self._firmware.says_ns(), self._babble.next_ns())
            link_ns = link_ns if said_ns is None else min(link_ns, said_ns)
        therapy_ns = self._next_therapy_ns()
        if therapy_ns < NEVER_NS:
            link_ns = min(link_ns, self._now.link_ns - (self._now.therapy_ns - therapy_ns) // self.speed)
        return max(link_ns, self._now.link_ns)

    def press(self, button: Button, now: SimNow) -> None:
        """A person at the pump. What it makes the pump say comes with the next `advance`."""
        self._run_to(now)
        if self._firmware is not None:
            self._firmware.press(button, now)

    def inject(self, fault: Fault, now: SimNow, *, after_ns: int = 0, for_ns: int | None = None) -> None:
        """`after_ns`, `for_ns`: therapy time. Raises ValueError: too many wait already, or no fault of such a pump."""
        self._must_suffer(fault)
        self._run_to(now)
        self._afflictions.schedule(Turn(fault, begins=True, for_ns=for_ns), now.therapy_ns + after_ns)
        self._happen(now)

    def _must_suffer(self, fault: Fault) -> None:
        if fault.kind not in self._dialect.faults:
            raise ValueError(f"{fault.kind.value}: not a fault of a pump that speaks so")

    def heal(self, fault: Fault, now: SimNow) -> None:
        """The fault is gone from now on. Healing `empty` fits a full bag, whatever hung there before."""
        self._run_to(now)
        self._end(fault, now)
        self._happen(now)

    @property
    def is_unplugged(self) -> bool:
        """Whether the companion's cable is out."""
        return bool(self._afflictions.active) and FaultKind.UNPLUG in self._afflictions.active

    def truth(self, now: SimNow) -> PumpTruth:
        """What really is, and was, by this instant. Nothing that is to be sent gets lost."""
        self._run_to(now)
        shown = self._firmware.shown(now) if self._firmware else None
        faults = set(self._afflictions.active)
        return bear_witness(now, self.serial, self._kept.boot_count, self._plant, shown, self._tally, faults)

    def delivered_ul(self, now: SimNow) -> float:
        """What has entered the patient by this instant: of the truth, what judges ask for all the time."""
        self._run_to(now)
        return self._plant.at(now.therapy_ns).delivered_ul

    # Time.

    def _run_to(self, now: SimNow) -> None:
        if now.link_ns < self._now.link_ns or now.therapy_ns < self._now.therapy_ns:
            raise ValueError(f"time ran back from {self._now} to {now}")
        for _ in range(MAX_EVENTS_A_CALL):
            due = self._next_due(now)
            if due is None:
                break
            self._now = due
            self._happen(due)
        else:
            raise AssertionError(f"time stands still at {self._now}")
        self._now = now
        if self.trace.is_due(now.therapy_ns):
            self._draw(now)

    def _next_due(self, now: SimNow) -> SimNow | None:
        """The earliest inner instant up to `now`, both clocks running evenly until then."""
        link_ns, therapy_ns = self._next_link_ns(), self._next_therapy_ns()
        instants: list[SimNow] = []
        if link_ns <= now.link_ns:
            instants.append(between_link(self._now, now, max(link_ns, self._now.link_ns)))
        if therapy_ns <= now.therapy_ns:
            instants.append(between(self._now, now, max(therapy_ns, self._now.therapy_ns)))
        return min(instants, key=lambda instant: (instant.therapy_ns, instant.link_ns), default=None)

    def _next_link_ns(self) -> int:
        if self._firmware is None:
            return NEVER_NS if self._power_on_ns is None else self._power_on_ns
        firmware_ns = self._firmware.next_link_ns()
        return NEVER_NS if firmware_ns is None else firmware_ns

    def _next_therapy_ns(self) -> int:
        earliest_ns = self._afflictions.next_ns()
        if self._firmware is not None:
            earliest_ns = earlier(earliest_ns, self._firmware.next_therapy_ns())
            volume_ul = self._afflictions.next_volume_ul()
            if volume_ul is not None:
                earliest_ns = earlier(earliest_ns, self._firmware.program_reaches_ns(volume_ul))
        return NEVER_NS if earliest_ns is None else earliest_ns

    def _happen(self, now: SimNow) -> None:
        """Everything that is due at this instant: power, faults, and what the pump makes of each."""
        if self._power_on_ns is not None and now.link_ns >= self._power_on_ns:
            self._power_on_ns = None
            self._afflictions.end(FaultKind.POWER_CYCLE)
            self._power_on(now)
        self._plant.change(now.therapy_ns, self._afflictions.drift(self._plant.conditions, now.therapy_ns))
        self._settle(now)
        while turn := self._afflictions.take_due(now.therapy_ns, self._program_ul(now)):  # at most MAX_PENDING wait
            if turn.begins:
                self._begin(turn, now)
            else:
                self._end(turn.fault, now)
            self._settle(now)  # a pulse without length is seen, too
        self._draw(now)

    def _settle(self, now: SimNow) -> None:
        if self._firmware is not None:
            self._firmware.settle(now)

    def _program_ul(self, now: SimNow) -> int | None:
        return self._firmware.program_ul(now) if self._firmware else None

    def _draw(self, now: SimNow) -> None:
        at_ns = now.therapy_ns
        self.trace.add(TracePoint(at_ns, self._plant.at(at_ns).delivered_ul, self._plant.flow_ul_h(at_ns)))

    def _take(self) -> bytes:
        garbage = self._babble.take(self._now.link_ns)
        if self._firmware is None:
            return b""
        if self.is_unplugged:
            self._firmware.lose()
            return b""
        return garbage + self._firmware.take(self._now)

    # Faults.

    def _begin(self, turn: Turn, now: SimNow) -> None:
        self._afflictions.begin(turn, now.therapy_ns)
        mischief.begin(turn.fault, self._parts(), now)
        match turn.fault.kind:
            case FaultKind.POWER_CYCLE:
                self._power_off(now, POWER_CYCLE_NS if turn.for_ns is None else None)
            case FaultKind.OTHER_SERIAL if self._firmware is not None:
                self._power_off(now, POWER_CYCLE_NS)
            case FaultKind.BROWN_OUT if self._firmware is not None:
                self._power_off(now, BROWN_OUT_NS)
            case FaultKind.BABBLE:
                self._babble.begin(turn.fault.size, now.link_ns)
            case FaultKind.BATTERY_DEATH:
                self._lose_power(now)
            case _:
                return

    def _end(self, fault: Fault, now: SimNow) -> None:
        was_active = fault.kind in self._afflictions.active
        self._afflictions.end(fault.kind)
        mischief.end(fault, self._parts(), now)
        match fault.kind:
            case FaultKind.POWER_CYCLE:
                self._power_on_ns = None
                self._power_on(now)
            case FaultKind.BATTERY_DEATH:
                self._power_on(now)
            case FaultKind.OTHER_SERIAL if was_active and self._firmware is not None:
                self._power_off(now, POWER_CYCLE_NS)
            case FaultKind.BABBLE:
                self._babble.end()
            case _:
                return

    def _parts(self) -> mischief.Parts:
        return mischief.Parts(self.profile, self._plant, self._kept, self._link_faults, self._firmware)

    def _power_off(self, now: SimNow, back_after_ns: int | None) -> None:
        """`back_after_ns` of link time later it comes back by itself, None: when healed. The last one rules."""
        self._lose_power(now)
        self._power_on_ns = None if back_after_ns is None else now.link_ns + back_after_ns

    def _lose_power(self, now: SimNow) -> None:
        self._firmware = None
        self._plant.change(now.therapy_ns, replace(self._plant.conditions, interval=0, powered=False))

    def _power_on(self, now: SimNow) -> None:
        """If it is off and nothing keeps it off."""
        if self._firmware is None and not self._afflictions.active.keys() & _KEEP_OFF:
            self._plant.change(now.therapy_ns, replace(self._plant.conditions, powered=True))
            self._firmware = self._boot()

    def _boot(self) -> Firmware:
        return self._make(
            PowerOn(
                self.profile,
                self._plant,
                self._kept,
                self._rng,
                self._now,
                self.serial,
                self._auto_confirm,
                self._tally,
                self._link_faults,
                self._afflictions.active,
            )
        )
