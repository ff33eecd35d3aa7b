"""The one queue of events for the loop: bounded, and with a STOP at its head.

Refuses to know what an event means, but for one thing: a request to stop has a place of its own, which is never
full, and is taken first. Bytes of one channel that wait together are one event; numbers of durable records too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pumpctl.events import Event, LinkDown, LinkUp, OperatorRequest, PumpBytes, Recorded

STOP_METHOD = "stop"
WAITING_REQUESTS = 64  # people and their scripts; more are refused and may ask again
# 32 clients with at most 8 unanswered requests each (control_socket.py): the place of the stops cannot be full.
WAITING_STOPS = 256
WAITING_EVENTS = 1024  # links, timers and the journal together have a few in flight; more is a fault of ours
# A pump answers with at most 255 bytes; a babbling one (H57) loses what the loop could not read in time.
WAITING_BYTES = 16_384


class InboxOverflow(Exception):
    """Events of our own making have piled up: the loop is not doing its work and must not go on."""


class Inbox:
    """`wake` is called when the first event is put into an empty inbox."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.dropped_bytes = 0
        self._wake = wake
        self._stops: deque[OperatorRequest] = deque()
        self._events: deque[Event] = deque()
        self._requests: deque[OperatorRequest] = deque()
        self._newest_bytes: dict[str, PumpBytes] = {}

    def __len__(self) -> int:
        return len(self._stops) + len(self._events) + len(self._requests)

    def request(self, request: OperatorRequest) -> bool:
        """Put an operator's request; False when there is no room and the client must be refused."""
        place, room = (self._requests, WAITING_REQUESTS)
        if request.method == STOP_METHOD:
            place, room = (self._stops, WAITING_STOPS)
        if len(place) >= room:
            return False
        was_empty = len(self) == 0
        place.append(request)
        self._wake_if(was_empty)
        return True

    def put(self, event: Event) -> None:
        """Put any other event. Raises InboxOverflow when the loop has stopped taking them."""
        was_empty = len(self) == 0
        match event:
            case PumpBytes():
                self._put_bytes(event)
            case Recorded() if self._events and isinstance(self._events[-1], Recorded):
                self._events[-1] = event
            case LinkUp(channel) | LinkDown(channel):
                self._newest_bytes.pop(channel, None)  # bytes of two opens are never one event
                self._append(event)
            case _:
                self._append(event)
        self._wake_if(was_empty)

    def take(self) -> Event | None:
        """The next event: a stop, then what happened, then what people ask for."""
        for place in (self._stops, self._events, self._requests):
            if place:
                event = place.popleft()
                if isinstance(event, PumpBytes) and self._newest_bytes.get(event.channel) is event:
                    del self._newest_bytes[event.channel]
                return event
        return None

    def _put_bytes(self, event: PumpBytes) -> None:
        waiting = self._newest_bytes.get(event.channel)
        if waiting is None:
            self._newest_bytes[event.channel] = event
            self._append(event)
            return
        room = WAITING_BYTES - len(waiting.received)
        self.dropped_bytes += max(0, len(event.received) - room)
        joined = PumpBytes(event.channel, waiting.received + event.received[:room])
        self._events[self._events.index(waiting)] = joined
        self._newest_bytes[event.channel] = joined

    def _append(self, event: Event) -> None:
        if len(self._events) >= WAITING_EVENTS:
            raise InboxOverflow(f"{WAITING_EVENTS} events wait and nobody takes them")
        self._events.append(event)

    def _wake_if(self, was_empty: bool) -> None:
        if was_empty and len(self) > 0:
            self._wake()
