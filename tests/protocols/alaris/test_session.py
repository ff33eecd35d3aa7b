"""The host's side: one request outstanding, replies matched by name, whatever else comes reported as what it is."""

from __future__ import annotations

import pytest

from protocols.alaris import messages as m
from protocols.alaris.codec import encode
from protocols.alaris.framing import Garbage, GarbageReason, encode_frame
from protocols.alaris.session import AlarisSession, Replied, Stray
from protocols.errors import LocalProtocolError

RATE = m.Rate(3_500)
SWITCHED = m.Switched(m.Switch.CONTROL, enabled=True, permitted=True)


def test_a_request_is_answered_by_its_name() -> None:
    session = AlarisSession()
    assert session.request(m.Query.RATE) == b"\r!INF_RATE|8E6D\r"  # CR once, at the opening
    assert session.outstanding is m.Query.RATE
    assert session.receive(encode(RATE)) == [Replied(m.Query.RATE, RATE)]
    assert session.outstanding is None
    assert session.request(m.Query.RATE) == b"!INF_RATE|8E6D\r"


def test_one_request_at_a_time() -> None:
    session = AlarisSession()
    session.request(m.Query.RATE)
    with pytest.raises(LocalProtocolError):
        session.request(m.Query.STATUS)
    assert session.expire() is m.Query.RATE
    assert session.expire() is None
    session.request(m.Query.STATUS)


def test_what_cannot_be_written_is_not_outstanding() -> None:
    session = AlarisSession()
    with pytest.raises(LocalProtocolError):
        session.request(m.SetRate(1))
    assert session.outstanding is None


@pytest.mark.hazard("H54")
def test_a_reply_of_another_name_or_twice_is_stray() -> None:
    session = AlarisSession()
    assert session.receive(encode(RATE)) == [Stray(RATE)]
    session.request(m.Order.START)
    assert session.receive(encode(RATE)) == [Stray(RATE)]
    echo = m.Echo(m.Order.START)
    assert session.receive(2 * encode(echo)) == [Replied(m.Order.START, echo), Stray(echo)]


@pytest.mark.hazard("H54")
def test_a_late_reply_is_let_out_before_its_name_is_asked_again() -> None:
    session = AlarisSession()
    session.request(m.Query.RATE)
    session.expire()
    session.request(m.Enable(m.Switch.CONTROL, "3CC1"))
    heard = session.receive(encode(m.Rate(9_990)) + encode(SWITCHED))
    assert [type(each) for each in heard] == [Stray, Replied]
    session.request(m.Query.RATE)
    assert session.receive(encode(RATE)) == [Replied(m.Query.RATE, RATE)]


def test_a_refusal_answers_by_its_name_too() -> None:
    session = AlarisSession()
    session.request(m.Order.START)
    refusal = m.Refusal("INF_START", "NO_SYRINGE")
    assert session.receive(encode(refusal)) == [Replied(m.Order.START, refusal)]


def test_a_whole_frame_that_says_nothing_known_is_garbage() -> None:
    session = AlarisSession()
    session.request(m.Order.START)
    frame = encode_frame("INF_START^MAYBE")
    assert session.receive(frame) == [Garbage(GarbageReason.MALFORMED, len(frame) - 1)]
    assert session.outstanding is m.Order.START
