"""A person with a host's half of the link at a simulated Alaris pump: asks, presses, lets time pass.

Refuses to know the daemon. Time is virtual; both clocks run evenly.
"""

from __future__ import annotations

from typing import TypeVar

from protocols.alaris import messages as m
from protocols.alaris.codec import security_code
from protocols.alaris.session import AlarisSession, Replied
from simulator.faults import parse_fault
from simulator.firmware.alaris_pump import ALARIS
from simulator.firmware.dialect import Button, Dialect
from simulator.instant import NS_PER_S, SimNow
from simulator.profile import SYRINGE, PumpProfile
from simulator.pump import SimPump
from simulator.truth import PumpTruth

SERIAL = "SIM-0001"
_Reply = TypeVar("_Reply", bound=m.Reply)
KEEP_ALIVE_S = 1.0  # as infupy


class AlarisDesk:
    """Every byte the pump sends is kept in `sent`."""

    def __init__(self, profile: PumpProfile = SYRINGE, dialect: Dialect = ALARIS) -> None:
        self.pump = SimPump(profile, serial=SERIAL, seed=1, dialect=dialect)
        self.session = AlarisSession()
        self.now = SimNow(0, 0)
        self.sent = bytearray()

    def exchange(self, request: m.Request) -> m.Reply | None:
        """The reply, or None where there is none."""
        received = self.pump.receive(self.session.request(request), self.now)
        self.sent += received
        replies = [heard for heard in self.session.receive(received) if isinstance(heard, Replied)]
        self.session.expire()
        return replies[0].reply if replies else None

    def ask(self, request: m.Request, reply: type[_Reply]) -> _Reply:
        got = self.exchange(request)
        assert isinstance(got, reply), f"{request} got {got!r}"
        return got

    def refused(self, request: m.Request) -> str:
        return self.ask(request, m.Refusal).reason

    def enable(self, serial: str = SERIAL) -> m.Reply | None:
        return self.exchange(m.Enable(m.Switch.CONTROL, security_code(serial)))

    def program(self, rate_ul_h: int = 10_000, vtbi_ul: int = 5_000) -> None:
        """Remote control, VTBI, rate."""
        self.enable()
        self.ask(m.SetVtbi(vtbi_ul, m.EndAction.STOP), m.Vtbi)
        self.ask(m.SetRate(rate_ul_h), m.Rate)

    def run(self, rate_ul_h: int = 10_000, vtbi_ul: int = 5_000) -> None:
        self.program(rate_ul_h, vtbi_ul)
        self.ask(m.Order.START, m.Echo)

    def status(self) -> m.Status:
        return self.ask(m.Query.STATUS, m.Status)

    def alarm(self) -> str:
        return self.ask(m.Query.ALARM, m.AlarmState).code

    def wait(self, seconds: float, *, keep_alive: bool = True) -> None:
        """Time passes; a host that is there says so each second."""
        until_ns = self.now.link_ns + round(seconds * NS_PER_S)
        while self.now.link_ns < until_ns:
            step_ns = min(until_ns - self.now.link_ns, round(KEEP_ALIVE_S * NS_PER_S))
            self.now = SimNow(self.now.link_ns + step_ns, self.now.therapy_ns + step_ns)
            self.sent += self.pump.advance(self.now)
            if keep_alive:
                self.enable()

    def press(self, button: Button) -> None:
        self.pump.press(button, self.now)

    def inject(self, text: str, by: str | None = None) -> None:
        self.pump.inject(parse_fault(text, by), self.now)

    def heal(self, text: str) -> None:
        self.pump.heal(parse_fault(text), self.now)

    @property
    def truth(self) -> PumpTruth:
        return self.pump.truth(self.now)
