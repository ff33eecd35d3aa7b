"""The companion dialect of a simulated pump: each request, the refusals in their order, the answer (SPEC.md).

Refuses to know how the pump does what it does (machine.py) and how bytes become requests (protocols/companion).
An answer that needs a proven still motor waits here, and every later answer waits behind it: answers keep the order
of their requests, and a notice that a request brings about follows its answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from protocols.companion import messages as m
from protocols.companion.codec import NO_PROGRAM, encode
from protocols.companion.pump_session import Answered, Asked, PumpSession
from protocols.companion.vocabulary import NoticeCause, PumpState, Purpose, RefusalReason
from simulator.fault_kinds import FaultKind
from simulator.firmware.checks import refusal_of_load, refusal_of_prime
from simulator.firmware.machine import Machine
from simulator.firmware.registers import re_encode
from simulator.firmware.report import identity, status
from simulator.firmware.reporting import Reporting
from simulator.firmware.tally import LinkFaults, Tally
from simulator.instant import NS_PER_MS, SimNow

MAX_WAITING_FRAMES = 1_000  # more requests than a line can carry in the still proof: beyond it they are lost

_Outcome: TypeAlias = m.Answer | RefusalReason

_EVERY = frozenset(PumpState)
_ALLOWED: dict[type[m.Request], frozenset[PumpState]] = {
    m.Identify: _EVERY,
    m.GetStatus: _EVERY,
    m.Load: frozenset({PumpState.IDLE, PumpState.LOADED, PumpState.CONFIRMED, PumpState.STOPPED, PumpState.COMPLETED}),
    m.ReadProgram: _EVERY,
    m.GetConfirmation: _EVERY,
    m.Start: frozenset({PumpState.CONFIRMED}),
    m.Pause: frozenset({PumpState.INFUSING}),
    m.Resume: frozenset({PumpState.PAUSED}),
    m.Renew: frozenset({PumpState.INFUSING, PumpState.PAUSED}),
    m.Stop: _EVERY,
    m.GetEvent: _EVERY,
    m.Acknowledge: _EVERY,
    m.Prime: frozenset({PumpState.IDLE, PumpState.STOPPED, PumpState.COMPLETED}),
}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An answer, or the notice that follows it: it may not leave before its instant."""

    ready_ns: int
    content: bytes | m.Notice
    is_stopped: bool = False


class CompanionFirmware:
    """The link of one power-on. Bytes in by `receive`, out by `take`."""

    def __init__(
        self, machine: Machine, serial: str, tally: Tally, faults: LinkFaults, active: Mapping[FaultKind, int]
    ) -> None:
        self.machine = machine
        self._serial = serial
        self._tally = tally
        self._faults = faults
        self._active = active
        self.reporting = Reporting(active)
        self._session = PumpSession()
        self._waiting: deque[_Waiting] = deque(maxlen=MAX_WAITING_FRAMES)

    def receive(self, received: bytes, now: SimNow) -> None:
        """Carry out what the bytes ask."""
        for arrival in self._session.receive(received):
            match arrival:
                case Answered(frame=frame):
                    self._answer_when_ready(now.link_ns, frame)
                case Asked(message=m.Stop()):
                    self._stop(arrival, now)
                case Asked():
                    self._carry_out(arrival, now)
                case _:
                    assert_never(arrival)

    def take(self, now: SimNow) -> bytes:
        """What is to be sent by now: first what the pump says by itself, which waits for nothing."""
        frames = [self._noticed(notice, now) for notice in self.machine.notices]
        self.machine.notices.clear()
        while self._waiting and self._waiting[0].ready_ns <= now.link_ns:
            waiting = self._waiting.popleft()
            if waiting.is_stopped:
                self._tally.stopped_sent_ns = now.link_ns
            content = waiting.content
            frames.append(self._noticed(content, now) if isinstance(content, m.Notice) else content)
        return b"".join(frames)

    def lose(self) -> None:
        """Nobody is on the line: what would be sent is gone."""
        self.machine.notices.clear()
        self._waiting.clear()

    def next_link_ns(self) -> int | None:
        """When `take` has something more to give."""
        if self.machine.notices:
            return 0
        return self._waiting[0].ready_ns if self._waiting else None

    def _noticed(self, notice: m.Notice, now: SimNow) -> bytes:
        if notice.cause is NoticeCause.ALARMS and notice.alarms:
            self._tally.alarm_notice_sent_ns = now.link_ns
        return encode(self.reporting.notice(notice), 0, 0)

    def _stop(self, asked: Asked, now: SimNow) -> None:
        self._tally.stops_received += 1
        self._tally.stop_received_ns = now.link_ns
        if self._faults.stops_to_ignore:
            self._faults.stops_to_ignore -= 1
            self._tally.stops_ignored += 1
            return
        self.machine.stop(now)
        if self.machine.drive.is_turning(now.therapy_ns):
            return  # STOPPED would not be true: the asker has to ask again
        self._answer_when_ready(self._proven_still_ns(now), self._session.answer(asked, m.Stopped()), is_stopped=True)

    def _carry_out(self, asked: Asked, now: SimNow) -> None:
        told_before = len(self.machine.notices)
        outcome = self._judge(asked.message, now)
        self.machine.settle(now)  # a cause that was there already, as an open door, shows at once
        brought_about = self.machine.notices[told_before:]
        del self.machine.notices[told_before:]
        if isinstance(outcome, RefusalReason):
            frame = self._session.refuse(asked, outcome)
        else:
            frame = self._session.answer(asked, outcome)
        ready_ns = self._proven_still_ns(now) if isinstance(outcome, m.Paused) else now.link_ns
        if not self._is_lost(outcome, now):
            self._answer_when_ready(ready_ns, frame)
        self._waiting.extend(_Waiting(ready_ns, notice) for notice in brought_about)

    def _is_lost(self, outcome: _Outcome, now: SimNow) -> bool:
        """PAUSED that would not be true is not said; a START's answer may be lost and no other."""
        if isinstance(outcome, m.Paused):
            return self.machine.drive.is_turning(now.therapy_ns)
        if isinstance(outcome, m.Started) and self._faults.start_acks_to_drop:
            self._faults.start_acks_to_drop -= 1
            return True
        return False

    def _proven_still_ns(self, now: SimNow) -> int:
        proof_ns = self.machine.profile.still_proof_ms * NS_PER_MS
        return max(now.link_ns, self.machine.drive.still_since_ns + proof_ns)

    def _answer_when_ready(self, ready_ns: int, frame: bytes, *, is_stopped: bool = False) -> None:
        if self._faults.replies_to_drop:
            self._faults.replies_to_drop -= 1
            return
        self._waiting.append(_Waiting(ready_ns, frame, is_stopped))

    def _judge(self, request: m.Request, now: SimNow) -> _Outcome:
        machine = self.machine
        if self._active:
            if FaultKind.BUSY in self._active:
                return RefusalReason.BAD_STATE
            if isinstance(request, m.Start) and self._starts_anew(request, now):
                return self._begin_infusion(now)
        if machine.state not in _ALLOWED[type(request)]:
            return RefusalReason.BAD_STATE
        match request:
            case m.Identify():
                return identity(machine, self.reporting.serial(self._serial), now)
            case m.GetStatus():
                return self.reporting.status(status(machine, self._session, now), now.link_ns)
            case m.ReadProgram():
                return self._read_back()
            case m.GetConfirmation():
                return self._confirmation(now)
            case m.Load():
                return self._load(request, now)
            case m.Start():
                return self._start(request, now)
            case m.Resume():
                return self._resume(request, now)
            case m.Pause():
                return self._pause(request, now)
            case m.Renew():
                return self._renew(request, now)
            case m.GetEvent():
                return machine.events.get(request.index) or RefusalReason.NO_SUCH_EVENT
            case m.Acknowledge():
                machine.acknowledge(request.alarms, now)
                return m.Acknowledged(self.reporting.alarms(machine.alarms))
            case m.Prime():
                return self._prime(request, now)
            case m.Stop():
                raise AssertionError("STOP is carried out before any judgement")
            case _:
                assert_never(request)

    def _confirmation(self, now: SimNow) -> m.Confirmation:
        token = self.machine.tokens.alive
        if token is None:
            return m.Confirmation(Purpose.NONE, bytes(8), 0, 0)
        left_ms = self.machine.left_ms(token.dies_ns, now)
        return m.Confirmation(token.purpose, self.machine.program_id, token.number, left_ms)

    def _load(self, load: m.Load, now: SimNow) -> _Outcome:
        machine = self.machine
        reservoir_ul = machine.sensors.reservoir_ul(now.therapy_ns)
        if reason := refusal_of_load(load, machine.profile, reservoir_ul, machine.alarms):
            return reason
        machine.load(load, now)
        if FaultKind.KVO in self._active:
            machine.set_kvo(self._active[FaultKind.KVO], now)
        read = self._read_back()
        return m.Loaded(read.program_id, read.digest)

    def _read_back(self) -> m.Program:
        program = self.machine.program
        if program is None:
            return NO_PROGRAM
        return self.reporting.program(re_encode(program, self.machine.profile.steps_per_ul))

    def _start(self, start: m.Start, now: SimNow) -> _Outcome:
        if reason := self._use_token(start, Purpose.START, now):
            return reason
        return self._begin_infusion(now)

    def _begin_infusion(self, now: SimNow) -> m.Started:
        self.machine.start(now)
        self._tally.starts += 1
        self._note_speed()
        return m.Started(self.machine.program_id)

    def _starts_anew(self, start: m.Start, now: SimNow) -> bool:
        """A pump that takes the same START twice gives the whole program once more."""
        machine = self.machine
        if FaultKind.DOUBLE_START not in self._active or start.program_id != machine.program_id:
            return False
        if machine.program is None or machine.state not in (PumpState.INFUSING, PumpState.COMPLETED):
            return False
        machine.program_zero = machine.drive.position(now)
        return True

    def _resume(self, resume: m.Resume, now: SimNow) -> _Outcome:
        if reason := self._use_token(resume, Purpose.RESUME, now):
            return reason
        self.machine.resume(now)
        self._tally.resumes += 1
        self._note_speed()
        return m.Resumed(self.machine.program_id)

    def _use_token(self, request: m.Start | m.Resume, purpose: Purpose, now: SimNow) -> RefusalReason | None:
        machine = self.machine
        if request.program_id != machine.program_id:
            return RefusalReason.WRONG_PROGRAM
        was_alive = machine.tokens.alive is not None
        reason = machine.tokens.use(request.token, purpose, machine.digest)
        if reason is not None and was_alive:
            machine.lose_token(now)
        return reason

    def _pause(self, pause: m.Pause, now: SimNow) -> _Outcome:
        if pause.program_id != self.machine.program_id:
            return RefusalReason.WRONG_PROGRAM
        self.machine.pause(now)
        return m.Paused(self.machine.program_id)

    def _renew(self, renew: m.Renew, now: SimNow) -> _Outcome:
        machine = self.machine
        program = machine.program
        if program is None or renew.program_id != program.program_id:
            return RefusalReason.WRONG_PROGRAM
        ahead_ms = renew.until_uptime_ms - machine.uptime_ms(now)
        if not program.stops_at_lease_end or not 0 < ahead_ms <= program.lease_ns // NS_PER_MS:
            return RefusalReason.LEASE_OUT_OF_RANGE
        machine.lease_ends_ns = machine.uptime.link_ns(renew.until_uptime_ms)
        return m.Renewed(renew.until_uptime_ms)

    def _prime(self, prime: m.Prime, now: SimNow) -> _Outcome:
        machine = self.machine
        reservoir_ul = machine.sensors.reservoir_ul(now.therapy_ns)
        if reason := refusal_of_prime(prime, machine.profile, reservoir_ul, machine.alarms):
            return reason
        machine.prime(prime.volume_ul, prime.flow_ul_h, now)
        self._note_speed()
        return m.Primed()

    def _note_speed(self) -> None:
        flow_ul_h = self.machine.drive.commanded_flow_ul_h()
        self._tally.max_commanded_flow_ul_h = max(self._tally.max_commanded_flow_ul_h, flow_ul_h)
