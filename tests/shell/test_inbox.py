"""Inbox: stops first, everything bounded, nothing reordered within a link."""

from __future__ import annotations

import pytest

from pumpctl.events import DeadlineReached, Event, LinkDown, LinkUp, OperatorRequest, PumpBytes, Recorded
from pumpctl.shell.inbox import WAITING_BYTES, WAITING_EVENTS, WAITING_REQUESTS, WAITING_STOPS, Inbox, InboxOverflow


def request(number: int, method: str = "status") -> OperatorRequest:
    return OperatorRequest(number, method, {}, "nurse")


def inbox() -> Inbox:
    return Inbox(lambda: None)


def taken(subject: Inbox) -> list[Event]:
    events: list[Event] = []
    while (event := subject.take()) is not None:
        events.append(event)
    return events


def test_a_stop_is_taken_before_anything_that_came_earlier() -> None:
    subject = inbox()
    subject.put(PumpBytes("a", b"x"))
    subject.put(Recorded(1))
    subject.request(request(1))
    subject.request(request(2, "stop"))
    assert taken(subject) == [request(2, "stop"), PumpBytes("a", b"x"), Recorded(1), request(1)]


@pytest.mark.hazard("H49")
def test_requests_are_refused_when_they_pile_up_and_a_stop_still_is_not() -> None:
    subject = inbox()
    assert all(subject.request(request(number)) for number in range(WAITING_REQUESTS))
    assert not subject.request(request(999))
    assert all(subject.request(request(number, "stop")) for number in range(WAITING_STOPS))
    assert isinstance(subject.take(), OperatorRequest)


def test_bytes_of_one_channel_are_joined_and_never_across_an_open() -> None:
    subject = inbox()
    subject.put(LinkUp("a", 1))
    subject.put(PumpBytes("a", b"1"))
    subject.put(PumpBytes("b", b"2"))
    subject.put(PumpBytes("a", b"3"))
    subject.put(LinkDown("a", "gone"))
    subject.put(LinkUp("a", 2))
    subject.put(PumpBytes("a", b"4"))
    assert taken(subject) == [
        LinkUp("a", 1),
        PumpBytes("a", b"13"),
        PumpBytes("b", b"2"),
        LinkDown("a", "gone"),
        LinkUp("a", 2),
        PumpBytes("a", b"4"),
    ]


def test_bytes_after_a_take_are_a_new_event() -> None:
    subject = inbox()
    subject.put(PumpBytes("a", b"1"))
    assert subject.take() == PumpBytes("a", b"1")
    subject.put(PumpBytes("a", b"2"))
    assert taken(subject) == [PumpBytes("a", b"2")]


@pytest.mark.hazard("H57")
def test_a_babbling_pump_fills_its_own_bound_and_nothing_else() -> None:
    subject = inbox()
    for _ in range(1000):
        subject.put(PumpBytes("a", b"x" * 1024))
    subject.put(PumpBytes("b", b"y"))
    first, second = taken(subject)
    assert isinstance(first, PumpBytes)
    assert len(first.received) == WAITING_BYTES
    assert subject.dropped_bytes == 1000 * 1024 - WAITING_BYTES
    assert second == PumpBytes("b", b"y")


def test_durable_numbers_that_wait_together_are_one_event_the_last() -> None:
    subject = inbox()
    subject.put(Recorded(1))
    subject.put(Recorded(2))
    subject.put(DeadlineReached())
    subject.put(Recorded(3))
    assert taken(subject) == [Recorded(2), DeadlineReached(), Recorded(3)]


@pytest.mark.hazard("H49")
def test_events_of_our_own_making_that_pile_up_are_a_fault() -> None:
    subject = inbox()
    for _ in range(WAITING_EVENTS):
        subject.put(DeadlineReached())
    with pytest.raises(InboxOverflow):
        subject.put(DeadlineReached())


def test_the_loop_is_woken_once_for_an_empty_inbox() -> None:
    woken: list[int] = []
    subject = Inbox(lambda: woken.append(1))
    subject.put(DeadlineReached())
    subject.put(DeadlineReached())
    subject.request(request(1))
    assert len(woken) == 1
    taken(subject)
    subject.request(request(2, "stop"))
    assert len(woken) == 2
