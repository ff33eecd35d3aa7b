"""Why a broker is not connected to, or does not take what it is told, in words for people: log and doctor say the same.

Refuses to guess beyond what the other end said: an alert, a code, a name, or silence.
"""

from __future__ import annotations

import socket
import ssl

from pumpctl.shell.unusable import NOT_CONNECTED, Unusable

SAME_AUTHORITY = "both ends need certificates of one `pumpctl certs init`"

# What the broker says of our certificate: a part of OpenSSL's name of the alert -> what is wrong, what to do.
_ALERTS = {
    "CERTIFICATE_REQUIRED": ("it wants a certificate and was shown none", "name certificate and key in [mqtt]"),
    "CERTIFICATE_EXPIRED": (
        "it calls our certificate expired",
        "`pumpctl certs renew NAME` and copy both files here, or set the broker's clock",
    ),
    "CERTIFICATE_REVOKED": (
        "our certificate is revoked",
        "whoever revoked it knows why; `pumpctl certs renew NAME` makes a new one",
    ),
    "UNKNOWN_CA": ("it does not know the authority of our certificate", SAME_AUTHORITY),
    "BAD_CERTIFICATE": ("it calls our certificate bad", SAME_AUTHORITY),
    "CERTIFICATE_UNKNOWN": ("it does not take our certificate", SAME_AUTHORITY),
    "UNSUPPORTED_CERTIFICATE": (
        "our certificate is not one for a client",
        "name the certificate of a client, not the broker's, in [mqtt]",
    ),
    "DECRYPT_ERROR": ("our certificate's signature is not its authority's", SAME_AUTHORITY),
    "ACCESS_DENIED": ("it denies our certificate access", "look at the broker's log"),
    "HANDSHAKE_FAILURE": (
        "it ended the handshake: no certificate that it takes, or no cipher in common",
        "look at the broker's log",
    ),
    "PROTOCOL_VERSION": ("it speaks no TLS version that we do", "TLS 1.2 at least: set tls_version at the broker"),
}
_NO_COMMON_VERSION = ("UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW", "WRONG_SSL_VERSION")
HUNG_UP = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError)

# Of the broker's certificate: OpenSSL's number of the failed check (x509_vfy.h) -> what is wrong, what to do.
_NOT_OURS = ("its certificate is not from our authority", SAME_AUTHORITY)
_OTHER_NAME = (
    "its certificate is not for {host}",
    "`pumpctl certs renew broker --broker-name {host}`, or correct host in [mqtt]",
)
_CHECKS = {
    2: _NOT_OURS,
    9: ("its certificate is not valid yet, by this host's clock", "set the clock"),
    10: ("its certificate has expired", "`pumpctl certs renew broker`, then copy both files to the broker"),
    18: _NOT_OURS,
    19: _NOT_OURS,
    20: _NOT_OURS,
    21: _NOT_OURS,
    26: ("what it shows is not a broker's certificate", "give the broker broker.crt and broker.key"),
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}

_CODES = {  # MQTT 5, section 2.4
    0x01: "it speaks no MQTT 5",  # MQTT 3.1.1, section 3.2: a broker too old to know the codes below
    0x80: "no reason given",
    0x83: "an implementation limit of the broker",
    0x84: "it speaks no MQTT 5",
    0x85: "it does not take our client identifier",
    0x86: "bad user name or password: it wants more than our certificate, or our certificate has no name",
    0x87: "not authorized: its access list (ACL) does not allow it",
    0x88: "it is not available",
    0x89: "it is busy",
    0x8A: "we are banned there",
    0x8E: "another client took our session over: two daemons with one `instance`?",
    0x90: "the topic's name is invalid",
    0x95: "the message is too large for it",
    0x97: "a quota is exceeded",
    0x99: "the payload's format is invalid",
    0x9A: "it keeps no retained messages",
    0x9F: "too many connections a second",
}


def reason_of(error: Exception, host: str, port: int) -> Unusable:
    """A failed connection as one line with its next step."""
    broker = f"broker {host}:{port}"
    match error:
        case ssl.SSLCertVerificationError():
            what, next_step = _of_their_certificate(error, host)
        case ssl.SSLError() if not isinstance(error, HUNG_UP):
            what, next_step = _of_alert(error.reason or str(error))
        case _ if isinstance(error, HUNG_UP):
            what = "it hung up without a word"
            next_step = "is it the port for this: 8883 for TLS, 1883 for plaintext? Then look at the broker's log"
        case ConnectionRefusedError():
            what, next_step = "nobody listens there", "is the broker running, and is it the right port?"
        case TimeoutError():
            what, next_step = "no answer in time", "is it the right host, and does a firewall stand between?"
        case socket.gaierror() | UnicodeError():  # the latter: it could never be one
            what, next_step = "its name is not known here", "correct host in [mqtt], or name its address"
        case _:
            what = getattr(error, "strerror", None) or str(error) or type(error).__name__
            next_step = "is the network up?"
    return Unusable(f"mqtt: {broker}: {what}", next_step, NOT_CONNECTED)


def refused_connection(code: int, host: str, port: int) -> Unusable:
    """The broker answered our CONNECT with a failure."""
    return Unusable(f"mqtt: broker {host}:{port}: {words_of(code)}", "look at the broker's log", NOT_CONNECTED)


def words_of(code: int) -> str:
    """A reason code of MQTT 5, as in an answer to CONNECT, PUBLISH or SUBSCRIBE."""
    return _CODES.get(code, f"reason code {code}")


def _of_their_certificate(error: ssl.SSLCertVerificationError, host: str) -> tuple[str, str]:
    other = (f"its certificate is not taken: {error.verify_message}", SAME_AUTHORITY)
    what, next_step = _CHECKS.get(error.verify_code, other)
    return what.replace("{host}", host), next_step.replace("{host}", host)


def _of_alert(reason: str) -> tuple[str, str]:
    if reason in _NO_COMMON_VERSION:
        return _ALERTS["PROTOCOL_VERSION"]
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "it speaks no TLS on this port", "name its TLS port, usually 8883"
    found = next((told for name, told in _ALERTS.items() if reason.endswith(f"ALERT_{name}")), None)
    return found or (f"TLS: {reason.lower().replace('_', ' ')}", "look at the broker's log")
