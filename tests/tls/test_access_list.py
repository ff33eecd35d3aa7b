"""deploy/mosquitto/pumpctl.acl at a real mosquitto: who may write where, who hears what, and what is said of it."""

from __future__ import annotations

from protocols.mqtt.topics import BASE, Topics
from tests.tls.conftest import StartBroker
from tests.tls.house import House
from tests.tls.speaker import Speaker

NOT_AUTHORIZED = 0x87
OURS = Topics(BASE, "pumpctl")
DAEMON_WRITES = (
    *(OURS.availability, OURS.audit_head, OURS.state("a"), OURS.link("a"), OURS.event("a"), OURS.alarm("a", "air")),
    *("pumpctl/pumpctl/probe", "homeassistant/device/pumpctl-a/config"),
)
BIRTH = "homeassistant/status"
NOBODY_WRITES = (
    *(
        "homeassistant/switch/x/config",
        "homeassistant/device/a/b/config",
        "homeassistant/device/config",
        "homeassistant",
    ),
    *("cmd/start", "other/a/state", "pumpctl2/a/state", "zigbee2mqtt/bridge/request/restart", "a", "/pumpctl/a/state"),
)
MAY_WRITE = {"pumpctl": {*DAEMON_WRITES}, "homeassistant": {BIRTH}, "watcher": set[str](), "nobody": set[str]()}
HEARS = {
    "pumpctl": {BIRTH},
    "homeassistant": {*DAEMON_WRITES, BIRTH},
    "watcher": {topic for topic in DAEMON_WRITES if topic.startswith("pumpctl/")},
    "nobody": set[str](),
}


def test_each_writes_its_own_topics_only_and_is_told_when_not(house: House, start_broker: StartBroker) -> None:
    broker = start_broker()
    for name, allowed in MAY_WRITE.items():
        with Speaker(broker, house, name) as speaker:
            codes = {topic: speaker.say(topic) for topic in (*DAEMON_WRITES, BIRTH, *NOBODY_WRITES)}
            refused = {topic for topic, mid in codes.items() if speaker.answer(mid) == NOT_AUTHORIZED}
        assert set(codes) - refused == allowed, name


def test_each_hears_what_it_may_however_much_it_asks_for(house: House, start_broker: StartBroker) -> None:
    """This broker grants every subscription and then delivers what the list allows."""
    broker = start_broker()
    with Speaker(broker, house, "pumpctl") as daemon, Speaker(broker, house, "homeassistant") as home:
        for name, allowed in HEARS.items():
            with Speaker(broker, house, name) as listener:
                for pattern in ("#", "pumpctl/#", "homeassistant/#", "+/+/+"):
                    listener.listen(pattern)
                said = [daemon.say(topic, name.encode()) for topic in DAEMON_WRITES]
                assert all(daemon.answer(mid) < NOT_AUTHORIZED for mid in said)
                assert home.answer(home.say(BIRTH, name.encode())) < NOT_AUTHORIZED
                # What came before this acknowledgement was delivered before it: one connection, one order.
                listener.answer(listener.say(BIRTH))
                heard = {topic for topic, payload in list(listener.heard.queue) if payload == name.encode()}
            assert heard == allowed, name
