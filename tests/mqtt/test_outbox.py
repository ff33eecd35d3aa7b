"""The durable outbox: what the journal holds is what a subscriber is told, once each number, in order."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
import pytest_asyncio

from protocols.mqtt.events import Event
from protocols.mqtt.payloads import AuditHead
from pumpctl.effects import Record
from pumpctl.events import Recorded, RecordFailed
from pumpctl.shell import mqtt_outbox
from pumpctl.shell.chain import JOURNAL_FILE, verify_journal
from pumpctl.shell.cursor import CURSOR_FILE, LENGTH_BYTES, NOWHERE, Place, read_cursor, write_cursor
from pumpctl.shell.journal import Journal
from pumpctl.shell.journal_tail import BATCH_RECORDS, JournalTail
from tests import conftest
from tests.shell.mqtt_bench import Bench, Monitor, client_of
from tests.shell.waiting import until

EPOCH = "ab" * 16


class Writer:
    """A journal that is written to, and a link that is told of it."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(exist_ok=True)
        self.state_dir = state_dir
        self._journal, past = Journal.open(state_dir)
        self.seq = max((record.seq for record in past.records), default=0)
        self.durable = self.seq
        self.closed = False
        self.heard: list[Bench] = []
        loop = asyncio.get_running_loop()
        self._journal.start(lambda event: loop.call_soon_threadsafe(self._posted, event))

    def write(self, records: int, channel: str = "a") -> None:
        for _ in range(records):
            self.seq += 1
            body = {"channel": channel, "least_ul": self.seq}
            self._journal.append(Record(self.seq, "progress", body, 5))

    async def written(self) -> None:
        await until(lambda: self.durable == self.seq, "the journal does not write")

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._journal.close()

    def _posted(self, event: Recorded | RecordFailed) -> None:
        assert isinstance(event, Recorded)
        self.durable = event.seq
        for bench in self.heard:
            bench.link.recorded(event.seq)


@pytest_asyncio.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    subject = Writer(tmp_path / "state")
    yield subject
    subject.close()


def linked(broker: conftest.Broker, writer: Writer) -> Bench:
    bench = Bench(broker.host, broker.port, journal=JournalTail(writer.state_dir))
    writer.heard = [bench]
    bench.link.start()
    return bench


async def events(client: aiomqtt.Client, last: int) -> list[int]:
    """The numbers of the events that come, up to `last`."""
    told: list[int] = []
    monitor = Monitor(client)
    while not told or told[-1] < last:
        seen = await monitor.next("/event")
        told.append(Event.model_validate_json(seen.content).seq)
        assert seen.told["seq"] == str(told[-1])
        assert seen.expiry_s is None
    return told


@pytest.mark.hazard("H64")
async def test_what_was_recorded_before_during_and_after_an_outage_is_told_once_and_in_order(
    writer: Writer, mosquitto: conftest.Broker
) -> None:
    writer.write(2 * BATCH_RECORDS + 5)
    bench = linked(mosquitto, writer)
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/+/event", qos=1)
        assert await events(client, 69) == list(range(1, 70))
        writer.write(3)
        assert await events(client, 72) == [70, 71, 72]
        mosquitto.stop()
        await until(lambda: bench.says("the daemon goes on without"))
    writer.write(40)
    await writer.written()
    mosquitto.start()
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/+/event", qos=1)
        assert await events(client, 112) == list(range(73, 113))
    await bench.close()


async def test_the_next_life_goes_on_where_this_one_ended(writer: Writer, mosquitto: conftest.Broker) -> None:
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/+/event", qos=1)
        writer.write(4)
        bench = linked(mosquitto, writer)
        assert await events(client, 4) == [1, 2, 3, 4]
        path = writer.state_dir / CURSOR_FILE
        await until(lambda: path.exists() and read_cursor(path)[0].seq == 4, "no cursor")
        await bench.close()
        writer.write(2)
        await writer.written()
        bench = linked(mosquitto, writer)
        assert await events(client, 6) == [5, 6]
        await bench.close()
        path.write_bytes(b"\0" * LENGTH_BYTES)
        bench = linked(mosquitto, writer)
        assert await events(client, 6) == [1, 2, 3, 4, 5, 6], "a lost cursor costs repetitions and never a gap"
        await bench.close()
    assert bench.says("the cursor of what was told: it is damaged")


async def test_the_head_of_the_chain_is_retained(writer: Writer, mosquitto: conftest.Broker) -> None:
    writer.write(3)
    await writer.written()
    bench = linked(mosquitto, writer)
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/#", qos=1)
        head = AuditHead.model_validate_json((await Monitor(client).next("audit-head")).content)
    proven = verify_journal(writer.state_dir).head
    assert proven is not None
    assert (head.seq, head.hash, head.epoch) == (proven.seq, proven.digest.hex(), proven.epoch.hex())
    await bench.close()


async def test_a_broker_that_has_no_subscriber_yet_does_not_swallow_events(
    writer: Writer, mosquitto: conftest.Broker
) -> None:
    writer.write(3)
    await writer.written()
    bench = linked(mosquitto, writer)
    await until(lambda: bench.link.connected)
    bench.state(1)
    await until(lambda: bench.link.waiting == 0 or bench.link.refused, "the state is not told")
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/#", qos=1)
        assert await events(client, 3) == [1, 2, 3]
    await bench.close()


async def test_a_journal_that_cannot_be_read_stops_no_state_and_is_said_once(
    tmp_path: Path, mosquitto: conftest.Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_outbox, "UNREADABLE_WAIT_S", 0.01)
    (tmp_path / JOURNAL_FILE).write_bytes(b"not a database" * 100)
    bench = Bench(mosquitto.host, mosquitto.port, journal=JournalTail(tmp_path))
    bench.link.start()
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/#", qos=1)
        for seq in range(3):
            bench.state(seq)
            assert json.loads((await Monitor(client).next("a/state")).content) == {"seq": seq}
    await until(lambda: bench.says("the journal cannot be read"))
    await bench.close()
    assert bench.log.getvalue().count("the journal cannot be read") == 1


async def test_a_damaged_record_is_told_as_one_and_the_next_follows(writer: Writer, mosquitto: conftest.Broker) -> None:
    writer.write(3)
    await writer.written()
    with sqlite3.connect(writer.state_dir / JOURNAL_FILE) as vandal:
        vandal.execute('UPDATE journal SET body = \'{"channel": "a/b"\' WHERE seq = 2')
    vandal.close()
    bench = linked(mosquitto, writer)
    async with client_of(mosquitto) as client:
        await client.subscribe("pumpctl/+/event", qos=1)
        monitor = Monitor(client)
        told = [Event.model_validate_json((await monitor.next()).content) for _ in range(3)]
    assert [(event.seq, event.event_type, event.channel) for event in told] == [
        (1, "progress", "a"),
        (2, "unreadable", None),
        (3, "progress", "a"),
    ]
    await bench.close()


async def test_a_reader_leaves_the_journal_as_it_is(writer: Writer) -> None:
    tail = JournalTail(writer.state_dir)
    writer.write(5)
    await writer.written()
    batch = await tail.after(None)
    assert [record.seq for record in batch.records] == [1, 2, 3, 4, 5]
    first = batch.records[0]
    assert (first.kind, first.body) == ("progress", {"channel": "a", "least_ul": 1})
    writer.write(1)
    await writer.written()
    writer.close()  # folds the WAL up while the reader is there
    assert (writer.state_dir / f"{JOURNAL_FILE}-wal").stat().st_size == 0
    following = await tail.after(Place(batch.after.epoch, 5))
    assert [record.seq for record in following.records] == [6]
    tail.close()


def test_a_cursor_is_what_was_written_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / CURSOR_FILE
    assert read_cursor(path) == (NOWHERE, "")
    write_cursor(path, Place(EPOCH, 41))
    write_cursor(path, Place(EPOCH, 7))
    assert read_cursor(path) == (Place(EPOCH, 7), "")
    sound = path.read_bytes()
    assert len(sound) == LENGTH_BYTES
    for at in range(LENGTH_BYTES):
        damaged = bytearray(sound)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        assert read_cursor(path) == (NOWHERE, "it is damaged"), at
        path.write_bytes(sound[:at])
        assert read_cursor(path)[0] == NOWHERE
    path.unlink()
    path.mkdir()
    assert read_cursor(path) == (NOWHERE, "Is a directory")
