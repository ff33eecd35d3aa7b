"""One connection to the broker, made and ended before the real one, to hear why it would be refused.

Refuses to publish, to subscribe and to stay. It is here because of TLS 1.3: a broker judges a client's certificate
after the handshake, and the MQTT library then waits ten seconds for an answer that is an alert (mqtt.md). It blocks:
a thread's work, never the loop's.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from pumpctl.shell.mqtt_refusal import HUNG_UP, reason_of, refused_connection
from pumpctl.shell.mqtt_settings import TlsFiles
from pumpctl.shell.mqtt_tls import context_of
from pumpctl.shell.unusable import NOT_CONNECTED, Unusable

STEP_S = 3.0  # each of: TCP, TLS handshake, answer to CONNECT. A refusal needs none of it: it is said at once
KEEPALIVE_S = 5
CONNACK_BYTES = 4  # up to the reason code
CONNACK, TLS_ALERT = 0x20, 0x15
DISCONNECT = b"\xe0\x00"


@dataclass(frozen=True, slots=True)
class Place:
    """A broker, what we show there (None: plaintext), and a client identifier that nobody else uses."""

    host: str
    port: int
    files: TlsFiles | None
    identifier: str


def admitted(place: Place, utc_ms: int) -> ssl.SSLContext | None:
    """The context for a connection that this broker takes. Raises Unusable with the reason why there is none."""
    context = None if place.files is None else context_of(place.files, utc_ms)
    try:
        _connect(place, context, speaks=True)
    except HUNG_UP as error:
        # Of a broker that hangs up while we still speak the alert is lost, as often as not: once more, only to hear it.
        heard = None if context is None else _heard(place, context)
        raise (heard or reason_of(error, place.host, place.port)) from None
    except (OSError, ValueError) as error:  # ValueError: a host that is no name
        raise reason_of(error, place.host, place.port) from None
    return context


def _heard(place: Place, context: ssl.SSLContext) -> Unusable | None:
    try:
        _connect(place, context, speaks=False)
    except (OSError, ValueError) as error:
        return None if isinstance(error, TimeoutError) else reason_of(error, place.host, place.port)
    return None


def _connect(place: Place, context: ssl.SSLContext | None, *, speaks: bool) -> None:
    with socket.create_connection((place.host, place.port), STEP_S) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            _greet(raw, place, speaks=speaks)
            return
        with context.wrap_socket(raw, server_hostname=place.host) as line:
            _greet(line, place, speaks=speaks)


def _greet(line: socket.socket, place: Place, *, speaks: bool) -> None:
    if speaks:
        line.sendall(_connect_packet(place.identifier))
    answer = b""
    while len(answer) < CONNACK_BYTES:  # at most so many reads
        part = line.recv(CONNACK_BYTES - len(answer))
        if not part:
            break
        answer += part
    match answer:
        case bytes() if len(answer) == CONNACK_BYTES and answer[0] == CONNACK:
            code = answer[3]
        case bytes() if answer[:1] == bytes([TLS_ALERT]):
            what = f"mqtt: broker {place.host}:{place.port}: it speaks TLS on this port"
            raise Unusable(what, "give ca, certificate and key in [mqtt]", NOT_CONNECTED)
        case b"":
            raise ConnectionAbortedError
        case _:
            what = f"mqtt: broker {place.host}:{place.port}: what answers there speaks no MQTT"
            raise Unusable(what, "correct host and port in [mqtt]", NOT_CONNECTED)
    if code:
        raise refused_connection(code, place.host, place.port)
    line.sendall(DISCONNECT)


def _connect_packet(identifier: str) -> bytes:
    """MQTT 5, section 3.1: clean start, no will, no properties."""
    name = identifier.encode()
    body = b"\x00\x04MQTT\x05\x02" + KEEPALIVE_S.to_bytes(2, "big") + b"\x00" + len(name).to_bytes(2, "big") + name
    if len(body) > 0x7F:
        raise ValueError("a client identifier this long takes a longer length than is written here")
    return bytes([0x10, len(body)]) + body
