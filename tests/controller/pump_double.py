"""A pump that does what a test tells it to: obedient by default, and deaf, mute, lying or late on demand.

Refuses to be a simulator: no physics, no checks of SPEC.md. It answers in the frames of the companion link, counts
volume at whatever flow it is given, and keeps what it heard.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from protocols.companion import messages as wire
from protocols.companion.codec import ANSWER_BIT, NO_PROGRAM, Envelope, decode, encode, program_digest
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.companion.vocabulary import (
    Alarm,
    EventKind,
    IdentityFlag,
    LinkLoss,
    NoticeCause,
    Phase,
    PumpState,
    Purpose,
    RefusalReason,
    StatusFlag,
)

NO_ALARM = Alarm(0)
NS_PER_H = 3_600_000_000_000
IDENTITY_FLAGS = IdentityFlag.SIMULATED | IdentityFlag.CONFIRM_BUTTON | IdentityFlag.FLOW_SENSOR


@dataclass(slots=True)
class PumpDouble:
    """Instants are ns of the test's one clock. Flows uL/h, volumes uL."""

    serial: str = "SIM-0001"
    flags: IdentityFlag = IDENTITY_FLAGS
    kvo_min_ul_h: int = 0
    max_lease_ms: int = 600_000
    state: PumpState = PumpState.IDLE
    program: wire.Load | None = None
    boot_count: int = 1
    alarms: Alarm = NO_ALARM
    purpose: Purpose = Purpose.NONE
    token: int = 0
    flow_ul_h: int = 0  # what really moves, whatever it says
    commanded_ul_h: int | None = None  # what it says, when that is to differ
    measured_ul_h: int | None = None
    moved_ul: int = 0
    encoder_gap_ul: int = 0  # it stands still until it is so far behind; it never falls
    lease_ends_ns: int | None = None
    ignores_stops: int = 0
    ignores_pauses: bool = False  # answers PAUSED and runs on
    battery_permille: int | None = None  # None: on mains
    reservoir_ul: int = 200_000
    pressure_mmhg: int = 8
    clock_permille: int = 0  # how far its clock runs ahead
    prime_left_ul: int = 0
    uptime_lag_ms: int = 0  # its statuses are of so long ago
    counters_fell_ul: int = 0  # its counters have lost so much
    lies_stopped: bool = False  # answers STOPPED and runs on
    mute: set[type] = field(default_factory=set[type])  # carried out, not answered
    deaf: set[type] = field(default_factory=set[type])  # lost on the way
    deny: dict[type, RefusalReason] = field(default_factory=dict[type, RefusalReason])
    read_back: dict[str, int] = field(default_factory=dict[str, int])  # fields that come back different
    events: list[wire.Event] = field(default_factory=list[wire.Event])
    event_base: int = 0  # index of the first one kept
    heard: list[tuple[int, wire.Message]] = field(default_factory=list[tuple[int, wire.Message]])
    begun: list[bytes] = field(default_factory=list[bytes])  # programs really started
    _zero_ul: int = 0
    _encoder_ul: int = 0
    _counted_ns: int = 0
    _rest: int = 0
    _decoder: FrameDecoder = field(default_factory=FrameDecoder)

    def count(self, kind: type) -> int:
        """How many messages of this kind were heard."""
        return sum(isinstance(message, kind) for _, message in self.heard)

    def times(self, kind: type) -> list[int]:
        return [at_ns for at_ns, message in self.heard if isinstance(message, kind)]

    def receive(self, received: bytes, now_ns: int) -> bytes:
        """Answers to the whole frames in `received`."""
        self.run_to(now_ns)
        said = b""
        for piece in self._decoder.receive(received):
            assert not isinstance(piece, Garbage), f"the daemon sent {piece}"
            said += self._hear(decode(piece), now_ns)
        return said

    def run_to(self, now_ns: int) -> None:
        """Let the volume catch up; a program in hand ends at its VTBI."""
        due = self.flow_ul_h * (now_ns - self._counted_ns) + self._rest
        self._counted_ns = now_ns
        moved, self._rest = divmod(due, NS_PER_H)
        if self.state is PumpState.INFUSING and self.program is not None:
            left = max(0, self.program.vtbi_ul - self.program_ul)
            if moved >= left:
                moved, self.flow_ul_h, self.state = left, 0, PumpState.COMPLETED
        if self.state is PumpState.PRIMING and self.prime_left_ul:
            moved = min(moved, self.prime_left_ul)
            self.prime_left_ul -= moved
            if not self.prime_left_ul:
                self.halt(PumpState.IDLE)
        self.moved_ul += moved

    @property
    def program_ul(self) -> int:
        return self.moved_ul - self._zero_ul

    # Persons and circumstances.

    def press(self, token: int = 7) -> bytes:
        """The confirm button."""
        self.purpose = Purpose.RESUME if self.state is PumpState.PAUSED else Purpose.START
        self.token = token
        if self.state is PumpState.LOADED:
            self.state = PumpState.CONFIRMED
        return self.notice(NoticeCause.TOKEN)

    def halt(self, state: PumpState = PumpState.STOPPED) -> None:
        self.flow_ul_h, self.state = 0, state
        if state in {PumpState.STOPPED, PumpState.IDLE}:
            self.program, self.token, self.purpose = None, 0, Purpose.NONE

    def raise_alarm(self, alarm: Alarm, now_ns: int) -> bytes:
        """A stopping alarm, told at once."""
        self.run_to(now_ns)
        self.alarms |= alarm
        self.halt()
        self.record(EventKind.ALARM_RAISED, int(alarm))
        return self.notice(NoticeCause.ALARMS)

    def restart(self, now_ns: int) -> None:
        """Power off and on."""
        self.run_to(now_ns)
        self.halt(PumpState.IDLE)
        self.boot_count += 1
        self.moved_ul = self._zero_ul = self._rest = self._encoder_ul = 0

    def notice(self, cause: NoticeCause) -> bytes:
        return encode(wire.Notice(1, len(self.events) + self.event_base, self.state, self.alarms, cause), 0, 0)

    def record(self, kind: EventKind, detail: int = 0) -> None:
        index = len(self.events) + self.event_base
        program_id = self.program.program_id if self.program else bytes(8)
        self.events.append(wire.Event(index, 1, kind, detail, program_id))

    # The link.

    def _hear(self, asked: Envelope, now_ns: int) -> bytes:
        request = asked.message
        self.heard.append((now_ns, request))
        if type(request) in self.deaf:
            return b""
        if isinstance(request, wire.Stop):
            return self._stop()
        answer = self._carry_out(request, now_ns)
        if type(request) in self.mute:
            return b""
        return encode(answer, asked.session, asked.sequence)

    def _stop(self) -> bytes:
        if self.ignores_stops:
            self.ignores_stops -= 1
            return b""
        if not self.lies_stopped:
            resting = self.state in {PumpState.IDLE, PumpState.COMPLETED}
            self.halt(self.state if resting else PumpState.STOPPED)
        return b"" if wire.Stop in self.mute else encode(wire.Stopped(), 0, 0)

    def _carry_out(self, request: wire.Message, now_ns: int) -> wire.Answer:
        if type(request) in self.deny:
            return wire.Refused(request.TYPE, self.deny[type(request)])
        match request:
            case wire.Identify():
                return self.identity(now_ns)
            case wire.GetStatus():
                return self.status(now_ns)
            case wire.Load():
                self.program, self._zero_ul = request, self.moved_ul
                self.state, self.token, self.purpose = PumpState.LOADED, 0, Purpose.NONE
                return wire.Loaded(request.program_id, program_digest(request))
            case wire.ReadProgram():
                return self._read_back()
            case wire.GetConfirmation():
                program_id = self.program.program_id if self.program and self.token else bytes(8)
                return wire.Confirmation(self.purpose, program_id, self.token, 60_000 if self.token else 0)
            case wire.Start() | wire.Resume():
                return self._begin(request, now_ns)
            case wire.Pause():
                if not self.ignores_pauses:
                    self.halt(PumpState.PAUSED)
                return wire.Paused(request.program_id)
            case wire.Prime():
                self.state, self.flow_ul_h, self.prime_left_ul = PumpState.PRIMING, request.flow_ul_h, request.volume_ul
                return wire.Primed()
            case wire.Renew():
                self.lease_ends_ns = request.until_uptime_ms * 1_000_000
                return wire.Renewed(request.until_uptime_ms)
            case wire.GetEvent():
                at = request.index - self.event_base
                kept = 0 <= at < len(self.events)
                return self.events[at] if kept else wire.Refused(request.TYPE, RefusalReason.NO_SUCH_EVENT)
            case wire.Acknowledge():
                self.alarms &= ~Alarm(request.alarms)
                return wire.Acknowledged(self.alarms)
            case _:
                raise AssertionError(f"{request} | {ANSWER_BIT}")

    def _begin(self, request: wire.Start | wire.Resume, now_ns: int) -> wire.Answer:
        resume = isinstance(request, wire.Resume)
        expected = PumpState.PAUSED if resume else PumpState.CONFIRMED
        if self.state is not expected or self.program is None:
            return wire.Refused(request.TYPE, RefusalReason.BAD_STATE)
        if request.token != self.token:
            return wire.Refused(request.TYPE, RefusalReason.WRONG_TOKEN)
        self.state, self.flow_ul_h, self.token, self.purpose = (
            PumpState.INFUSING, self.program.flow_ul_h, 0, Purpose.NONE,
        )  # fmt: skip
        if not resume:
            self.begun.append(request.program_id)
        self.lease_ends_ns = now_ns + self.program.lease_ms * 1_000_000 if self.program.lease_ms else None
        return (wire.Resumed if resume else wire.Started)(request.program_id)

    def _read_back(self) -> wire.Program:
        if self.program is None:
            return NO_PROGRAM
        fields = {name: getattr(self.program, name) for name in wire.Load.__dataclass_fields__ if name != "TYPE"}
        fields |= self.read_back
        fields["phase"], fields["link_loss"] = Phase(fields["phase"]), LinkLoss(fields["link_loss"])
        return wire.Program(**fields)

    def identity(self, now_ns: int) -> wire.Identity:
        return wire.Identity(
            "companion-sim", self.serial, "sim-1.0", self.flags, self.boot_count, now_ns // 1_000_000,
            100, 1_200_000, 100, 250_000, 1, 50, self.max_lease_ms, 60_000, 256, 8, self.kvo_min_ul_h,
        )  # fmt: skip

    def status(self, now_ns: int) -> wire.Status:
        flags = StatusFlag(0)
        if self.flow_ul_h:
            flags |= StatusFlag.MOTOR_MOVING
        if self.token:
            flags |= StatusFlag.TOKEN_ALIVE
        if self.battery_permille is not None:
            flags |= StatusFlag.ON_BATTERY
        battery = 900 if self.battery_permille is None else self.battery_permille
        commanded = self.flow_ul_h if self.commanded_ul_h is None else self.commanded_ul_h
        measured = self.flow_ul_h if self.measured_ul_h is None else self.measured_ul_h
        counted_ul = self.moved_ul - self.counters_fell_ul
        self._encoder_ul = max(self._encoder_ul, self.moved_ul - self.encoder_gap_ul)
        lease_left_ms = 0 if self.lease_ends_ns is None else max(0, self.lease_ends_ns - now_ns) // 1_000_000
        return wire.Status(
            now_ns * (1000 + self.clock_permille) // 1_000_000_000 - self.uptime_lag_ms,
            self.boot_count, self.state, flags,
            self.program.program_id if self.program else bytes(8), commanded, measured,
            counted_ul, self._encoder_ul - self.counters_fell_ul, counted_ul, max(0, self.program_ul),
            self.pressure_mmhg, self.reservoir_ul, battery, self.alarms,
            len(self.events) + self.event_base, lease_left_ms, 0, 0,
        )  # fmt: skip


def messages_in(frame: bytes) -> list[wire.Message]:
    """What a written frame asks."""
    pieces = FrameDecoder().receive(frame)
    return [decode(piece).message for piece in pieces if not isinstance(piece, Garbage)]
