"""What the text of a whole frame says: a request, or a reply (docs/dialects/alaris.md).

Refuses to know who sent it. A text that is not exactly one of the known forms is RemoteProtocolError: a pump that
says something else than its captures show is not understood, whatever it may have meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from protocols.alaris import messages as m
from protocols.alaris.codec import (
    ALARMED,
    CONFIRMED,
    ENABLED,
    MASKED_CODE,
    PERMITTED,
    PRESSURE_UNIT,
    RATE_UNIT,
    SEPARATOR,
    SERIAL,
    VOLUME_UNIT,
)
from protocols.alaris.figures import not_negative, thousandths
from protocols.errors import RemoteProtocolError

_WHOLE = re.compile(r" *([0-9]{1,6})", re.ASCII)
_ALARM_CODE = re.compile(r"[A-Z_ ]{1,16}")
_MODE = re.compile(r"[A-Z]{1,8}")
_QUERIES = {query.value: query for query in m.Query}
_ORDERS = {order.value: order for order in m.Order}
_SWITCHES = {switch.value: switch for switch in m.Switch}
_ENDS = {end.value: end for end in m.EndAction}
_Meaning = TypeVar("_Meaning")


def request_of(text: str) -> m.Request:
    """What a host asks."""
    name, *fields = text.split(SEPARATOR)
    match name, *fields:
        case ["INF_RATE", figure, unit] if unit == RATE_UNIT:
            return m.SetRate(not_negative(figure))
        case ["INF_VTBI", "ACTIV", figure, unit, end] if unit == VOLUME_UNIT:
            return m.SetVtbi(not_negative(figure), _meant(_ENDS, end))
        case ["INF_VTBI", "DEACT"]:
            return m.ClearVtbi()
        case ["REMQUERY", "DEACT"]:
            return m.EndQuery()
        case [switch, "ENABLED", code] if switch in _SWITCHES:
            return m.Enable(_SWITCHES[switch], code)
        case [switch, "DISABLED"] if switch in _SWITCHES:
            return m.Disable(_SWITCHES[switch])
        case [bare] if bare in _QUERIES:
            return _QUERIES[bare]
        case [bare] if bare in _ORDERS:
            return _ORDERS[bare]
        case _:
            raise RemoteProtocolError(f"{text!r} asks for nothing known")


def reply_of(text: str) -> m.Reply:
    """What a pump answers."""
    name, *fields = text.split(SEPARATOR)
    if len(fields) == 2 and fields[0] == "ERROR":
        return m.Refusal(name, fields[1])
    if name in _ORDERS and not fields:
        return m.Echo(_ORDERS[name])
    read = _READERS.get(name)
    if read is None:
        raise RemoteProtocolError(f"{name!r} is no reply known")
    return read(fields)


def _serial(fields: list[str]) -> m.Serial:
    (serial,) = _exactly(1, fields)
    if not SERIAL.fullmatch(serial):
        raise RemoteProtocolError(f"{serial!r} is no serial number")
    return m.Serial(serial)


def _protocol(fields: list[str]) -> m.ProtocolName:
    (text,) = _exactly(1, fields)
    return m.ProtocolName(text)


def _silence(fields: list[str]) -> m.LongestSilence:
    figure, unit = _exactly(2, fields)
    _is(unit, "ms")
    return m.LongestSilence(_whole(figure))


def _syringe(fields: list[str]) -> m.Syringe:
    name, size, confirmed = _exactly(3, fields)
    return m.Syringe(name, _whole(size), _meant(CONFIRMED, confirmed))


def _rate_max(fields: list[str]) -> m.RateMax:
    return m.RateMax(_in_unit(fields, RATE_UNIT))


def _rate(fields: list[str]) -> m.Rate:
    return m.Rate(_in_unit(fields, RATE_UNIT))


def _volume(fields: list[str]) -> m.VolumeInfused:
    return m.VolumeInfused(_in_unit(fields, VOLUME_UNIT))


def _vtbi(fields: list[str]) -> m.Vtbi:
    """No volume is no VTBI, whatever stands around it; `DEACT` may also come bare, as the request has it."""
    if fields == ["DEACT"] or (len(fields) >= 2 and fields[1] == ""):
        return m.Vtbi(None, None)
    word, figure, unit, end = _exactly(4, fields)
    _is(word, "ACTIV")
    _is(unit, VOLUME_UNIT)
    return m.Vtbi(not_negative(figure), _meant(_ENDS, end))


def _alarm(fields: list[str]) -> m.AlarmState:
    code, first, second = _exactly(3, fields)
    if not _ALARM_CODE.fullmatch(code):
        raise RemoteProtocolError(f"{code!r} is no alarm code")
    return m.AlarmState(code, (first, second))


def _query_ended(fields: list[str]) -> m.QueryEnded:
    if fields[:1] != ["DEACT"] or any(fields[1:]):
        raise RemoteProtocolError(f"REMQUERY with {fields}")
    return m.QueryEnded()


def _switched(switch: m.Switch) -> Callable[[list[str]], m.Switched]:
    def read(fields: list[str]) -> m.Switched:
        if len(fields) == 1:
            return m.Switched(switch, _meant(ENABLED, fields[0]), None)
        word, code, permission, figure, unit = _exactly(5, fields)
        _is(code, MASKED_CODE)
        _whole(figure)
        _is(unit, "ms")
        return m.Switched(switch, _meant(ENABLED, word), _meant(PERMITTED, permission))

    return read


def _status(fields: list[str]) -> m.Status:
    (serial, flag, mode, rate, rate_unit, drug, volume, volume_unit, pressure, pressure_unit, left, kind, entry) = (
        _exactly(13, fields)
    )
    _is(rate_unit, RATE_UNIT)
    _is(volume_unit, VOLUME_UNIT)
    _is(pressure_unit, PRESSURE_UNIT)
    if not SERIAL.fullmatch(serial):
        raise RemoteProtocolError(f"{serial!r} is no serial number")
    if not _MODE.fullmatch(mode):
        raise RemoteProtocolError(f"{mode!r} is no mode")
    pressure_thousandths = thousandths(pressure)
    if pressure_thousandths % 10:
        raise RemoteProtocolError(f"{pressure!r} is finer than a hundredth")
    return m.Status(
        serial=serial,
        alarmed=_meant(ALARMED, flag),
        mode=mode,
        flow_rate_ul_h=not_negative(rate),
        drug=drug,
        infused_ul=not_negative(volume),
        pressure_hundredths_mmhg=pressure_thousandths // 10,
        time_left=left,
        log_kind=kind,
        log_entry=entry,
    )


_READERS: dict[str, Callable[[list[str]], m.Reply]] = {
    "INST_SERIALNO": _serial,
    "COMMS_PROTOCOL": _protocol,
    "COMMS_RESPONSE_MAX": _silence,
    "SYRINGE_STATUS": _syringe,
    "INF_RATE_MAX_SYRINGE": _rate_max,
    "INF": _status,
    "ALARM": _alarm,
    "INF_RATE": _rate,
    "INF_VI": _volume,
    "INF_VTBI": _vtbi,
    "REMQUERY": _query_ended,
    "REMOTE_CTRL": _switched(m.Switch.CONTROL),
    "REMOTE_CFG": _switched(m.Switch.CONFIGURATION),
}


def _exactly(count: int, fields: list[str]) -> list[str]:
    if len(fields) != count:
        raise RemoteProtocolError(f"{len(fields)} fields, not {count}")
    return fields


def _is(field: str, wanted: str) -> None:
    if field != wanted:
        raise RemoteProtocolError(f"{field!r} where {wanted!r} belongs")


def _meant(words: dict[str, _Meaning], word: str) -> _Meaning:
    if word not in words:
        raise RemoteProtocolError(f"{word!r} is none of {', '.join(words)}")
    return words[word]


def _whole(text: str) -> int:
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise RemoteProtocolError(f"{text!r} is not a whole number")
    return int(found[1])


def _in_unit(fields: list[str], unit: str) -> int:
    figure, given = _exactly(2, fields)
    _is(given, unit)
    return not_negative(figure)
