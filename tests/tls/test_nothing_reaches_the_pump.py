"""Whoever may write everything at the broker changes nothing on the pump's wire: every payload on every topic.

The broker is mosquitto with TLS and without its access list; the speaker has a valid certificate. The daemon and the
pump are real processes, and each frame between them is counted by kind.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from protocols.companion.messages import GetStatus
from tests.tls.conftest import StartBroker
from tests.tls.house import House, TlsBroker
from tests.tls.sayings import sayings
from tests.tls.speaker import Speaker
from tests.tls.tapped_pair import TappedPair

POLLS = {"idle": 5, "infusing": 20}  # enough to see what else passes; a pump at rest is asked five times less often
OTHER_SAYINGS = 2_000
WINDOW = 200  # so many are on their way at once
WITHIN_S = 60.0
ASKS_ONLY = {GetStatus.__name__, "GetEvent", "Identify", "ReadProgram"}
POLL = GetStatus.__name__
MOVES = {
    *("at_ms", "seq", "status_age_ms", "status_at", "delivered_least_ml", "delivered_most_ml", "progress_percent"),
    *("reservoir_ml", "battery_percent", "pressure_mmhg", "flow_ml_h", "dose_rate_mg_min", "remaining_min"),
}


@pytest.fixture
def broker(start_broker: StartBroker) -> TlsBroker:
    return start_broker({"acl_file": "#"})


@pytest.fixture
def pair(tmp_path: Path, house: House, broker: TlsBroker) -> Iterator[TappedPair]:
    mine = house.files()
    paths = f'ca = "{mine.ca}"\ncertificate = "{mine.certificate}"\nkey = "{mine.key}"\n'
    where = f'host = "{broker.host}"\nport = {broker.port}\n'
    subject = TappedPair(tmp_path, tables=f"[mqtt]\n{where}{paths}[home_assistant]\n")
    yield subject
    subject.clean_up()


def standing(pair: TappedPair) -> Mapping[str, Any]:
    """What the daemon tells of the channel, without what moves by itself."""
    return {key: value for key, value in pair.state.items() if key not in MOVES}


def polled(pair: TappedPair, polls: int, before: Counter[str]) -> set[str]:
    """Which kinds of frames have passed since, after so many more polls."""
    pair.tap.wait_for(POLL, polls, WITHIN_S)
    return set(pair.tap.kinds - before)


def say_everything(speaker: Speaker, chance: random.Random, program_id: bytes) -> int:
    """All of it acknowledged by the broker; how many that were."""
    under_way: list[int] = []
    count = 0
    for topic, payload, retain in sayings(chance, program_id, OTHER_SAYINGS):
        under_way.append(speaker.say(topic, payload, retain=retain))
        count += 1
        if len(under_way) >= WINDOW:
            speaker.answer(under_way.pop(0))
    for mid in under_way:
        speaker.answer(mid)
    return count


@pytest.mark.hazard("H72")
@pytest.mark.parametrize("state", POLLS)
def test_every_payload_on_every_topic_leaves_the_pump_s_wire_as_it_is(
    state: str, pair: TappedPair, house: House, broker: TlsBroker, seed: int
) -> None:
    if state == "infusing":
        pair.infuse()
    else:
        pair.start_pump()
        pair.start_daemon()
        pair.wait("the link is up", lambda: pair.state["link"] == "up" and pair.state["state"] == "idle")
    pair.wait("the daemon tells", lambda: "mqtt: connected" in pair.log.read_text())
    quiet = polled(pair, POLLS[state], pair.tap.kinds)
    assert quiet <= ASKS_ONLY
    before, truth, frames = standing(pair), pair.truth, pair.tap.kinds
    program_id = bytes.fromhex(pair.state["program_id"] or bytes(8).hex())
    with Speaker(broker, house, "watcher") as speaker:
        said = say_everything(speaker, random.Random(seed), program_id)
        assert said > OTHER_SAYINGS
        assert polled(pair, POLLS[state], frames) <= ASKS_ONLY
    assert set(pair.tap.kinds - frames) <= ASKS_ONLY, "nor while the last of it was read"
    assert standing(pair) == before
    after = pair.truth
    unmoved = (
        "state",
        "program_id",
        "starts",
        "resumes",
        "stops_received",
        "commanded_flow_ul_h",
        "alarms",
        "boot_count",
    )
    assert {key: after[key] for key in unmoved} == {key: truth[key] for key in unmoved}
    assert pair.daemon is not None
    assert pair.daemon.poll() is None
