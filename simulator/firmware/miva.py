"""The link of a simulated MIVA pump: each request it knows, and its answer (docs/dialects/miva.md section 3).

Refuses to know where figures come from (miva_pump.py) and what is kept (miva_log.py). What it does not know, and what
does not fit, it does not answer: no word for "no" is known on this link, apart from the digits of LI and LC.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from protocols.miva.framing import FrameDecoder, Garbage, encode_frame
from protocols.miva.library import SIMULATED
from protocols.miva.requests import CONTINUOUS, KEY_DONE, ML_PER_H, RUN, STOP
from simulator.firmware.miva_log import EventLog
from simulator.instant import SimNow

MAX_WAITING_FRAMES = 1_000  # more than a line can carry before they are taken: beyond it they are lost
CALIBRATION = 4600  # of the motor, as the pump is delivered
NANOLITRES_A_ROTATION = CALIBRATION * 5
CLOCK_MARK = 0xF000_0000
_QUERY = re.compile(":(?P<whose>INFU(?:SION)?|PROT(?:OCOL)?):(?P<what>RUN|RATE)\\?")


@dataclass(frozen=True, slots=True)
class Held:
    """The prescription as the motor control holds it, as far as it is told; nothing without one."""

    rate_ul_h: int
    vtbi_ul: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the pump says of itself at an instant, true or not. Volumes in uL; totals over its whole life."""

    running: bool
    motor_turns: bool
    rate_ul_h: int
    vinf_ul: int
    motor_total_ul: int
    volume_total_ul: int
    pressure_mmhg: int
    centivolts: int
    clock_s: int


class Body(Protocol):
    """The pump behind the link."""

    log: EventLog

    @property
    def serial(self) -> str: ...

    @property
    def firmware(self) -> str: ...

    def told(self, now: SimNow) -> Told: ...

    def held(self) -> Held: ...

    def run(self, now: SimNow) -> bool:
        """The run key; False: its answer is lost."""
        ...

    def stop(self, now: SimNow) -> bool:
        """The stop key; False: it was not seen."""
        ...

    def upload(self, text: str, now: SimNow) -> str | None:
        """LI, LS and LC."""
        ...

    def deaf_to(self, text: str) -> bool:
        """Whether this request is to go unanswered and undone."""
        ...

    def loses_answer(self) -> bool:
        """Whether this answer is to be lost."""
        ...


class MivaLink:
    """Of one power-on. Bytes in by `receive`, out by `take`."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._decoder = FrameDecoder()
        self._waiting: deque[str] = deque(maxlen=MAX_WAITING_FRAMES)

    def receive(self, received: bytes, now: SimNow) -> None:
        """Carry out what the bytes ask, one request after the other."""
        for piece in self._decoder.receive(received):
            if isinstance(piece, Garbage):
                continue
            text = piece.rstrip()
            answer = None if self._body.deaf_to(text) else self._answer(text, now)
            if answer is not None and not self._body.loses_answer():
                self._waiting.append(answer)

    def take(self) -> bytes:
        """All that is to be sent: this pump never waits and never speaks by itself."""
        frames = b"".join(encode_frame(text) for text in self._waiting)
        self._waiting.clear()
        return frames

    def lose(self) -> None:
        self._waiting.clear()

    def says_ns(self) -> int | None:
        return 0 if self._waiting else None

    def _answer(self, text: str, now: SimNow) -> str | None:
        body = self._body
        match text[:2]:
            case "WT":
                return self._key(text, now)
            case "LI" | "LS" | "LC":
                return body.upload(text, now)
            case "KE" if text in {"KE30", "KE31"}:  # to the standby screen, where this pump always is
                return text
            case "RI" if text == "RI":
                return f"RI{body.log.tail:08X}{body.log.head:08X}"
            case "RE" if re.fullmatch("RE[0-9A-F]{8}", text):
                return text + body.log.row(int(text[2:], 16)).hex().upper()
            case _:
                value = _identity(text, body) or _held(text, body) or _reading(text, body, now)
                return value if value is None or text[0] in ":*" else text + value

    def _key(self, text: str, now: SimNow) -> str | None:
        if text == RUN:
            return KEY_DONE if self._body.run(now) else None
        if text == STOP:
            return KEY_DONE if self._body.stop(now) else None
        return None


def _identity(text: str, body: Body) -> str | None:
    match text:
        case "*IDN?":
            return f"ZYNO,MIVA,{body.serial},{body.firmware}"
        case ":SERIAL?" | "RN":
            return body.serial
        case "RS":
            return body.firmware
        case "RL":
            return SIMULATED.title
        case "R1":
            return f"{CALIBRATION:04X}"
        case "Q0":
            return CONTINUOUS
        case "Q4" | "QC":
            return ML_PER_H
        case "Q7":  # no bolus runs, and none is programmed
            return "0"
        case "Q8" | "Q9" | "QA" | "QG":
            return "0000"
        case "QH" | "QI":
            return "ERROR"
        case _:
            return None


def _held(text: str, body: Body) -> str | None:
    """Of the prescription; volumes in 0.01 mL, in hexadecimal."""
    if query := _QUERY.fullmatch(text):
        is_protocol_rate = query["whose"].startswith("PROT") and query["what"] == "RATE"
        return _ml_h(body.held().rate_ul_h) if is_protocol_rate else None
    match text:
        case "Q6" | "QD":
            return f"{body.held().vtbi_ul // 10:04X}"
        case "QE":
            return f"{_seconds(body.held().vtbi_ul, body.held().rate_ul_h):04X}"
        case _:
            return None


def _reading(text: str, body: Body, now: SimNow) -> str | None:
    told = body.told(now)
    if (query := _QUERY.fullmatch(text)) and query["whose"].startswith("INFU"):
        return str(told.running).upper() if query["what"] == "RUN" else _ml_h(told.rate_ul_h)
    match text:
        case "RC":
            return f"{told.clock_s | CLOCK_MARK:08X}"
        case "R3":
            return f"{told.volume_total_ul // 100 % 0x1_0000:04X}"
        case "R7":
            return f"{told.centivolts:04X}"
        case "R8":
            return f"{CALIBRATION:04X}{told.motor_total_ul * 1000 // NANOLITRES_A_ROTATION % 0x100_0000:06X}"
        case "S9":
            return f"{told.motor_turns << 10:03X}{told.pressure_mmhg & 0xFF:03X}{told.centivolts:03X}"
        case "Q3":
            return f"{_seconds(told.vinf_ul, body.held().rate_ul_h):04X}"
        case "Q5":
            return f"{told.vinf_ul // 10:04X}"
        case _:
            return None


def _seconds(volume_ul: int, rate_ul_h: int) -> int:
    return volume_ul * 3600 // rate_ul_h if rate_ul_h else 0


def _ml_h(rate_ul_h: int) -> str:
    return f"{rate_ul_h // 1000}.{rate_ul_h % 1000 // 10:02d}"
