"""A hand on the line of a simulated New Era pump, in virtual time. Refuses to know what a command does."""

from __future__ import annotations

from protocols.new_era.framing import Mode, Packet, ReplyDecoder, encode_request
from protocols.new_era.messages import AlarmKind, Reply, parse_reply, request_payload
from simulator.faults import parse_fault
from simulator.firmware.new_era import new_era
from simulator.instant import NS_PER_S, SimNow
from simulator.profile import NEW_ERA, PumpProfile
from simulator.pump import SimPump
from simulator.truth import PumpTruth

EXACT = PumpProfile(model="NE1000", reservoir_ul=60_000, has_flow_sensor=False, cut_off_ul=0)


class NewEraDesk:
    """`mode` is how this end speaks. Replies come at once or not at all; what comes unasked is kept in `unasked`."""

    def __init__(self, address: int = 0, profile: PumpProfile = NEW_ERA, *, acknowledged: bool = True) -> None:
        self.pump = SimPump(profile, serial="SIM-0001", seed=1, dialect=new_era(address))
        self.now = SimNow(0, 0)
        self.address, self.mode = address, Mode.BASIC
        self.unasked: list[Reply] = []
        self._decoder = ReplyDecoder()
        if acknowledged:
            self.ask()

    def ask(self, command: str = "", address: int | None = None) -> Reply | None:
        """The reply, or None."""
        payload = request_payload(self.address if address is None else address, command)
        return self.say(encode_request(payload, self.mode))

    def body(self, command: str) -> str:
        reply = self.ask(command)
        assert reply is not None
        return reply.body

    def state(self, command: str = "") -> str:
        """As the pump writes it."""
        reply = self.ask(command)
        assert reply is not None
        return f"A?{reply.state.value}" if isinstance(reply.state, AlarmKind) else reply.state.value

    def say(self, line: bytes) -> Reply | None:
        replies = self._heard(self.pump.receive(line, self.now))
        assert len(replies) <= 1
        return replies[0] if replies else None

    def wait(self, seconds: float) -> None:
        until_ns = self.now.link_ns + round(seconds * NS_PER_S)
        while self.now.link_ns < until_ns:
            at_ns = min(until_ns, max(self.pump.call_at(), self.now.link_ns + 1))
            self.now = SimNow(at_ns, at_ns)
            self.unasked += self._heard(self.pump.advance(self.now))

    def inject(self, text: str) -> None:
        self.pump.inject(parse_fault(text, None), self.now)
        self.unasked += self._heard(self.pump.advance(self.now))

    def heal(self, text: str) -> None:
        self.pump.heal(parse_fault(text, None), self.now)

    def program(self, rate: str = "60MH", volume: str = "1", diameter: str = "26.59") -> None:
        """One phase, and a stop behind it."""
        phase = [f"RAT{rate}", "VOLML", f"VOL{volume}", "DIRINF"]
        for command in [f"DIA{diameter}", "PHN1", "FUNRAT", *phase, "PHN2", "FUNSTP", "PHN1"]:
            reply = self.ask(command)
            assert reply is not None
            assert reply.refusal is None, command

    def safe(self, seconds: int) -> None:
        """Its reply comes in the new mode."""
        self.ask(f"SAF{seconds}")
        self.mode = Mode.SAFE if seconds else Mode.BASIC

    @property
    def truth(self) -> PumpTruth:
        return self.pump.truth(self.now)

    def _heard(self, spoken: bytes) -> list[Reply]:
        return [parse_reply(piece.payload) for piece in self._decoder.receive(spoken) if isinstance(piece, Packet)]
