"""A person with a companion's half of the link at a simulated pump: asks, presses, lets time pass.

Refuses to know the daemon. Time is virtual; `speed` runs therapy time against link time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from protocols.companion import messages as m
from protocols.companion.codec import STOP_FRAME, sealed
from protocols.companion.framing import Garbage
from protocols.companion.session import CompanionSession, Refused, Reply, Unasked
from protocols.companion.vocabulary import Alarm, LinkLoss, Phase, PumpState, RefusalReason
from simulator.faults import parse_fault
from simulator.firmware.machine import Machine
from simulator.instant import NS_PER_MS, NS_PER_S, SimNow
from simulator.profile import REFERENCE, PumpProfile
from simulator.pump import Button, SimPump
from simulator.truth import PumpTruth

PROGRAM_ID = bytes.fromhex("0102030405060708")
_Answer = TypeVar("_Answer", bound=m.Answer)
LATEST_NS = 100 * NS_PER_MS  # SPEC.md: no answer takes longer than STOPPED's 100 ms


def program(flow_ul_h: int = 10_000, vtbi_ul: int = 100_000, lease_ms: int = 0, **changed: Any) -> m.Load:  # noqa: ANN401 - any field of Load
    """A program that the pump takes, unless a field is `changed`; the digest always fits."""
    usual = m.Load(
        program_id=PROGRAM_ID,
        digest=bytes(16),
        phase=Phase.INFUSION,
        flow_ul_h=flow_ul_h,
        vtbi_ul=vtbi_ul,
        flow_limit_ul_h=max(flow_ul_h, 12_000),
        kvo_ul_h=0,
        link_loss=LinkLoss.STOP_AT_LEASE_END if lease_ms else LinkLoss.FINISH_LOADED,
        lease_ms=lease_ms,
        dose_ug=2_000_000,
    )
    return sealed(replace(usual, **changed))


class Desk:
    """Every byte the pump sends is kept in `sent`, every notice in `notices`."""

    def __init__(
        self, profile: PumpProfile = REFERENCE, *, speed: int = 1, seed: int = 1, auto_confirm: bool = False
    ) -> None:
        self.pump = SimPump(profile, serial="SIM-0001", seed=seed, speed=speed, auto_confirm=auto_confirm)
        self.now = SimNow(0, 0)
        self.sent = bytearray()
        self.notices: list[m.Notice] = []
        self.stopped_count = 0
        self.garbage_bytes = 0
        self.expects_garbage = False
        self.open(0xC0FFEE)

    def open(self, session: int) -> m.Identity:
        self.session = CompanionSession(session)
        return self.ask(m.Identify(), m.Identity)

    def wait(self, seconds: float) -> None:
        """Link time passes, wake-up by wake-up."""
        until_ns = self.now.link_ns + round(seconds * NS_PER_S)
        while self.now.link_ns < until_ns:
            self._move(min(until_ns, max(self.pump.call_at(), self.now.link_ns + 1)))
            self._hear(self.pump.advance(self.now))

    def wait_therapy(self, seconds: float) -> None:
        self.wait(seconds / self.pump.speed)

    def exchange(self, request: m.Request) -> m.Answer | RefusalReason | None:
        """The answer, the reason against it, or None when none came in time."""
        replies = self._hear(self.pump.receive(self.session.request(request), self.now))
        until_ns = self.now.link_ns + LATEST_NS
        while not replies and self.pump.call_at() <= until_ns:
            self._move(max(self.pump.call_at(), self.now.link_ns))
            replies = self._hear(self.pump.advance(self.now))
        if not replies:
            self.session.expire()
            return None
        return replies[0]

    def ask(self, request: m.Request, answer: type[_Answer]) -> _Answer:
        got = self.exchange(request)
        assert isinstance(got, answer), f"{type(request).__name__} got {got!r}"
        return got

    def stop(self) -> None:
        """STOP, and wait for STOPPED."""
        before = self.stopped_count
        self._hear(self.pump.receive(STOP_FRAME, self.now))
        until_ns = self.now.link_ns + LATEST_NS
        while self.stopped_count == before and self.pump.call_at() <= until_ns:
            self._move(max(self.pump.call_at(), self.now.link_ns))
            self._hear(self.pump.advance(self.now))

    def press(self, button: Button) -> None:
        self.pump.press(button, self.now)
        self._hear(self.pump.advance(self.now))

    def inject(self, text: str, after_s: int = 0, for_s: int | None = None, by: str | None = None) -> None:
        for_ns = None if for_s is None else for_s * NS_PER_S
        self.expects_garbage |= text == "babble"
        self.pump.inject(parse_fault(text, by), self.now, after_ns=after_s * NS_PER_S, for_ns=for_ns)
        self._hear(self.pump.advance(self.now))

    def heal(self, text: str) -> None:
        self.pump.heal(parse_fault(text), self.now)
        self._hear(self.pump.advance(self.now))

    def confirm(self) -> int:
        """Press the button and fetch the token."""
        self.press(Button.CONFIRM)
        return self.ask(m.GetConfirmation(), m.Confirmation).token

    def run(self, load: m.Load) -> None:
        """Load, confirm, start."""
        self.ask(load, m.Loaded)
        self.ask(m.Start(load.program_id, self.confirm()), m.Started)

    def status(self) -> m.Status:
        return self.ask(m.GetStatus(), m.Status)

    @property
    def truth(self) -> PumpTruth:
        """What really is so."""
        return self.pump.truth(self.now)

    def delivered_in(self, seconds: float) -> float:
        """What enters the patient in so much link time, in uL."""
        before_ul = self.truth.delivered_ul
        self.wait(seconds)
        return self.truth.delivered_ul - before_ul

    @property
    def machine(self) -> Machine:
        """Behind the pump's back: for values that go wrong there."""
        firmware = self.pump._firmware  # pyright: ignore[reportPrivateUsage] - no pump has such a door
        assert firmware is not None
        return firmware.machine

    @property
    def state(self) -> PumpState:
        return self.status().state

    @property
    def alarms(self) -> Alarm:
        return self.status().alarms

    def _move(self, link_ns: int) -> None:
        elapsed_ns = link_ns - self.now.link_ns
        self.now = SimNow(link_ns, self.now.therapy_ns + elapsed_ns * self.pump.speed)

    def _hear(self, received: bytes) -> list[m.Answer | RefusalReason]:
        self.sent += received
        replies: list[m.Answer | RefusalReason] = []
        for heard in self.session.receive(received):
            match heard:
                case Reply(message=message):
                    replies.append(message)
                case Refused(reason=reason):
                    replies.append(reason)
                case Unasked(notice=notice):
                    self.notices.append(notice)
                case Garbage(dropped_bytes=dropped_bytes) if self.expects_garbage:
                    self.garbage_bytes += dropped_bytes
                case m.Stopped():
                    self.stopped_count += 1
                case _:
                    raise AssertionError(f"the pump sent {heard!r}")
        return replies
