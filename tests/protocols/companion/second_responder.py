"""The pump's end of the companion link, a second reading of SPEC.md: sessions, order of checks, answers.

Refuses to know the product's codec, and how a pump comes to be in its state (tiny_pump.py). Time is the uptime that
each call brings; it must not go back.
"""

from collections.abc import Callable
from typing import Final

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion import readings
from tests.protocols.companion import refusals as no
from tests.protocols.companion import tiny_pump as pump
from tests.protocols.companion.naive_frames import Fields, Frame
from tests.protocols.companion.refusals import check, number
from tests.protocols.companion.tiny_pump import TinyPump

ALLOWED: Final = {  # section 3; a request that is absent is allowed in every state
    "LOAD": (pump.IDLE, pump.LOADED, pump.CONFIRMED, pump.STOPPED, pump.COMPLETED),
    "START": (pump.CONFIRMED,),
    "PAUSE": (pump.INFUSING,),
    "RESUME": (pump.PAUSED,),
    "RENEW": (pump.INFUSING, pump.PAUSED),
    "PRIME": (pump.IDLE, pump.STOPPED, pump.COMPLETED),
}
FIRST_OF_THE_PUMP: Final = 0x80  # section 1: a type from here up is an echo of what a pump has said


class SecondResponder(TinyPump):
    def __init__(self, serial: str, *, auto_confirm: bool = False) -> None:
        super().__init__(seed=serial, auto_confirm=auto_confirm)
        self.serial: str = serial
        self.receiver: naive.Receiver = naive.Receiver()
        self.session: int = 0  # 0: none is open
        self.sequence: int = 0
        self.refused_count: int = 0
        self.answers: dict[str, Callable[[Fields], Fields]] = {
            "IDENTIFY": lambda _: readings.identity(self, self.serial),
            "GET_STATUS": lambda _: readings.status(self, self.refused_count, self.receiver.dropped),
            "READ_PROGRAM": lambda _: readings.held_program(self),
            "GET_CONFIRMATION": lambda _: readings.confirmation(self),
            "LOAD": self._load,
            "START": self._start,
            "PAUSE": self._pause,
            "RESUME": self._resume,
            "RENEW": self._renew,
            "GET_EVENT": self._event,
            "ACKNOWLEDGE": self._acknowledge,
            "PRIME": self._prime,
        }

    def receive(self, data: bytes, uptime_ms: int) -> bytes:
        self.advance(uptime_ms)
        sent = self._unasked()
        for arrived in self.receiver.feed(data):
            sent += self._reply(arrived) + self._unasked()
        return sent

    def press_confirm(self, uptime_ms: int) -> bytes:
        self.advance(uptime_ms)
        self.press()
        return self._unasked()

    def _unasked(self) -> bytes:
        sent = b"".join([naive.frame("NOTICE", 0, 0, fields) for fields in self.notices])
        self.notices.clear()
        return sent

    def _reply(self, arrived: Frame) -> bytes:
        name = naive.type_name.get(arrived.type, "")
        if name == "STOP":
            self.stop()
            return naive.frame("STOPPED", 0, 0, {})
        if arrived.type >= FIRST_OF_THE_PUMP:
            return b""
        is_open = arrived.session == self.session != 0
        if is_open and arrived.sequence <= self.sequence:
            return b""
        opens = name == "IDENTIFY" and arrived.session != 0
        if is_open or (opens and not arrived.body):
            self.session, self.sequence = arrived.session, arrived.sequence
        try:
            check(is_open or opens, no.WRONG_SESSION)
            answer, fields = self._answer(name, arrived.body)
        except no.Refused as refused:
            self.refused_count = min(self.refused_count + 1, 65535)
            answer = "REFUSED"
            fields: Fields = {"request_type": arrived.type, "reason": refused.reason}
        return naive.frame(answer, arrived.session, arrived.sequence, fields)

    def _answer(self, name: str, body: bytes) -> tuple[str, Fields]:
        check(name in self.answers, no.UNKNOWN_REQUEST)
        check(len(body) == naive.body_length(name), no.WRONG_LENGTH)
        check(self.state in ALLOWED.get(name, range(8)), no.BAD_STATE)
        return naive.type_name[naive.type_number[name] | 0x80], self.answers[name](naive.unpack(name, body))

    def _load(self, asked: Fields) -> Fields:
        no.check_load(asked, self.reservoir_left_ul, self.alarms)
        self.load(asked)
        held = readings.held_program(self)
        return {field: held[field] for field in ("program_id", "digest")}

    def _start(self, asked: Fields) -> Fields:
        self._use_token(asked)
        self.start_motor(pump.STARTED)
        return {"program_id": self.program_id()}

    def _resume(self, asked: Fields) -> Fields:
        self._use_token(asked)
        self.start_motor(pump.RESUMED)
        return {"program_id": self.program_id()}

    def _use_token(self, asked: Fields) -> None:
        check(asked["program_id"] == self.program_id(), no.WRONG_PROGRAM)
        check(self.aged_token == 0 or asked["token"] != self.aged_token, no.TOKEN_EXPIRED)
        check(self.token != 0, no.WRONG_TOKEN)
        if asked["token"] != self.token:
            self.lose_token()
            raise no.Refused(no.WRONG_TOKEN)
        self.void_token()

    def _pause(self, asked: Fields) -> Fields:
        check(asked["program_id"] == self.program_id(), no.WRONG_PROGRAM)
        self.pause()
        return {"program_id": self.program_id()}

    def _renew(self, asked: Fields) -> Fields:
        check(asked["program_id"] == self.program_id(), no.WRONG_PROGRAM)
        ahead_ms = number(asked, "until_uptime_ms") - self.uptime_ms
        check(1 <= ahead_ms <= number(self.program, "lease_ms"), no.LEASE_OUT_OF_RANGE)
        self.lease_ends_ms = self.uptime_ms + ahead_ms
        return {"until_uptime_ms": self.lease_ends_ms}

    def _event(self, asked: Fields) -> Fields:
        kept = [event for event in self.events if event["index"] == asked["index"]]
        check(kept != [], no.NO_SUCH_EVENT)
        return kept[0]

    def _acknowledge(self, asked: Fields) -> Fields:
        self.acknowledge(number(asked, "alarms"))
        return {"alarms": self.alarms}

    def _prime(self, asked: Fields) -> Fields:
        no.check_prime(asked, self.reservoir_left_ul, self.alarms)
        self.prime(number(asked, "flow_ul_h"), number(asked, "volume_ul"))
        return {}
