"""MqttLink by TLS: what it tells arrives, and what stands in the way is said at once, in the words of the probe."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from protocols.mqtt.topics import BASE, HOME_ASSISTANT_STATUS, Announcement, Topics
from pumpctl.doctor.broker import broker as examine_broker
from pumpctl.doctor.certificates import certificates as examine_certificates
from pumpctl.doctor.host import Host
from pumpctl.effects import Publish
from pumpctl.shell import broker_probe
from pumpctl.shell.broker_probe import Place, admitted
from pumpctl.shell.logs import open_log
from pumpctl.shell.mqtt_client import Broker
from pumpctl.shell.mqtt_link import MqttLink
from pumpctl.shell.mqtt_refusal import words_of
from pumpctl.shell.mqtt_settings import TlsFiles
from pumpctl.shell.settings import Settings
from pumpctl.shell.unusable import Unusable
from tests.shell.waiting import until
from tests.tls.conftest import StartBroker
from tests.tls.house import House
from tests.tls.speaker import Speaker
from tests.tls.test_refused_connections import AT_ONCE_S, PATIENT_S, TRIES

NOT_AUTHORIZED = 0x87
ANNOUNCED = Announcement("homeassistant/device/pumpctl_a/config", {"device": {}})
PLUGINS = ("/usr/lib", "/usr/local/lib")


class Told:
    """Links of one test with their logs."""

    def __init__(self) -> None:
        self._links: list[tuple[MqttLink, Callable[[], None]]] = []

    def start(self, port: int, files: TlsFiles, *announced: Announcement) -> tuple[MqttLink, io.StringIO]:
        text = io.StringIO()
        log, writer = open_log(text)
        broker = Broker("localhost", port, Topics(BASE, "rig"), files)
        link = MqttLink(broker, log, asyncio.get_running_loop().time, announced)
        self._links.append((link, writer.close))
        link.start()
        return link, text

    async def close(self) -> None:
        for link, close in self._links:
            await link.close()
            close()


@pytest_asyncio.fixture
async def told() -> AsyncIterator[Told]:
    subject = Told()
    yield subject
    await subject.close()


def doctor_says(folder: Path, port: int, files: TlsFiles) -> list[str]:
    """Of certificates and broker, as `pumpctl doctor` prints it."""
    settings = Settings.model_validate(
        {
            "state_dir": folder,
            "mode": "rig",
            "channel": [{"name": "a", "dialect": "companion", "port": "/p", "serial": "SIM-1", "patient_id": "p"}],
            "mqtt": {"host": "localhost", "port": port, **asdict(files)},
        }
    )
    found = [*examine_certificates(settings, Host()), *examine_broker(settings, Host())]
    return [f"{finding.cause}; {finding.next_step}" for finding in found]


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    whole = [line for line in log.getvalue().splitlines(keepends=True) if line.endswith("\n")]
    return [line for line in map(json.loads, whole) if line["event"].startswith(event)]


async def test_what_is_told_arrives_by_tls(told: Told, house: House, start_broker: StartBroker) -> None:
    broker = start_broker()
    with Speaker(broker, house, "watcher") as watcher:
        watcher.listen("pumpctl/a/state")
        link, _ = told.start(broker.port, house.files())
        link.publish(Publish("a", "state", {"seq": 1}))
        topic, payload = await asyncio.to_thread(watcher.heard.get, timeout=20)
    assert (topic, json.loads(payload)) == ("pumpctl/a/state", {"seq": 1})


@pytest.mark.hazard("H64")
@pytest.mark.parametrize("case", ["revoked", "other authority", "expired", "not for localhost", "nobody there"])
async def test_a_refused_connection_is_logged_at_once_in_the_words_of_the_probe(
    case: str,
    told: Told,
    house: House,
    other_house: House,
    start_broker: StartBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the probe the library waits ten seconds and says that the operation timed out."""
    monkeypatch.setattr(broker_probe, "STEP_S", PATIENT_S)
    house.revoke("nobody")
    house.broker("elsewhere", ["broker.example"], house.valid)
    elsewhere = {"broker.crt": "elsewhere.crt", "broker.key": "elsewhere.key"}
    broker = start_broker(elsewhere if case == "not for localhost" else None)
    theirs = other_house.files()
    files = {
        "revoked": house.files("nobody"),
        "other authority": TlsFiles(house.files().ca, theirs.certificate, theirs.key),
        "expired": house.client("late", house.past),
    }.get(case, house.files())
    if case == "nobody there":
        broker.stop()
    with pytest.raises(Unusable) as wanted:
        await asyncio.to_thread(admitted, Place("localhost", broker.port, files, "other"), house.utc_ms)
    found = await asyncio.to_thread(doctor_says, tmp_path, broker.port, files)
    assert any(str(wanted.value).endswith(line) for line in found), "the same words, without `mqtt: broker`"
    loop = asyncio.get_running_loop()
    took_s = AT_ONCE_S
    for _ in range(TRIES):
        begun_s = loop.time()
        _, log = told.start(broker.port, files)
        await until(lambda log=log: lines(log, "mqtt: no broker"))
        took_s = loop.time() - begun_s
        assert [line["reason"] for line in lines(log, "mqtt: no broker")] == [str(wanted.value)]
        if took_s < AT_ONCE_S:
            break
    assert took_s < AT_ONCE_S


async def test_a_certificate_that_is_renewed_in_its_place_is_taken_without_a_restart(
    told: Told, house: House, start_broker: StartBroker
) -> None:
    broker = start_broker()
    late = house.client("pumpctl", house.past)
    _, log = told.start(broker.port, late)
    await until(lambda: "expired at" in log.getvalue())
    house.client("pumpctl", house.valid)
    await until(lambda: "mqtt: connected" in log.getvalue())


async def test_what_the_access_list_forbids_is_said_in_words(
    told: Told, house: House, start_broker: StartBroker
) -> None:
    link, log = told.start(start_broker().port, house.files("watcher"))
    await until(lambda: lines(log, "mqtt: the broker refuses"))
    assert link.refused > 0
    assert {line["reason"] for line in lines(log, "mqtt: the broker refuses")} == {words_of(NOT_AUTHORIZED)}
    assert "access list (ACL)" in words_of(NOT_AUTHORIZED)


def rules_without_subscriptions(folder: Path) -> str:
    """Lines for mosquitto: it refuses a subscription by a plugin alone; its access list grants it and is silent."""
    plugin = next((found for at in PLUGINS for found in Path(at).glob("*/mosquitto_dynamic_security.so")), None)
    assert plugin is not None, "the package mosquitto has it"
    allowed = {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
    rules = {"defaultACLAccess": allowed, "clients": [{"username": "pumpctl"}]}
    (folder / "rules.json").write_text(json.dumps(rules))
    return f"plugin {plugin}\nplugin_opt_config_file {folder}/rules.json\n# acl_file"


async def test_a_refused_subscription_is_said_in_words(
    told: Told, house: House, start_broker: StartBroker, tmp_path: Path
) -> None:
    broker = start_broker({"acl_file": rules_without_subscriptions(tmp_path)})
    _, log = told.start(broker.port, house.files(), ANNOUNCED)
    await until(lambda: lines(log, "mqtt: the broker refuses"))
    (refused,) = lines(log, "mqtt: the broker refuses")
    assert (refused["topic"], refused["reason"]) == (HOME_ASSISTANT_STATUS, words_of(NOT_AUTHORIZED))
