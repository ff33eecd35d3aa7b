"""Messages to frames (docs/dialects/alaris.md); the way back is reading.py. Refuses to know who is asking and when."""

from __future__ import annotations

import re
from typing import assert_never

from protocols.alaris import messages as m
from protocols.alaris.figures import hundredths_text, rate_text, volume_text
from protocols.alaris.framing import checksum, encode_frame
from protocols.errors import LocalProtocolError

SEPARATOR = "^"
RATE_UNIT = "ml/h"
VOLUME_UNIT = "ml"
PRESSURE_UNIT = "mmHg"
MASKED_CODE = "****"
SERIAL = re.compile(r"[0-9A-Z]{1,8}-[0-9]{1,8}", re.ASCII)
_FIELD = re.compile(r"[ \"-\]_-{}~]*")  # what a frame's text may hold, less the separator
ENABLED = {"ENABLED": True, "DISABLED": False}
CONFIRMED = {"CONF": True, "NOCONF": False}  # the second invented
PERMITTED = {"PERMIT": True, "DENY": False}  # the second invented
ALARMED = {"-": False, "A": True}


def encode(message: m.Request | m.Reply) -> bytes:
    """The frame of `message`."""
    if isinstance(message, m.Query | m.Order):  # asked once a second and more often
        return _BARE[message]
    fields = request_fields(message) if isinstance(message, m.Request) else reply_fields(message)
    for field in fields:
        if not _FIELD.fullmatch(field):
            raise LocalProtocolError(f"{field!r} cannot be a field")
    return encode_frame(SEPARATOR.join(fields))


def security_code(serial: str) -> str:
    """What REMOTE_CTRL wants: the checksum of the serial number alone."""
    if not SERIAL.fullmatch(serial):
        raise LocalProtocolError(f"{serial!r} is no serial number of such a pump")
    return checksum(serial.encode("ascii")).decode("ascii")


def stop_bytes(serial: str) -> bytes:
    """Remote control, then INF_STOP, behind a CR so that a half-written frame before them dies alone."""
    return b"\r" + encode(m.Enable(m.Switch.CONTROL, security_code(serial))) + encode(m.Order.STOP)


def name_of(message: m.Request | m.Reply) -> str:
    """By which a reply is matched: there is no sequence number."""
    if isinstance(message, m.Query | m.Order):
        return message.value
    return (request_fields(message) if isinstance(message, m.Request) else reply_fields(message))[0]


def request_fields(request: m.Request) -> list[str]:
    """The name first."""
    match request:
        case m.Query() | m.Order():
            return [request.value]
        case m.Enable():
            return [request.switch.value, "ENABLED", request.code]
        case m.Disable():
            return [request.switch.value, "DISABLED"]
        case m.SetRate():
            return ["INF_RATE", rate_text(request.flow_rate_ul_h), RATE_UNIT]
        case m.SetVtbi():
            return ["INF_VTBI", "ACTIV", volume_text(request.vtbi_ul), VOLUME_UNIT, request.end.value]
        case m.ClearVtbi():
            return ["INF_VTBI", "DEACT"]
        case m.EndQuery():
            return ["REMQUERY", "DEACT"]
        case _:
            assert_never(request)


def reply_fields(reply: m.Reply) -> list[str]:
    """The name first."""
    match reply:
        case m.Serial():
            return ["INST_SERIALNO", reply.serial]
        case m.ProtocolName():
            return ["COMMS_PROTOCOL", reply.text]
        case m.LongestSilence():
            return ["COMMS_RESPONSE_MAX", str(reply.silence_ms), "ms"]
        case m.Syringe():
            return ["SYRINGE_STATUS", reply.name, f"{reply.size_ml:3}", _word(CONFIRMED, reply.confirmed)]
        case m.RateMax():
            return ["INF_RATE_MAX_SYRINGE", rate_text(reply.flow_rate_ul_h), RATE_UNIT]
        case m.Status():
            return _status_fields(reply)
        case m.AlarmState():
            return ["ALARM", reply.code, *reply.texts]
        case m.Rate():
            return ["INF_RATE", rate_text(reply.flow_rate_ul_h), RATE_UNIT]
        case m.VolumeInfused():
            return ["INF_VI", volume_text(reply.infused_ul), VOLUME_UNIT]
        case m.Vtbi():
            if reply.vtbi_ul is None or reply.end is None:
                return ["INF_VTBI", "DEACT", "", "", ""]
            return ["INF_VTBI", "ACTIV", volume_text(reply.vtbi_ul), VOLUME_UNIT, reply.end.value]
        case m.Switched():
            switched = [reply.switch.value, _word(ENABLED, reply.enabled)]
            if reply.permitted is None:
                return switched
            return [*switched, MASKED_CODE, _word(PERMITTED, reply.permitted), "0", "ms"]
        case m.Echo():
            return [reply.order.value]
        case m.QueryEnded():
            return ["REMQUERY", "DEACT", "", "", "", ""]
        case m.Refusal():
            return [reply.name, "ERROR", reply.reason]
        case _:
            assert_never(reply)


def _status_fields(status: m.Status) -> list[str]:
    return [
        m.Query.STATUS.value,
        status.serial,
        _word(ALARMED, status.alarmed),
        status.mode,
        rate_text(status.flow_rate_ul_h),
        RATE_UNIT,
        status.drug,
        volume_text(status.infused_ul),
        VOLUME_UNIT,
        hundredths_text(status.pressure_hundredths_mmhg),
        PRESSURE_UNIT,
        status.time_left,
        status.log_kind,
        status.log_entry,
    ]


def _word(words: dict[str, bool], truth: object) -> str:
    return next(word for word, meant in words.items() if meant is truth)


_BARE: dict[m.Query | m.Order, bytes] = {each: encode_frame(each.value) for each in (*m.Query, *m.Order)}
STOP_ECHO = encode(m.Echo(m.Order.STOP))
