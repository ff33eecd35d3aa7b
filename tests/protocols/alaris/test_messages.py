"""Messages: every golden frame both ways, every form that is not one of them refused, numbers exact."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.alaris import messages as m
from protocols.alaris.alarms import KNOWN, Alarm
from protocols.alaris.codec import STOP_ECHO, encode, name_of, security_code, stop_bytes
from protocols.alaris.figures import hundredths_text, not_negative, rate_text, thousandths, time_left_text, volume_text
from protocols.alaris.framing import FrameDecoder
from protocols.alaris.reading import reply_of, request_of
from protocols.errors import LocalProtocolError, RemoteProtocolError
from tests.protocols.alaris.golden import BYTES, REPLIES, REQUESTS, SECURITY_CODES, UNUSED, WRONG, line, text
from tests.protocols.alaris.naive import Receiver

# What we write differently from what somebody else wrote: the same value with the decimals of the echo, the empty
# fields of a VTBI that is not set.
WRITTEN_OTHERWISE = {
    "!INF_RATE^0.1^ml/h|B775": "INF_RATE^0.10^ml/h",
    "!INF_VTBI^DEACT|D8C5": "INF_VTBI^DEACT^^^",
}


@pytest.mark.parametrize("frame", REQUESTS)
def test_every_golden_request_both_ways(frame: str) -> None:
    assert FrameDecoder().receive(line(frame)) == [text(frame)]
    request = request_of(text(frame))
    written = WRITTEN_OTHERWISE.get(frame, text(frame)) if not isinstance(request, m.ClearVtbi) else text(frame)
    assert FrameDecoder().receive(encode(request)) == [written]
    assert request_of(written) == request


@pytest.mark.parametrize("frame", REPLIES)
def test_every_golden_reply_both_ways(frame: str) -> None:
    assert FrameDecoder().receive(line(frame)) == [text(frame)]
    reply = reply_of(text(frame))
    written = WRITTEN_OTHERWISE.get(frame, text(frame))
    assert FrameDecoder().receive(encode(reply)) == [written]
    assert reply_of(written) == reply


@pytest.mark.parametrize("frame", [*REQUESTS, *REPLIES, *UNUSED])
def test_a_second_reader_sees_the_same(frame: str) -> None:
    assert Receiver().feed(line(frame)) == [text(frame)]


@pytest.mark.parametrize("frame", WRONG)
def test_what_openice_slipped_on_is_no_frame(frame: str) -> None:
    assert Receiver().feed(line(frame)) == []


@pytest.mark.parametrize(("frame", "as_hex"), BYTES.items())
def test_the_bytes_are_those_of_the_sheet(frame: str, as_hex: str) -> None:
    assert line(frame).hex() == as_hex


@pytest.mark.parametrize(("serial", "code"), SECURITY_CODES.items())
def test_a_security_code_follows_from_the_serial_number(serial: str, code: str) -> None:
    assert security_code(serial) == code


def test_every_kind_of_message_is_among_the_golden_ones_or_named_here() -> None:
    asked = {type(request_of(text(frame))) for frame in REQUESTS}
    assert asked == set(get_args(m.Request))
    told = {type(reply_of(text(frame))) for frame in REPLIES}
    assert told == set(get_args(m.Reply)) - {m.VolumeInfused, m.Refusal}  # both invented: docs/dialects/alaris.md


def test_a_status_says_what_the_captured_one_says() -> None:
    (frame,) = [each for each in REPLIES if each.startswith("!INF^8002-51733")]
    assert reply_of(text(frame)) == m.Status(
        serial="8002-51733",
        alarmed=True,
        mode=m.HOLD,
        flow_rate_ul_h=0,
        drug="",
        infused_ul=969,
        pressure_hundredths_mmhg=53_015,
        time_left="00:04:09",
        log_kind="EVENT",
        log_entry="214725",
    )


@pytest.mark.parametrize(
    "reply",
    [
        m.VolumeInfused(1_234),
        m.Refusal("INF_START", "NO_SYRINGE"),
        m.Syringe("BD PLASTIPAK", 5, confirmed=False),
        m.Switched(m.Switch.CONTROL, enabled=False, permitted=False),
        m.Switched(m.Switch.CONFIGURATION, enabled=True, permitted=None),
        m.Vtbi(1, m.EndAction.KVO),
        m.AlarmState("AL_WHOKNOWS"),
        m.Status("SIM-0001", False, "XYZ", 1_200_000, "", 0, -53, "24+", "EVENT", "1"),  # noqa: FBT003 - as the fields
    ],
)
def test_what_is_invented_reads_as_it_is_written(reply: m.Reply) -> None:
    (written,) = FrameDecoder().receive(encode(reply))
    assert isinstance(written, str)
    assert reply_of(written) == reply
    assert written.startswith(name_of(reply))


@pytest.mark.parametrize("said", ["DEACT", "DEACT^", "DEACT^^^", "DEACT^^ml^STOP", "ACTIV^^ml^STOP", "^"])
def test_an_empty_volume_is_no_vtbi_in_whatever_form(said: str) -> None:
    assert reply_of(f"INF_VTBI^{said}") == m.Vtbi(None, None)


NO_REQUESTS = [
    "",
    "INF_RATES",
    "INF_START^NOW",
    "INF_RATE^3.50",
    "INF_RATE^3.50^ml/min",
    "INF_RATE^-3.50^ml/h",
    "INF_RATE^-0.00^ml/h",
    "INF_RATE^3,50^ml/h",
    "INF_RATE^3.5555^ml/h",
    "INF_RATE^^ml/h",
    "INF_RATE^1e3^ml/h",
    "INF_RATE^\u0663.50^ml/h",
    "INF_VTBI^ACTIV^11.000^ml",
    "INF_VTBI^ACTIV^11.000^ml^GO",
    "INF_VTBI^ACTIV^11.000^l^STOP",
    "INF_VTBI^DEACT^",
    "REMOTE_CTRL^ENABLED",
    "REMOTE_CTRL^DISABLED^3CC1",
    "INF_BOLUS^ENABLED",
    "inf",
]


@pytest.mark.parametrize("request_text", NO_REQUESTS)
def test_what_is_no_request_asks_for_nothing(request_text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        request_of(request_text)


STATUS = "INF^SIM-0001^-^HLD^0.00^ml/h^^0.969^ml^530.15^mmHg^00:04:09^EVENT^214725"
NO_REPLIES = [
    "",
    "INF_START^OK",
    "INST_SERIALNO",
    "INST_SERIALNO^",
    "INST_SERIALNO^8002 51740",
    "INST_SERIALNO^8002-51740^1",
    "COMMS_RESPONSE_MAX^4000^s",
    "COMMS_RESPONSE_MAX^-1^ms",
    "SYRINGE_STATUS^BD^ 50",
    "SYRINGE_STATUS^BD^50ml^CONF",
    "SYRINGE_STATUS^BD^ 50^MAYBE",
    "INF_RATE_MAX_SYRINGE^1200.00^ml",
    "ALARM^AL_NOALM",
    "ALARM^al_noalm^ ^ ",
    "INF_VI^1.234",
    "INF_VI^-1.234^ml",
    "INF_VTBI^DEACT^1",
    "INF_VTBI^ACTIV",
    "INF_VTBI^ACTIV^ ^ml^STOP",
    "INF_VTBI^",
    "INF_VTBI",
    "REMQUERY^ACTIV",
    "REMOTE_CTRL",
    "REMOTE_CTRL^ENABLED^3CC1^PERMIT^0^ms",
    "REMOTE_CTRL^ENABLED^****^MAYBE^0^ms",
    "REMOTE_CTRL^ENABLED^****^PERMIT^0",
    "WHATEVER^1",
    STATUS + "^",
    STATUS.replace("SIM-0001", ""),
    STATUS.replace("^-^", "^?^"),
    STATUS.replace("HLD", ""),
    STATUS.replace("0.00^ml/h", "-0.10^ml/h"),
    STATUS.replace("ml/h", "ml/min"),
    STATUS.replace("0.969", "-0.969"),
    STATUS.replace("^ml^", "^l^"),
    STATUS.replace("530.15", "530.155"),
    STATUS.replace("mmHg", "kPa"),
]


@pytest.mark.parametrize("reply_text", NO_REPLIES)
def test_what_is_no_reply_says_nothing(reply_text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        reply_of(reply_text)


def test_the_status_of_those_cases_is_one_by_itself() -> None:
    assert isinstance(reply_of(STATUS), m.Status)


@pytest.mark.parametrize("flow_rate_ul_h", [-10, 1, 9, 11, 3_505])
def test_a_rate_that_two_decimals_cannot_hold_is_refused(flow_rate_ul_h: int) -> None:
    with pytest.raises(LocalProtocolError):
        encode(m.SetRate(flow_rate_ul_h))


@given(st.integers(0, 120_000))
def test_a_rate_is_the_same_both_ways(steps: int) -> None:
    assert thousandths(rate_text(10 * steps)) == 10 * steps


@given(st.integers(0, 9_999_999))
def test_a_volume_is_the_same_both_ways(volume_ul: int) -> None:
    assert not_negative(volume_text(volume_ul)) == volume_ul


@given(st.integers(-99_999, 999_999))
def test_a_pressure_is_the_same_both_ways(hundredths: int) -> None:
    assert thousandths(hundredths_text(hundredths)) == 10 * hundredths


def test_no_volume_is_less_than_nothing() -> None:
    with pytest.raises(LocalProtocolError):
        volume_text(-1)


@pytest.mark.parametrize("serial", ["", "8002", "8002-", "8002-51740\r", "a-1", "8002-51740^A"])
def test_no_code_for_what_is_no_serial_number(serial: str) -> None:
    with pytest.raises(LocalProtocolError):
        security_code(serial)


@pytest.mark.parametrize("message", [m.ProtocolName("A^B"), m.ProtocolName("A!B"), m.Refusal("INF", "A|B")])
def test_a_field_that_would_be_something_else_is_refused(message: m.Reply) -> None:
    with pytest.raises(LocalProtocolError):
        encode(message)


@pytest.mark.parametrize(
    ("left_ms", "written"),
    [(0, "00:00:00"), (999, "00:00:00"), (249_000, "00:04:09"), (86_399_999, "23:59:59"), (86_400_000, "24+")],
)
def test_a_time_left_is_whole_seconds_up_to_a_day(left_ms: int, written: str) -> None:
    assert time_left_text(left_ms) == written


def test_stop_is_remote_control_and_stop_behind_a_delimiter() -> None:
    assert stop_bytes("8002-51740") == b"\r!REMOTE_CTRL^ENABLED^3CC1|B1F1\r!INF_STOP|CD57\r"
    assert STOP_ECHO == b"!INF_STOP|CD57\r"
    for half in (b"!INF_RATE^25.0", b"!", b"\x00" * 9, b"!INF_ST"):
        decoder = FrameDecoder()
        decoder.receive(half + stop_bytes("8002-51740"))
        assert decoder.good_frames == 2


def test_the_alarm_codes_are_those_of_the_sheet() -> None:
    assert len(KNOWN) == len(Alarm) == 23
    assert KNOWN["AL_OCCLU"] is Alarm.OCCLUSION
