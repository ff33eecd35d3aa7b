"""The table of TLS against a real mosquitto: each way to be refused has its own words, at once."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pumpctl.shell import broker_probe
from pumpctl.shell.broker_probe import Place, admitted
from pumpctl.shell.mqtt_settings import TlsFiles
from pumpctl.shell.unusable import NOT_CONNECTED, Unusable
from tests.conftest import Broker
from tests.tls.conftest import StartBroker
from tests.tls.house import House

AT_ONCE_S = 2.0
PATIENT_S = 20.0  # a step may be slow on a busy machine; what is refused says so before
TRIES = 3  # of which one must be quick: a busy machine is slow now and then, a hang of ten seconds is one always


@dataclass(frozen=True, slots=True)
class Client:
    """What is shown to whom. `context`: a client that does not look at its own files first."""

    files: TlsFiles | None
    host: str = "localhost"
    context: ssl.SSLContext | None = None


def refusal(client: Client, broker: Broker, house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    """The line that log and doctor say."""
    if client.context is not None:
        monkeypatch.setattr(broker_probe, "context_of", lambda _files, _utc_ms: client.context)
    monkeypatch.setattr(broker_probe, "STEP_S", PATIENT_S)
    place = Place(client.host, broker.port, client.files, "pumpctl-test-probe")
    took_s = AT_ONCE_S
    for _ in range(TRIES):
        begun_s = time.monotonic()
        with pytest.raises(Unusable) as told:
            admitted(place, house.utc_ms)
        took_s = time.monotonic() - begun_s
        assert "\n" not in str(told.value)
        if took_s < AT_ONCE_S:
            return str(told.value)
    pytest.fail(f"refused after {took_s:.1f} s only")


def trusting(house: House, mine: TlsFiles | None = None, **more: ssl.TLSVersion) -> ssl.SSLContext:
    """A context made by hand: without our own look at the files, or without a certificate of ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(house.folder / "ca.crt")
    if mine is not None:
        context.load_cert_chain(mine.certificate, mine.key)
    for name, version in more.items():
        setattr(context, name, version)
    return context


def test_who_has_a_certificate_of_the_house_is_admitted(house: House, start_broker: StartBroker) -> None:
    broker = start_broker()
    for host in ("localhost", "127.0.0.1"):
        context = admitted(Place(host, broker.port, house.files(), "pumpctl-test-probe"), house.utc_ms)
        assert context is not None
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.check_hostname


CLIENTS = {
    "no certificate": "it wants a certificate and was shown none",
    "no certificate, TLS 1.2": "no certificate that it takes, or no cipher in common",
    "expired": "it calls our certificate expired",
    "other authority": "it does not know the authority of our certificate",
    "revoked": "our certificate is revoked",
    "the broker's own": "our certificate is not one for a client",
    "plaintext": "it hung up without a word; is it the port for this: 8883 for TLS, 1883 for plaintext?",
}


@pytest.mark.parametrize("case", CLIENTS)
def test_a_client_that_the_broker_refuses_hears_why_at_once(
    case: str, house: House, other_house: House, start_broker: StartBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.revoke("nobody")
    mine = {
        "no certificate": Client(house.files(), context=trusting(house)),
        "no certificate, TLS 1.2": Client(
            house.files(), context=trusting(house, maximum_version=ssl.TLSVersion.TLSv1_2)
        ),
        "expired": Client(house.files(), context=trusting(house, house.client("late", house.past))),
        "other authority": Client(TlsFiles(house.files().ca, *_pair(other_house))),
        "revoked": Client(house.files("nobody")),
        "the broker's own": Client(house.files("broker")),
        "plaintext": Client(None),
    }[case]
    told = refusal(mine, start_broker(), house, monkeypatch)
    assert CLIENTS[case] in told


def _pair(house: House) -> tuple[Path, Path]:
    return house.files().certificate, house.files().key


BROKERS = {
    "expired": "its certificate has expired; `pumpctl certs renew broker`",
    "not yet valid": "its certificate is not valid yet, by this host's clock",
    "wrong name": "its certificate is not for localhost; `pumpctl certs renew broker --broker-name localhost`",
    "a client poses as the broker": "what it shows is not a broker's certificate",
    "other authority": "its certificate is not from our authority",
}


@pytest.mark.parametrize("case", BROKERS)
def test_a_broker_that_is_not_ours_is_refused_and_told_why(
    case: str, house: House, other_house: House, start_broker: StartBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.broker("old", ["localhost"], house.past)
    house.broker("young", ["localhost"], house.future)
    house.broker("elsewhere", ["broker.example", "192.0.2.1"], house.valid)
    file = {"expired": "old", "not yet valid": "young", "wrong name": "elsewhere", "other authority": "broker"}
    shown = file.get(case, "watcher")
    replaced = {"broker.crt": f"{shown}.crt", "broker.key": f"{shown}.key"} if shown != "broker" else {}
    broker = start_broker(replaced, other_house if case == "other authority" else house)
    assert BROKERS[case] in refusal(Client(house.files()), broker, house, monkeypatch)


def test_a_broker_in_plaintext_where_tls_is_expected(
    house: House, mosquitto: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = refusal(Client(house.files()), mosquitto, house, monkeypatch)
    assert "it hung up without a word" in told or "it speaks no TLS on this port" in told
    assert "8883" in told


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_a_client_that_knows_no_tls_above_1_1_is_refused(
    house: House, start_broker: StartBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = trusting(house, house.files(), minimum_version=ssl.TLSVersion.TLSv1_1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    told = refusal(Client(house.files(), context=old), start_broker(), house, monkeypatch)
    assert "it speaks no TLS version that we do; TLS 1.2 at least" in told


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_a_broker_that_knows_no_tls_above_1_1_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """mosquitto itself cannot be set that low."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(house.folder / "broker.crt", house.folder / "broker.key")
    with listener(lambda line: context.wrap_socket(line, server_side=True).close()) as broker:
        told = refusal(Client(house.files()), broker, house, monkeypatch)
    assert "it speaks no TLS version that we do; TLS 1.2 at least" in told


@contextlib.contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[Broker]:
    """Something on a port that is no mosquitto: `answer` has each connection in turn."""
    broker = Broker(Path(), "")
    with socket.create_server(("127.0.0.1", 0)) as server:
        broker.port = server.getsockname()[1]

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, _ = server.accept()
                    with line, contextlib.suppress(OSError):
                        answer(line)

        thread = threading.Thread(target=serve)
        thread.start()
        yield broker
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_nobody_there_and_no_such_name(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(house.folder, "")
    with socket.create_server(("127.0.0.1", 0)) as free:
        broker.port = free.getsockname()[1]
    assert "nobody listens there; is the broker running" in refusal(Client(None), broker, house, monkeypatch)
    label_too_long = Client(None, host=f"{64 * 'b'}.invalid")
    assert "correct host in [mqtt]" in refusal(label_too_long, broker, house, monkeypatch)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (b"SSH-2.0", "what answers there speaks no MQTT"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "it speaks TLS on this port"),
        (b"\x20\x02\x00\x01", "it speaks no MQTT 5"),  # what a broker of MQTT 3.1.1 answers
        (b"\x20\x03\x00\x87\x00", "not authorized"),
        (b"\x20\x03\x00\x89\x00", "it is busy"),
        (b"\x20\x03\x00\xff\x00", "reason code 255"),
    ],
)
def test_what_is_answered_to_connect_is_told_in_words(
    words: bytes, wanted: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(line: socket.socket) -> None:
        line.recv(100)
        line.sendall(words)
        line.recv(100)

    with listener(answer) as broker:
        assert wanted in refusal(Client(None, host="127.0.0.1"), broker, house, monkeypatch)


def test_one_that_never_answers_costs_the_steps_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_probe, "STEP_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = Place("127.0.0.1", server.getsockname()[1], None, "pumpctl-test-probe")
        with pytest.raises(Unusable, match="no answer in time") as told:
            admitted(place, house.utc_ms)
    assert told.value.exit_code == NOT_CONNECTED
