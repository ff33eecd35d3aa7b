"""The Alaris dialect of a simulated pump: each request, what it needs, the reply (docs/dialects/alaris.md).

Refuses to know how the pump does what it does (alaris_machine.py) and how bytes become requests (protocols/alaris).
Its refusals and its answer to silence are invented: no document says what a real one does.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import assert_never

from protocols.alaris import messages as m
from protocols.alaris.alarms import Alarm
from protocols.alaris.codec import encode, name_of, security_code
from protocols.alaris.figures import MORE_THAN_A_DAY, RATE_STEP_UL_H, time_left_text
from protocols.alaris.framing import FrameDecoder, Garbage
from protocols.alaris.reading import request_of
from protocols.errors import RemoteProtocolError
from simulator.fault_kinds import FaultKind
from simulator.firmware.alaris_machine import AlarisMachine
from simulator.firmware.alaris_reporting import AlarisReporting
from simulator.firmware.dialect import PowerOn
from simulator.instant import NS_PER_MS, SimNow

PROTOCOL_NAME = "Asena Rev 2.1.5"  # what the two pumps that were captured said
LONGEST_SILENCE_MS = 4_000
SYRINGE_NAME = "BD PLASTIPAK"
MAX_VTBI_UL = 50_000  # OpenICE's limit
MAX_WAITING_REPLIES = 1_000  # more requests than a line can carry between two looks: beyond it replies are lost
MAX_NAME = 32  # what is refused is called by its name, if it has one

_WITHOUT_CONTROL = (m.Query, m.Enable, m.Disable, m.EndQuery)


class CommsLoss(Enum):
    """What the pump does when a host that had control falls silent: unknown of real ones, so ours can do either."""

    CONTINUES = "continues"
    STOPS = "stops"


class AlarisLink:
    """Of one power-on. Bytes in by `receive`, out by `take`."""

    def __init__(self, machine: AlarisMachine, power_on: PowerOn, comms_loss: CommsLoss) -> None:
        self.machine = machine
        self.reporting = AlarisReporting(power_on.active)
        self._serial = power_on.serial
        self._tally = power_on.tally
        self._faults = power_on.link_faults
        self._active = power_on.active
        self._comms_loss = comms_loss
        self._decoder = FrameDecoder()
        self._waiting: deque[bytes] = deque(maxlen=MAX_WAITING_REPLIES)
        self._control_ends_ns: int | None = None  # None: no remote control

    def receive(self, received: bytes, now: SimNow) -> None:
        for piece in self._decoder.receive(received):
            if not isinstance(piece, Garbage):
                self._hear(piece, now)

    def take(self, now: SimNow) -> bytes:
        replies = b"".join(self._waiting)
        if _STOP_ECHO in self._waiting:
            self._tally.stopped_sent_ns = now.link_ns
        self._waiting.clear()
        return replies

    def lose(self) -> None:
        self._waiting.clear()

    def says_ns(self) -> int | None:
        return 0 if self._waiting else None

    def settle(self, now: SimNow) -> None:
        self.machine.settle(now)
        if self._control_ends_ns is not None and now.link_ns >= self._control_ends_ns:
            self._control_ends_ns = None
            if self.machine.infusing:  # on hold control just ends
                self.machine.lose_host(now, stops=self._comms_loss is CommsLoss.STOPS)

    def next_link_ns(self) -> int | None:
        return self._control_ends_ns

    def _hear(self, text: str, now: SimNow) -> None:
        if self._control_ends_ns is not None:
            self._renew_control(now)  # any whole frame is a host that is there
        try:
            request = request_of(text)
        except RemoteProtocolError:
            name = text.partition("^")[0]
            if 0 < len(name) <= MAX_NAME:
                self._say(m.Refusal(name, "UNKNOWN"))
            return
        if request is m.Order.STOP and self._misses_stop(now):
            return
        reply = self._judge(request, now)
        self.machine.settle(now)  # a cause that was there already shows at once
        if request is m.Order.START and isinstance(reply, m.Echo) and self._faults.start_acks_to_drop:
            self._faults.start_acks_to_drop -= 1
            return
        self._say(reply)

    def _misses_stop(self, now: SimNow) -> bool:
        self._tally.stops_received += 1
        self._tally.stop_received_ns = now.link_ns
        if not self._faults.stops_to_ignore:
            return False
        self._faults.stops_to_ignore -= 1
        self._tally.stops_ignored += 1
        return True

    def _say(self, reply: m.Reply) -> None:
        if self._faults.replies_to_drop:
            self._faults.replies_to_drop -= 1
            return
        self._waiting.append(encode(reply))

    def _judge(self, request: m.Request, now: SimNow) -> m.Reply:
        is_stop = request is m.Order.STOP or isinstance(request, m.Enable)
        if FaultKind.BUSY in self._active and not is_stop:
            return m.Refusal(name_of(request), "BUSY")
        if self._control_ends_ns is None and not isinstance(request, _WITHOUT_CONTROL):
            return m.Refusal(name_of(request), "REMOTE")
        match request:
            case m.Query():
                return self._told(request, now)
            case m.Order():
                return self._order(request, now)
            case m.Enable() | m.Disable():
                return self._switch(request, now)
            case m.SetRate():
                return self._set_rate(request, now)
            case m.SetVtbi():
                return self._set_vtbi(request, now)
            case m.ClearVtbi():
                self.machine.set_vtbi(None, m.EndAction.STOP, now)
                return m.Vtbi(None, None)
            case m.EndQuery():
                return m.QueryEnded()
            case _:
                assert_never(request)

    def _told(self, query: m.Query, now: SimNow) -> m.Reply:
        machine, reporting = self.machine, self.reporting
        match query:
            case m.Query.SERIAL:
                return m.Serial(reporting.serial(self._serial))
            case m.Query.PROTOCOL:
                return m.ProtocolName(PROTOCOL_NAME)
            case m.Query.LONGEST_SILENCE:
                return m.LongestSilence(LONGEST_SILENCE_MS)
            case m.Query.SYRINGE:
                size_ml = machine.profile.reservoir_ul // 1000
                return m.Syringe(SYRINGE_NAME, size_ml, confirmed=machine.syringe_confirmed)
            case m.Query.RATE_MAX:
                return m.RateMax(machine.profile.max_flow_ul_h)
            case m.Query.STATUS:
                return reporting.status(self._status(now))
            case m.Query.ALARM:
                return reporting.alarm_state(machine.alarms())
            case m.Query.RATE:
                return reporting.rate(machine.rate_ul_h)
            case m.Query.VOLUME_INFUSED:
                return m.VolumeInfused(reporting.volume_ul(machine.volume_ul(now)))
            case m.Query.VTBI:
                return reporting.vtbi(self._vtbi())
            case _:
                assert_never(query)

    def _status(self, now: SimNow) -> m.Status:
        machine = self.machine
        left_ms = machine.left_ms(now)
        return m.Status(
            serial=self.reporting.serial(self._serial),
            alarmed=self.reporting.alarm(machine.alarms()) is not Alarm.NONE,
            mode=m.SET if machine.infusing else m.HOLD,
            flow_rate_ul_h=machine.rate_ul_h if machine.infusing else 0,
            drug="",
            infused_ul=machine.volume_ul(now),
            pressure_hundredths_mmhg=100 * machine.sensors.pressure_mmhg(now.therapy_ns),
            time_left=MORE_THAN_A_DAY if left_ms is None else time_left_text(left_ms),
            log_kind="EVENT",
            log_entry=str(machine.log_entry),
        )

    def _vtbi(self) -> m.Vtbi:
        vtbi_ul = self.machine.vtbi_ul
        return m.Vtbi(vtbi_ul, None if vtbi_ul is None else self.machine.end)

    def _order(self, order: m.Order, now: SimNow) -> m.Reply:
        match order:
            case m.Order.START:
                if reason := self._against_start():
                    return m.Refusal(order.value, reason)
                if not self.machine.infusing:
                    self.machine.start(now)
                    self._tally.starts += 1
                self._note_speed()
            case m.Order.STOP:
                self.machine.hold(now)
            case m.Order.CLEAR_VOLUME:
                self.machine.clear_volume(now)
            case _:
                assert_never(order)
        return m.Echo(order)

    def _against_start(self) -> str | None:
        machine = self.machine
        if machine.stopping_causes:
            return "ALARM"
        if not machine.syringe_confirmed:
            return "SYRINGE"
        return None if machine.rate_ul_h else "RATE"

    def _switch(self, request: m.Enable | m.Disable, now: SimNow) -> m.Reply:
        """Configuration is answered as control is, and does nothing."""
        enabled = isinstance(request, m.Enable)
        if isinstance(request, m.Enable) and request.code != security_code(self.reporting.serial(self._serial)):
            return m.Refusal(name_of(request), "CODE")
        if request.switch is m.Switch.CONTROL:
            if enabled:
                self._renew_control(now)
            else:
                self._control_ends_ns = None
        return m.Switched(request.switch, enabled=enabled, permitted=True)

    def _renew_control(self, now: SimNow) -> None:
        self._control_ends_ns = now.link_ns + LONGEST_SILENCE_MS * NS_PER_MS

    def _set_rate(self, request: m.SetRate, now: SimNow) -> m.Reply:
        profile, rate_ul_h = self.machine.profile, request.flow_rate_ul_h
        in_range = profile.min_flow_ul_h <= rate_ul_h <= profile.max_flow_ul_h
        if not in_range or rate_ul_h % RATE_STEP_UL_H:
            return m.Refusal(name_of(request), "RANGE")
        self.machine.set_rate(rate_ul_h, now)
        self._note_speed()
        return m.Rate(rate_ul_h)

    def _set_vtbi(self, request: m.SetVtbi, now: SimNow) -> m.Reply:
        if not 0 < request.vtbi_ul <= MAX_VTBI_UL:
            return m.Refusal(name_of(request), "RANGE")
        self.machine.set_vtbi(request.vtbi_ul, request.end, now)
        return self._vtbi()

    def _note_speed(self) -> None:
        flow_ul_h = self.machine.drive.commanded_flow_ul_h()
        self._tally.max_commanded_flow_ul_h = max(self._tally.max_commanded_flow_ul_h, flow_ul_h)


_STOP_ECHO = encode(m.Echo(m.Order.STOP))
