"""What is true now and is told by retained messages: the newest of each topic, and which of them are due.

Refuses to queue: a value that was not told in time is replaced, never kept beside the newer one. There are as many
as there are topics, and the channels and alarm codes are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from protocols.mqtt.contract import ALARM_EXPIRY_S, PERIOD_S
from pumpctl.shell.mqtt_client import Message


class LiveValues:
    """`always`: what is true from the start and is told on each connection."""

    def __init__(self, clock_s: Callable[[], float], always: Iterable[Message] = ()) -> None:
        self._clock_s = clock_s
        self._newest = {message.topic: message for message in always}
        self._due = dict.fromkeys(self._newest)  # topics to tell, in order
        self._told_s: dict[str, float] = {}

    @property
    def waiting(self) -> int:
        """How many are due."""
        return len(self._due)

    def note(self, message: Message, *, changed: bool = True) -> bool:
        """The newest value of its topic; whether it is due: because it changed, or was not told for a period."""
        topic = message.topic
        self._newest[topic] = message
        if changed or self._clock_s() - self._told_s.get(topic, -PERIOD_S) >= PERIOD_S:
            self._due[topic] = None
            return True
        return False

    def tell_all_again(self) -> None:
        """Somebody is there who has heard nothing yet."""
        self._due = dict.fromkeys(self._newest)

    def renew(self) -> None:
        """An alarm that the broker keeps for us must not expire there while it is on (H66)."""
        now_s = self._clock_s()
        for topic, message in self._newest.items():
            if message.expiry_s == ALARM_EXPIRY_S and now_s - self._told_s.get(topic, now_s) >= PERIOD_S:
                self._due[topic] = None

    def next_due(self) -> Message | None:
        """What is to be told next; it stays due until `told`."""
        return next((self._newest[topic] for topic in self._due), None)

    def told(self, message: Message) -> None:
        """It was. A newer one that came meanwhile stays due."""
        topic = message.topic
        self._told_s[topic] = self._clock_s()
        if self._newest.get(topic) is message:
            self._due.pop(topic, None)
            if message.content is None:
                del self._newest[topic], self._told_s[topic]
