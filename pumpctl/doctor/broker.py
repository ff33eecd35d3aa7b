"""The broker: does its name lead anywhere, does it take us, does its access list let us publish.

Refuses to touch what the daemon has said there: the probe is empty, kept by nobody, on a topic of its own, and comes
from a client of its own.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from protocols.mqtt.topics import BASE
from pumpctl.core.instant import NS_PER_S
from pumpctl.doctor.certificates import SOON_DAYS, days_left
from pumpctl.doctor.finding import Finding, doubt, fault, fine
from pumpctl.doctor.host import Host
from pumpctl.shell.broker_probe import STEP_S, Place, admitted
from pumpctl.shell.clock import boottime_ns
from pumpctl.shell.mqtt_refusal import words_of
from pumpctl.shell.settings import Settings
from pumpctl.shell.unusable import USAGE, Unusable

KEEPALIVE_S = 5
LOOP_S = 0.1
FAILURE_CODES = 0x80  # MQTT 5, section 2.4: from here on
ACCESS_STEP = "let this client write to its topics: deploy/mosquitto/ has an access list that does"


def broker(settings: Settings, host: Host) -> Iterator[Finding]:
    """From the name to a message that the broker takes."""
    if settings.mqtt is None:
        yield fine("broker", "none is configured; nothing is told by MQTT")
        return
    to = settings.mqtt
    place = Place(to.host, to.port, to.tls, f"pumpctl-{settings.instance}-doctor")
    try:
        context = admitted(place, host.utc_ms())
        until = None if context is None else _certificate_until(place, context)
        code = _answer_to_probe(place, context, f"{BASE}/{settings.instance}/probe")
    except Unusable as unusable:
        if unusable.exit_code == USAGE:
            yield doubt("broker", "not asked: the certificates cannot be used", "mend those first")
            return
        yield fault("broker", unusable.what.removeprefix("mqtt: broker "), unusable.next_step)
        return
    except (OSError, ValueError) as error:
        yield fault("broker", f"{place.host}:{place.port}: it took us and hung up: {error}", "look at the broker's log")
        return
    how = "in the clear" if context is None else "by TLS"
    if code is None:
        told = f"{place.host}:{place.port}: connected, and no answer to a message"
        yield fault("broker", told, "look at the broker's log")
    elif code >= FAILURE_CODES:
        yield fault("broker", f"{place.host}:{place.port}: it refuses our messages: {words_of(code)}", ACCESS_STEP)
    elif until is not None and days_left(until, host) < SOON_DAYS:
        told = f"{place.host}:{place.port}: its certificate ends on {until:%Y-%m-%d}, in {days_left(until, host)} days"
        yield doubt("broker", told, "`pumpctl certs renew broker`, then copy both files to the broker")
    else:
        yield fine("broker", f"{place.host}:{place.port}: takes our messages, {how}")


def _certificate_until(place: Place, context: ssl.SSLContext) -> datetime | None:
    """To when the broker's own certificate is good."""
    with (
        socket.create_connection((place.host, place.port), STEP_S) as raw,
        context.wrap_socket(raw, server_hostname=place.host) as line,
    ):
        ends = (line.getpeercert() or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None


def _answer_to_probe(place: Place, context: ssl.SSLContext | None, topic: str) -> int | None:
    """The reason code of one acknowledged message; None when none came in time."""
    codes: list[int] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=place.identifier, protocol=paho.MQTTv5)
    client.connect_timeout = STEP_S
    if context is not None:
        open_typed: Any = client  # the library leaves the type of this argument open
        open_typed.tls_set_context(context)
    client.on_publish = lambda _client, _user, _mid, code, _properties: codes.append(code.value)
    client.connect(place.host, place.port, KEEPALIVE_S)
    end_ns = boottime_ns() + round(STEP_S * NS_PER_S)
    asked, rc = False, MQTTErrorCode.MQTT_ERR_SUCCESS
    while not codes and boottime_ns() < end_ns and rc is MQTTErrorCode.MQTT_ERR_SUCCESS:
        if client.is_connected() and not asked:
            asked = client.publish(topic, b"", qos=1).rc is MQTTErrorCode.MQTT_ERR_SUCCESS
        rc = client.loop(LOOP_S)
    client.disconnect()
    return codes[0] if codes else None
