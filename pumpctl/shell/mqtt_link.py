"""Telemetry to an MQTT 5 broker, one way, and nothing that the daemon ever waits for.

Refuses to know what is told. The one thing it hears is Home Assistant's birth, where there is something to announce to
it. States, links and alarms are live values, told again after each connection; events are the journal's own records,
told from where the broker last took one. `online` comes after all that is true has been told, so that nothing of an
earlier life of this daemon is ever live.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterable
from itertools import chain

from paho.mqtt.subscribeoptions import SubscribeOptions
from structlog.typing import FilteringBoundLogger

from protocols.mqtt.contract import ALARM_EXPIRY_S, PERIOD_S, STATE_EXPIRY_S
from protocols.mqtt.topics import HOME_ASSISTANT_STATUS, OFFLINE, ONLINE, Announcement
from pumpctl.effects import Publish
from pumpctl.shell.broker_probe import Place, admitted
from pumpctl.shell.chance import birth_delay_s
from pumpctl.shell.clock import wall_ms
from pumpctl.shell.mqtt_client import FAILURE_CODES, Broker, Connection, Message
from pumpctl.shell.mqtt_live import LiveValues
from pumpctl.shell.mqtt_outbox import EventOutbox, Tail
from pumpctl.shell.mqtt_refusal import words_of
from pumpctl.shell.mqtt_retreat import Retreat

FAREWELL_S = 2.0


class MqttLink:
    """Keeps one connection for ever. `publish` and `recorded` are called from the loop and only note what to tell."""

    def __init__(
        self,
        broker: Broker,
        log: FilteringBoundLogger,
        clock_s: Callable[[], float],
        announcements: tuple[Announcement, ...] = (),
        channels: tuple[str, ...] = (),
        journal: Tail | None = None,
    ) -> None:
        self.refused = 0
        self.connected = False
        self._broker = broker
        self._topics = broker.topics
        self._log = log
        self._clock_s = clock_s
        self._announces = bool(announcements)
        self._live = LiveValues(clock_s, _from_the_start(broker, announcements, channels))
        self._something = asyncio.Event()
        self._events = None if journal is None else EventOutbox(journal, self._topics, log, self._note)
        self._birth_timer: asyncio.TimerHandle | None = None
        self._told_down = ""
        self._told_refused = ("", 0)
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many messages wait to be told."""
        return self._live.waiting + (self._events.waiting if self._events else 0)

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.get_running_loop().create_task(self._keep_connected(), name="mqtt")

    def publish(self, publication: Publish) -> None:
        """Note what is to be told. Never raises: what comes here comes from a loop that must not stop."""
        try:
            message = self._message(publication)
        except ValueError as error:
            self._log.error("mqtt: cannot be told", channel=publication.channel, reason=str(error))
            return
        if self._live.note(message, changed=publication.changed):
            self._something.set()

    def recorded(self, seq: int) -> None:
        """The journal holds this record now: it may be told."""
        if self._events is not None:
            self._events.recorded(seq)

    async def close(self) -> None:
        """Say goodbye where that can be done at once: a broker that hangs sends our will instead."""
        self._closing = True
        self._something.set()
        if self._birth_timer is not None:
            self._birth_timer.cancel()
        if self._events is not None:
            self._events.close()
        task = self._task
        if task is None:
            return
        await asyncio.wait([task], timeout=FAREWELL_S)
        for _ in range(2):  # the first ends what it does, the second the library's own goodbye
            task.cancel()
            await asyncio.wait([task], timeout=FAREWELL_S / 4)

    def _message(self, publication: Publish) -> Message:
        channel, leaf, payload = publication.channel, publication.leaf, publication.payload
        if leaf == "state":
            return Message(self._topics.state(channel), payload, retain=True, expiry_s=STATE_EXPIRY_S)
        if leaf == "link":
            return Message(self._topics.link(channel), str((payload or {}).get("link", "down")), retain=True)
        code = leaf.removeprefix("alarm/")
        return Message(self._topics.alarm(channel, code), payload, retain=True, expiry_s=ALARM_EXPIRY_S)

    def _note(self, message: Message) -> None:
        self._live.note(message)
        self._something.set()

    async def _keep_connected(self) -> None:
        retreat = Retreat(self._broker.client_id, self._clock_s)
        while not self._closing:
            wait_s, reason = 0.0, ""
            try:
                context = await self._admitted()
                async with Connection(self._broker, self._heard_birth, context) as connection:
                    retreat.connected()
                    await self._serve(connection)
            except Exception as error:  # telemetry may fail in any way: it must not end, nor end anything else
                wait_s, reason = retreat.after(error)
            self.connected = False
            if not self._closing:
                self._tell_down(reason)
                await self._pause(wait_s)

    async def _admitted(self) -> ssl.SSLContext | None:
        """Raises why this broker would not take us, which the library would find out in ten seconds, if at all."""
        broker = self._broker
        place = Place(broker.host, broker.port, broker.tls, f"{broker.client_id}-probe")
        return await asyncio.to_thread(admitted, place, wall_ms())

    async def _serve(self, connection: Connection) -> None:
        """Until the connection is lost, which raises why, or it is time to go."""
        self._log.info("mqtt: connected", host=self._broker.host, port=self._broker.port)
        self.connected = True
        tasks = [asyncio.create_task(connection.lost()), asyncio.create_task(self._tell_live(connection))]
        if self._events is not None:
            drain = self._events.drain(lambda message: self._tell(connection, message), connection)
            tasks.append(asyncio.create_task(drain))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell_live(self, connection: Connection) -> None:
        """All that is true, then that we are there, then what changes; at the end the goodbye."""
        self._live.tell_all_again()
        await self._tell_due(connection)
        await self._tell(connection, Message(self._topics.availability, ONLINE, retain=True))
        self._told_down = ""
        if self._announces:
            await self._listen(connection)
        while not self._closing:
            self._something.clear()
            self._live.renew()
            await self._tell_due(connection)
            await self._until_something(PERIOD_S)
        await self._tell_due(connection)
        await self._tell(connection, Message(self._topics.availability, OFFLINE, retain=True))

    async def _listen(self, connection: Connection) -> None:
        """For a birth that happens from now on: a message that the broker has kept is none."""
        only_new = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        (answer,) = await connection.subscribe(HOME_ASSISTANT_STATUS, options=only_new)
        code = answer if isinstance(answer, int) else answer.value
        if code >= FAILURE_CODES:
            self._say_refused(HOME_ASSISTANT_STATUS, code)

    async def _tell_due(self, connection: Connection) -> None:
        while (message := self._live.next_due()) is not None:
            await self._tell(connection, message)
            self._live.told(message)

    async def _tell(self, connection: Connection, message: Message) -> int:
        """The broker's reason code. What it refuses is counted, and said once for each topic and reason in turn."""
        try:
            code = await connection.tell(message)
        except ValueError as error:
            self._log.error("mqtt: not JSON, given up", topic=message.topic, reason=str(error))
            return 0
        if code >= FAILURE_CODES:
            self._say_refused(message.topic, code)
        return code

    def _say_refused(self, topic: str, code: int) -> None:
        self.refused += 1
        if self._told_refused[1] != code:
            self._told_refused = (topic, code)
            self._log.error("mqtt: the broker refuses", topic=topic, code=code, reason=words_of(code))

    def _heard_birth(self) -> None:
        """Everything is told again, a little later: at once it is lost, and not by all daemons together (mqtt.md)."""
        if self._birth_timer is None and self._announces:
            loop = asyncio.get_running_loop()
            self._birth_timer = loop.call_later(birth_delay_s(), self._answer_birth)

    def _answer_birth(self) -> None:
        self._birth_timer = None
        self._live.tell_all_again()
        self._something.set()

    async def _pause(self, wait_s: float) -> None:
        """Wait, or until there is a goodbye to say."""
        end_s = self._clock_s() + wait_s
        while not self._closing and (left_s := end_s - self._clock_s()) > 0:
            self._something.clear()
            await self._until_something(left_s)

    async def _until_something(self, at_most_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._something.wait(), at_most_s)

    def _tell_down(self, reason: str) -> None:
        """Once for each cause."""
        if reason != self._told_down:
            self._told_down = reason
            place = {"host": self._broker.host, "port": self._broker.port}
            self._log.warning("mqtt: no broker; the daemon goes on without", reason=reason, **place)


def _from_the_start(
    broker: Broker, announcements: Iterable[Announcement], channels: Iterable[str]
) -> Iterable[Message]:
    """A pump that has not answered yet is down, whatever a broker still keeps of an earlier life."""
    announced = (Message(each.topic, each.payload, retain=True) for each in announcements)
    return chain(announced, (Message(broker.topics.link(name), "down", retain=True) for name in channels))
