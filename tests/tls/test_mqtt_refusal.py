"""Words for what the other tests of this folder do not bring about; each is one line with a next step."""

from __future__ import annotations

import socket
import ssl

import pytest

from pumpctl.shell.mqtt_refusal import reason_of, words_of
from pumpctl.shell.unusable import NOT_CONNECTED


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (alert("SSLV3_ALERT_BAD_CERTIFICATE"), "it calls our certificate bad; both ends need certificates of one"),
        (alert("SSLV3_ALERT_CERTIFICATE_UNKNOWN"), "it does not take our certificate"),
        (alert("TLSV1_ALERT_DECRYPT_ERROR"), "our certificate's signature is not its authority's"),
        (alert("TLSV1_ALERT_ACCESS_DENIED"), "it denies our certificate access"),
        (alert("NO_PROTOCOLS_AVAILABLE"), "it speaks no TLS version that we do"),
        (alert("HTTP_REQUEST"), "it speaks no TLS on this port; name its TLS port"),
        (alert("TLSV1_ALERT_INTERNAL_ERROR"), "TLS: tlsv1 alert internal error; look at the broker's log"),
        (ssl.SSLEOFError(8, "EOF occurred"), "it hung up without a word"),
        (ConnectionResetError(104, "reset"), "it hung up without a word"),
        (socket.gaierror(-2, "Name or service not known"), "its name is not known here; correct host in [mqtt]"),
        (TimeoutError("timed out"), "no answer in time"),
        (OSError(101, "Network is unreachable"), "Network is unreachable; is the network up?"),
        (ValueError(), "ValueError; is the network up?"),
    ],
)
def test_a_failed_connection_in_words(error: Exception, wanted: str) -> None:
    told = reason_of(error, "broker", 8883)
    assert str(told).startswith("mqtt: broker broker:8883: ")
    assert wanted in str(told)
    assert told.exit_code == NOT_CONNECTED


def test_a_failed_check_that_has_no_words_of_ours_keeps_its_own() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = 7, "certificate signature failure"
    assert "its certificate is not taken: certificate signature failure" in str(reason_of(error, "broker", 8883))


def test_codes_of_mqtt_in_words() -> None:
    assert words_of(0x97) == "a quota is exceeded"
    assert words_of(0xC8) == "reason code 200"
