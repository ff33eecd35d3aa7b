"""The durable outbox: each journal record goes out once the broker has taken the one before it.

Refuses to hold what waits: it waits in the journal, on the disk, and here is one batch of it. A record that the broker
does not take holds up the later ones; nothing else waits for any of them. An acknowledgement that is lost means that
an event is told again, with the same sequence number; none is ever left out (ADR 0021).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from protocols.mqtt.contract import AUDIT_HEAD_FASTEST_S, PERIOD_S
from protocols.mqtt.events import event_of
from protocols.mqtt.payloads import AUDIT_HEAD_SCHEMA
from protocols.mqtt.topics import Topics
from pumpctl.shell.cursor import Place
from pumpctl.shell.journal_tail import BATCH_RECORDS, Batch, Told
from pumpctl.shell.mqtt_client import FAILURE_CODES, NOBODY_LISTENS, Message

BATCH_PAUSE_S = 0.25  # after a full batch: a long outage is made up for at a pace that a dashboard can follow
REFUSED_WAIT_S = PERIOD_S
UNREADABLE_WAIT_S = PERIOD_S
SUBSCRIBERS_S = 30.0  # a broker that has just come back knows no subscribers yet; after that nobody wants it
SUBSCRIBERS_LOOK_S = 0.5

Tell = Callable[[Message], Awaitable[int]]


class Tail(Protocol):
    """Where records are read: JournalTail."""

    async def after(self, place: Place | None) -> Batch: ...
    def close(self) -> None: ...


class Audience(Protocol):
    """Who may be there to hear: Connection."""

    @property
    def has_listeners(self) -> bool: ...


class EventOutbox:
    """`note` keeps a retained value up to date: the audit head."""

    def __init__(self, tail: Tail, topics: Topics, log: FilteringBoundLogger, note: Callable[[Message], None]) -> None:
        self._tail = tail
        self._topics = topics
        self._log = log
        self._note = note
        self._place: Place | None = None  # None: where the cursor's file says
        self._recorded = asyncio.Event()
        self._recorded_seq = 0
        self._fault = ""
        self._head: Message | None = None
        self._head_s = -float(AUDIT_HEAD_FASTEST_S)

    @property
    def waiting(self) -> int:
        """How many records of this life are not told yet, at least."""
        return max(0, self._recorded_seq - (self._place.seq if self._place else 0))

    def recorded(self, seq: int) -> None:
        """The journal holds this one now."""
        self._recorded_seq = seq
        self._recorded.set()

    def close(self) -> None:
        self._tail.close()

    async def drain(self, tell: Tell, audience: Audience) -> None:
        """Tell what was not told, and what comes, as long as the connection lasts. MqttError ends it."""
        began_s = asyncio.get_running_loop().time()
        while True:
            self._recorded.clear()
            batch = await self._read()
            if batch is None:
                await asyncio.sleep(UNREADABLE_WAIT_S)
                continue
            self._place = batch.after
            for record in batch.records:
                await self._deliver(record, tell, audience, began_s)
                self._place = Place(batch.after.epoch, record.seq)
                self._head = self._head_at(record, batch.after.epoch)
            self._tell_head()
            if len(batch.records) == BATCH_RECORDS:
                await asyncio.sleep(BATCH_PAUSE_S)
            elif not batch.records:
                await self._until_more()

    async def _read(self) -> Batch | None:
        try:
            batch = await self._tail.after(self._place)
        except Exception as error:  # a disk or a damaged journal: alarms and states go on all the same
            self._complain(f"the journal cannot be read: {type(error).__name__}: {error}")
            return None
        if batch.fault:
            self._complain(f"the cursor of what was told: {batch.fault}; events may be told again")
        else:
            self._fault = ""
        return batch

    async def _deliver(self, record: Told, tell: Tell, audience: Audience, began_s: float) -> None:
        event = event_of(record.seq, record.utc_ms, record.kind, record.body)
        topic = self._topics.event(event.channel or self._topics.instance)
        message = Message(topic, event.told(), retain=False, boot_id=record.boot_id)
        while True:
            code = await tell(message)
            new = asyncio.get_running_loop().time() - began_s < SUBSCRIBERS_S
            if code >= FAILURE_CODES:
                await asyncio.sleep(REFUSED_WAIT_S)
            elif code == NOBODY_LISTENS and new and not audience.has_listeners:
                await asyncio.sleep(SUBSCRIBERS_LOOK_S)
            else:
                return

    def _head_at(self, record: Told, epoch: str) -> Message:
        head = {"schema": AUDIT_HEAD_SCHEMA, "seq": record.seq, "hash": record.digest, "epoch": epoch}
        return Message(self._topics.audit_head, {**head, "at_ms": record.utc_ms}, retain=True, boot_id=record.boot_id)

    def _tell_head(self) -> None:
        """Not with each record: it says where the chain ends, and that is soon old."""
        now_s = asyncio.get_running_loop().time()
        if self._head is not None and now_s - self._head_s >= AUDIT_HEAD_FASTEST_S:
            self._note(self._head)
            self._head, self._head_s = None, now_s

    async def _until_more(self) -> None:
        wait_s = PERIOD_S if self._head is None else AUDIT_HEAD_FASTEST_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._recorded.wait(), wait_s)

    def _complain(self, fault: str) -> None:
        """Once for each thing that is wrong."""
        if fault != self._fault:
            self._fault = fault
            self._log.error("mqtt: events", reason=fault)
