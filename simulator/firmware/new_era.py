"""The New Era dialect of a simulated pump: packets in, the reply of this address out, alarms unasked in safe mode.

Refuses to know what commands do (new_era_commands.py). There is no serial number to mark it as simulated: nobody but
the channel's declaration says so. What it says wrongly on purpose, it says here, between the pump and the wire.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from protocols.errors import RemoteProtocolError
from protocols.new_era.figures import shown_text
from protocols.new_era.framing import SILENCE_MS, Garbage, GarbageReason, Mode, Packet, RequestDecoder, encode_reply
from protocols.new_era.messages import AlarmKind, Prompt, Refusal, Reply, Request, parse_request, reply_payload
from simulator.fault_kinds import FaultKind, Hits
from simulator.faults import Fault
from simulator.firmware.dialect import Button, Dialect, Make, PowerOn, Shown
from simulator.firmware.new_era_commands import Commands
from simulator.firmware.new_era_machine import NewEraMachine
from simulator.firmware.new_era_memory import Memory
from simulator.firmware.sensors import Sensors
from simulator.instant import NS_PER_MS, SimNow, earlier

MAX_WAITING = 1_000  # replies nobody has taken: beyond it the oldest are lost, as on a line without a listener
_STATES = {
    Prompt.INFUSING: "infusing",
    Prompt.PAUSED: "paused",
    Prompt.PURGING: "priming",
}
_ALARM_NAMES = {AlarmKind.RESET: "reset", AlarmKind.STALLED: "motor_stall", AlarmKind.TIMED_OUT: "lease_ended"}
# Without door, bag, battery, air and pressure sensor, event history and button there is nothing to go wrong with them.
FAULTS = frozenset(kind for kind in FaultKind if kind.traits.hits is Hits.PHYSICS) - {
    FaultKind.AIR, FaultKind.BUBBLE, FaultKind.KVO, FaultKind.HEAT, FaultKind.MAINS_LOSS, FaultKind.BATTERY_DEATH,
    FaultKind.CLOCK_DRIFT, FaultKind.UPSTREAM_OCCLUSION,
} | {
    FaultKind.SAY_STOPPED, FaultKind.SAY_INFUSING, FaultKind.VOLUME_FREEZE, FaultKind.READ_BACK, FaultKind.BUSY,
    FaultKind.UNPLUG, FaultKind.DROP_REPLY, FaultKind.DROP_START_ACK, FaultKind.IGNORE_STOP, FaultKind.BABBLE,
    FaultKind.KEYPAD_RATE,
}  # fmt: skip


class NewEraPump:
    """Of one power-on."""

    def __init__(self, power_on: PowerOn, memory: Memory) -> None:
        self._sensors = Sensors(power_on.profile, power_on.plant, power_on.kept, power_on.now.therapy_ns)
        self.machine = NewEraMachine(power_on.profile, power_on.plant, self._sensors, memory, power_on.now)
        self._commands = Commands(self.machine)
        self._memory = memory
        self._plant = power_on.plant
        self._tally, self._faults, self._active = power_on.tally, power_on.link_faults, power_on.active
        self._decoder = RequestDecoder(self._mode)
        self._silent_ns: int | None = None  # inside a safe packet
        self._waiting: deque[bytes] = deque(maxlen=MAX_WAITING)
        self._frozen = ""  # what DIS says while it stands still
        power_on.kept.boot_count += 1

    # The line.

    def receive(self, received: bytes, now: SimNow) -> None:
        for byte in received:  # SAF switches the mode for the very next byte
            for piece in self._decoder.receive(bytes([byte])):
                payload = piece.claim if isinstance(piece, Garbage) else piece.payload
                request = _request(payload)
                if request is None or not (request.for_all or request.address == self._memory.address):
                    continue
                if isinstance(piece, Packet):
                    self._answer(request, now)
                elif piece.reason is GarbageReason.WRONG_CRC and not request.for_all:
                    self._say(Reply(self._memory.address, self.machine.prompt, f"?{Refusal.BAD_PACKET.value}"))
        self._silent_ns = now.link_ns + SILENCE_MS * NS_PER_MS if self._decoder.inside else None

    def take(self, now: SimNow) -> bytes:
        spoken = b"".join(self._waiting)
        self._waiting.clear()
        alarm, self.machine.unasked = self.machine.unasked, None
        if alarm is not None and self._mode is Mode.SAFE:
            self._tally.alarm_notice_sent_ns = now.link_ns
            spoken += encode_reply(reply_payload(Reply(self._memory.address, alarm)), Mode.SAFE)
        return spoken

    def lose(self) -> None:
        self._waiting.clear()
        self.machine.unasked = None

    def says_ns(self) -> int | None:
        return 0 if self._waiting or self.machine.unasked is not None else None

    # Time.

    def settle(self, now: SimNow) -> None:
        if self._silent_ns is not None and now.link_ns >= self._silent_ns:
            self._silent_ns = None
            self._decoder.expire()
        self.machine.settle(now)

    def next_link_ns(self) -> int | None:
        return earlier(self._silent_ns, self.machine.next_link_ns())

    def next_therapy_ns(self) -> int | None:
        return self.machine.next_therapy_ns()

    # Hands and faults.

    def press(self, button: Button, now: SimNow) -> None:
        """There is a stop key and no button that confirms. A key acknowledges an alarm."""
        if button is Button.CONFIRM:
            return
        if self.machine.alarm is not None:
            self.machine.alarm = None
        elif button is Button.STOP or self.machine.prompt is Prompt.INFUSING:
            self.machine.stop(now)

    def begin(self, fault: Fault, now: SimNow) -> None:
        if fault.kind is FaultKind.VOLUME_FREEZE:
            self._frozen = self._commands.carry_out("DIS", now)
        elif fault.kind is FaultKind.KEYPAD_RATE and self.machine.prompt is Prompt.INFUSING:
            phase = self.machine.phase
            rate = phase.rate * fault.size // 1000
            if self._memory.can_pump(rate * phase.rate_nl_h // phase.rate):
                phase.rate = rate
                self.machine.drive_phase(now)
                self._note_speed()

    def end(self, fault: Fault, now: SimNow) -> None:
        """What lasts is looked up in the table of active faults; the rest was over at once."""

    # What it shows.

    def program_ul(self, now: SimNow) -> int | None:
        return self.machine.program_ul(now) if self._has_program else None

    def program_reaches_ns(self, volume_ul: int) -> int | None:
        if not self._has_program:
            return None
        return self._plant.outlook.motor_reaches_ns(self.machine.position_of_program_ul(volume_ul))

    def shown(self, now: SimNow) -> Shown:
        alarm, infused_ul = self.machine.alarm, self.machine.infused_nl(now) // 1000
        return Shown(
            state=_STATES.get(self.machine.prompt, "stopped"),
            program_id="",
            alarms=() if alarm is None else (_ALARM_NAMES.get(alarm, alarm.name.lower()),),
            commanded_flow_ul_h=self.machine.drive.commanded_flow_ul_h(),
            motor_ul=infused_ul,
            encoder_ul=infused_ul,
            flow_ul=None,
            program_ul=self.machine.program_ul(now),
            reservoir_ul=self._sensors.reservoir_ul(now.therapy_ns),
        )

    @property
    def _has_program(self) -> bool:
        return self.machine.prompt in {Prompt.INFUSING, Prompt.PAUSED}

    @property
    def _mode(self) -> Mode:
        return Mode.SAFE if self._memory.safe_s else Mode.BASIC

    # Answers.

    def _answer(self, request: Request, now: SimNow) -> None:
        machine, is_stop = self.machine, request.command == "STP"
        if is_stop:
            self._tally.stops_received += 1
            self._tally.stop_received_ns = now.link_ns
            if self._faults.stops_to_ignore:
                self._faults.stops_to_ignore -= 1
                self._tally.stops_ignored += 1
                return
        if machine.alarm is not None:
            # It is told instead, and so acknowledged; the command is not carried out. Stopped it is in any case.
            alarm, machine.alarm, machine.unasked = machine.alarm, None, None
            machine.heard(now)
            self._say(Reply(self._memory.address, alarm))
            return
        before = machine.prompt
        body = self._carry_out(request, now)
        self._decoder.mode = self._mode
        machine.heard(now)
        self._note_speed()
        started = before is not Prompt.INFUSING and machine.prompt is Prompt.INFUSING
        if started:
            self._note_start(before)
            if self._faults.start_acks_to_drop:
                self._faults.start_acks_to_drop -= 1
                return
        if is_stop and machine.prompt is Prompt.STOPPED:
            self._tally.stopped_sent_ns = now.link_ns
        self._say(Reply(self._memory.address, machine.prompt, body))

    def _carry_out(self, request: Request, now: SimNow) -> str:
        if FaultKind.BUSY in self._active and request.command not in {"", "STP"}:
            return f"?{Refusal.NOT_APPLICABLE.value}"
        if request.for_all:
            return self._commands.carry_out_for_all(request.command)
        body = self._commands.carry_out(request.command, now)
        if request.command == "DIS" and FaultKind.VOLUME_FREEZE in self._active and self._frozen:
            return self._frozen
        if request.command == "RAT" and FaultKind.READ_BACK in self._active and not body.startswith("?"):
            phase = self.machine.phase
            return f"{shown_text(phase.rate + 1_000)}{phase.rate_unit}"
        return body

    def _note_start(self, before: Prompt) -> None:
        self._tally.starts += before is not Prompt.PAUSED
        self._tally.resumes += before is Prompt.PAUSED

    def _note_speed(self) -> None:
        flow_ul_h = self.machine.drive.commanded_flow_ul_h()
        self._tally.max_commanded_flow_ul_h = max(self._tally.max_commanded_flow_ul_h, flow_ul_h)

    def _say(self, reply: Reply) -> None:
        if self._faults.replies_to_drop:
            self._faults.replies_to_drop -= 1
            return
        if reply.state is Prompt.INFUSING and FaultKind.SAY_STOPPED in self._active:
            reply = replace(reply, state=Prompt.STOPPED)
        elif reply.state in {Prompt.STOPPED, Prompt.PAUSED} and FaultKind.SAY_INFUSING in self._active:
            reply = replace(reply, state=Prompt.INFUSING)
        self._waiting.append(encode_reply(reply_payload(reply), self._mode))


def _request(payload: bytes) -> Request | None:
    try:
        return parse_request(payload) if payload.isascii() else None
    except RemoteProtocolError:
        return None


class _KeptByOnePump:
    """What outlives the power, and what is made from it each time it comes back."""

    def __init__(self, address: int) -> None:
        self._memory = Memory(address)

    def __call__(self, power_on: PowerOn) -> NewEraPump:
        return NewEraPump(power_on, self._memory)


def new_era(address: int = 0) -> Dialect:
    """A pump that was given this address."""

    def make() -> Make:
        return _KeptByOnePump(address)

    return Dialect(make, FAULTS, profile="new_era")
