"""The outbox against doubles: what a broker answers to an event, and what becomes of that event."""

from __future__ import annotations

import asyncio

import aiomqtt
import pytest

from protocols.mqtt.topics import BASE, Topics
from pumpctl.shell import mqtt_outbox
from pumpctl.shell.cursor import Place
from pumpctl.shell.journal_tail import Batch, Told
from pumpctl.shell.logs import open_log
from pumpctl.shell.mqtt_client import NOBODY_LISTENS, Message
from pumpctl.shell.mqtt_outbox import EventOutbox
from tests.shell.mqtt_bench import WAIT_S

EPOCH = "ab" * 16


class Shelf:
    """A journal of five records; keeps the places from which it was read."""

    def __init__(self) -> None:
        self.asked: list[Place | None] = []
        self.closed = False

    async def after(self, place: Place | None) -> Batch:
        self.asked.append(place)
        start = place or Place(EPOCH, 0)
        records = (Told(seq, 5, "boot", "paused", {"channel": "a"}, "cd" * 32) for seq in range(start.seq + 1, 6))
        return Batch(start, tuple(records), "")

    def close(self) -> None:
        self.closed = True


class Answers:
    """A broker that answers with these codes in turn, then with 0; None is no answer at all."""

    def __init__(self, *codes: int | None) -> None:
        self.codes = list(codes)
        self.told: list[int] = []
        self.has_listeners = False
        self.over = asyncio.Event()  # the last of the shelf was told, or the connection lost

    async def tell(self, message: Message) -> int:
        assert isinstance(message.content, dict)
        self.told.append(message.content["seq"])
        code = self.codes.pop(0) if self.codes else 0
        if code is None or (self.told[-1] == 5 and not self.codes):
            self.over.set()
        if code is None:
            raise aiomqtt.MqttError("no answer")
        return code


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REFUSED_WAIT_S", "SUBSCRIBERS_LOOK_S", "BATCH_PAUSE_S"):
        monkeypatch.setattr(mqtt_outbox, name, 0.0)


async def drained(outbox: EventOutbox, broker: Answers) -> None:
    """Until the last event was told, or the connection was lost."""
    task = asyncio.create_task(outbox.drain(broker.tell, broker))
    async with asyncio.timeout(WAIT_S):
        await broker.over.wait()
    await asyncio.sleep(0)
    if task.done():
        with pytest.raises(aiomqtt.MqttError):
            task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def outbox_of(shelf: Shelf) -> EventOutbox:
    log, writer = open_log()
    writer.close()
    return EventOutbox(shelf, Topics(BASE, "rig"), log, lambda _: None)


@pytest.mark.usefixtures("quick")
async def test_an_event_that_is_refused_holds_up_the_later_ones_and_is_not_lost() -> None:
    broker = Answers(0, 135, 151)
    await drained(outbox_of(Shelf()), broker)
    assert broker.told == [1, 2, 2, 2, 3, 4, 5]


@pytest.mark.usefixtures("quick")
async def test_an_event_without_an_answer_is_told_again_on_the_next_connection() -> None:
    shelf = Shelf()
    outbox = outbox_of(shelf)
    broker = Answers(0, 0, None)
    await drained(outbox, broker)
    assert broker.told == [1, 2, 3]
    broker = Answers()
    await drained(outbox, broker)
    assert broker.told == [3, 4, 5]
    assert shelf.asked[:2] == [None, Place(EPOCH, 2)]


@pytest.mark.usefixtures("quick")
async def test_events_wait_for_the_first_subscriber_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Answers(NOBODY_LISTENS, NOBODY_LISTENS)
    await drained(outbox_of(Shelf()), broker)
    assert broker.told == [1, 1, 1, 2, 3, 4, 5]
    broker = Answers(*[NOBODY_LISTENS] * 5)
    broker.has_listeners = True  # to something else: nobody wants events
    await drained(outbox_of(Shelf()), broker)
    assert broker.told == [1, 2, 3, 4, 5]
    monkeypatch.setattr(mqtt_outbox, "SUBSCRIBERS_S", 0.0)
    broker = Answers(*[NOBODY_LISTENS] * 5)
    await drained(outbox_of(Shelf()), broker)
    assert broker.told == [1, 2, 3, 4, 5]
