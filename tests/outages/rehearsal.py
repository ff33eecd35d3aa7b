"""An infusion of a real daemon and a simulated pump while its broker is killed and started again, and again.

Refuses to judge by itself: it says what was heard, what the journal holds, and what the pump did.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from protocols.mqtt.events import event_of
from pumpctl.shell.chain import proven_rows
from pumpctl.shell.control_client import NoDaemon
from tests.conftest import Broker
from tests.outages.subscriber import Subscriber, differences
from tests.system.real_pair import RealPair

SPEED = 200  # ten hours in three minutes
OBSERVED_EVERY_S = 0.1
BACK_WITHIN_S = 120.0
DOWN_S, BRIEFLY_DOWN_S = 1.5, 0.05
RETAINED = {
    "pumpctl/pair/availability",
    "pumpctl/pair/audit-head",
    *(f"pumpctl/a/{leaf}" for leaf in ("link", "state", "alarm/operator_stop")),
}
BRIEFLY = 3  # each so many-th: back before the daemon has found it gone


@dataclass(frozen=True, slots=True)
class Account:
    """What came of it."""

    outages: int
    records: int
    told: int  # events heard, repetitions among them
    differences: tuple[str, ...]
    faults: tuple[str, ...]
    retained_late: dict[str, str]
    stops_before_the_end: int
    longest_back_s: float
    state_at_the_end: str

    @property
    def sound(self) -> bool:
        return not (self.differences or self.faults or self.stops_before_the_end)


def rehearse(folder: Path, broker: Broker, outages: int, seed: int) -> Account:
    """The golden order runs; somebody looks at the patient all the time, and each look is a record."""
    chance = random.Random(seed)
    tables = f'[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
    pair = RealPair(folder, tables=tables, speed=SPEED)
    subscriber = Subscriber(broker.host, broker.port)
    subscriber.start()
    try:
        pair.infuse()
        with _looking(pair):
            longest_s = max(_outage(pair, broker, subscriber, number, chance) for number in range(outages))
        running = str(pair.state["state"])
        stops = sum(row.kind == "stop_requested" for row in proven_rows(pair.state_dir))
        pair.ask("stop", person="nurse")
        pair.wait_for_state("stopped", BACK_WITHIN_S)
        heard, recorded = _to_the_end(pair, subscriber)
        late = _late(pair, broker)
    finally:
        subscriber.close()
        pair.clean_up()
    return Account(
        outages,
        len(recorded),
        len(heard),
        tuple(differences(heard, recorded)),
        tuple(subscriber.faults),
        late,
        stops,
        longest_s,
        running,
    )


@contextlib.contextmanager
def _looking(pair: RealPair):  # noqa: ANN202 - a generator of nothing
    over = threading.Event()

    def look() -> None:
        while not over.wait(OBSERVED_EVERY_S):
            with contextlib.suppress(NoDaemon, TimeoutError, OSError):
                pair.ask("observe", channel="a", person="nurse", breathing_rate="14 /min")

    looks = threading.Thread(target=look, name="nurse", daemon=True)
    looks.start()
    try:
        yield
    finally:
        over.set()
        looks.join(20)


def _outage(pair: RealPair, broker: Broker, subscriber: Subscriber, number: int, chance: random.Random) -> float:
    """Kill, wait, start; how long until the daemon said again that it is online, s."""
    events = len(subscriber.events)
    pair.wait("events come", lambda: len(subscriber.events) > events, BACK_WITHIN_S)
    time.sleep(chance.uniform(0, 0.3))  # anywhere between two messages
    online = subscriber.online
    broker.kill()
    time.sleep(BRIEFLY_DOWN_S if number % BRIEFLY == BRIEFLY - 1 else DOWN_S)
    broker.start()
    return pair.wait("the daemon is back", lambda: subscriber.online > online, BACK_WITHIN_S)


def _to_the_end(pair: RealPair, subscriber: Subscriber) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """What was heard once all of now has been told, and what the journal holds up to there."""
    last_seq = max(row.seq for row in proven_rows(pair.state_dir))
    pair.wait("the state is told", lambda: subscriber.newest_state == "stopped", BACK_WITHIN_S)
    pair.wait("the last event", lambda: subscriber.events[-1][0] >= last_seq, BACK_WITHIN_S)
    heard = list(subscriber.events)
    until_seq = max(seq for seq, _ in heard)
    return heard, [
        (row.seq, json.dumps(event_of(row.seq, row.utc_ms, row.kind, json.loads(row.body)).told()))
        for row in proven_rows(pair.state_dir)
        if row.seq <= until_seq
    ]


def _late(pair: RealPair, broker: Broker) -> dict[str, str]:
    """What somebody is told who comes when all is over."""
    late = Subscriber(broker.host, broker.port)
    late.start()
    pair.wait("a late subscriber is told", lambda: late.retained.keys() >= RETAINED, BACK_WITHIN_S)
    late.close()
    return dict(late.retained)
