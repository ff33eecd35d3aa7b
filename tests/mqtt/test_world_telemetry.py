"""Telemetry in virtual time: what a World says is what the contract holds, and no sink changes a byte to a pump."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protocols.mqtt.events import event_of
from protocols.mqtt.payloads import Alarm, State
from protocols.mqtt.topics import BASE, Topics
from pumpctl.effects import Effect, Publish
from pumpctl.shell.logs import open_log
from pumpctl.shell.mqtt_client import Broker
from pumpctl.shell.mqtt_link import MqttLink
from simulator.faults import FaultKind
from simulator.rig.world import World
from simulator.rig.world.host import Host
from tests.controller.orders import once
from tests.system.worlds import MINUTE, inject, press_and_start, submit, truth, world

Sink = Callable[[Publish], None]


@pytest.fixture
def lived(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Sink], World]:
    """An hour's infusion with a lost link and an occlusion, all its publications handed to this sink."""
    carry_out: Any = Host._carry_out

    def live(seed: int, sink: Sink) -> World:
        def with_sink(host: Host, effects: tuple[Effect, ...]) -> None:
            carry_out(host, effects)
            for effect in effects:
                if isinstance(effect, Publish):
                    sink(effect)

        monkeypatch.setattr(Host, "_carry_out", with_sink)
        made = world(seed)
        submit(made, once())
        press_and_start(made)
        made.run_for(5 * MINUTE)
        inject(made, FaultKind.OCCLUSION)
        made.run_for(10 * MINUTE)
        return made

    return live


def nowhere(_publication: Publish) -> None:
    """No telemetry at all."""


@pytest.mark.hazard("H64")
@pytest.mark.hazard("H65")
def test_a_sink_that_hangs_or_spoils_what_it_is_given_changes_no_byte_to_the_pump(
    lived: Callable[[int, Sink], World], seed: int
):
    log, writer = open_log()
    hung = MqttLink(Broker("127.0.0.1", 1, Topics(BASE, "rig")), log, lambda: 0.0)  # never connected
    spoiled = 0

    def spoil(publication: Publish) -> None:
        nonlocal spoiled
        hung.publish(publication)
        if isinstance(publication.payload, dict):
            publication.payload.clear()
            spoiled += 1

    plain, other = lived(seed, nowhere), lived(seed, spoil)
    writer.close()
    assert spoiled > 100
    assert hung.waiting < 20, "the newest of each topic, and no queue"
    assert other.wire.hexdigest() == plain.wire.hexdigest()
    assert truth(other) == truth(plain)


def test_what_a_world_says_is_what_the_contract_holds(lived: Callable[[int, Sink], World], seed: int):
    kinds: set[str] = set()

    def judge(publication: Publish) -> None:
        kinds.add(publication.leaf.split("/")[0])
        if publication.leaf == "state":
            State.model_validate(publication.payload)
        elif publication.leaf.startswith("alarm/") and publication.payload is not None:
            Alarm.model_validate(publication.payload)

    made = lived(seed, judge)
    assert kinds == {"state", "link", "alarm"}
    told = [event_of(record.seq, record.utc_ms, record.kind, record.body) for record in made.seen.records]
    assert [event.event_type for event in told] == [record.kind for record in made.seen.records]
    assert {"stop_requested", "alarm_raised", "settled"} <= {event.event_type for event in told}
