"""The broker and the certificates as the doctor sees them, with a real mosquitto on the other side."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from pumpctl.doctor.certificates import certificates
from pumpctl.doctor.finding import Finding, Verdict
from pumpctl.shell.settings import load_settings
from tests.conftest import Broker
from tests.doctor.site import Site, trouble
from tests.tls.house import House, TlsBroker

DAY_MS = 86_400_000
WithTls = Callable[..., Site]


def until_ms(house: House) -> int:
    certificate = x509.load_pem_x509_certificate(house.files().certificate.read_bytes())
    return int(certificate.not_valid_after_utc.timestamp() * 1000)


def of(found: list[Finding], check: str) -> list[Finding]:
    return [finding for finding in found if finding.check == check]


def test_a_broker_that_takes_our_messages_by_tls_is_fine(with_tls: WithTls, house: House) -> None:
    found = with_tls(house).examined()
    assert trouble(found) == []
    assert "takes our messages, by TLS" in of(found, "broker")[0].cause
    assert "good for " in of(found, "certificates")[0].cause


def test_the_daemon_s_own_topics_are_left_alone(with_tls: WithTls, house: House, tls_broker: TlsBroker) -> None:
    with_tls(house).examined()
    log = (tls_broker._folder / "mosquitto.log").read_text()
    assert "pumpctl-pumpctl-doctor" in log
    assert "as pumpctl-pumpctl (" not in log


def test_an_access_list_that_does_not_know_us_is_found(with_tls: WithTls, house: House) -> None:
    (found,) = trouble(with_tls(house, "nobody").examined())
    assert (found.check, found.verdict) == ("broker", Verdict.FAULT)
    assert "it refuses our messages: not authorized: its access list (ACL)" in found.cause
    assert "deploy/mosquitto/" in found.next_step


def test_an_authority_that_is_another_s_is_found(with_tls: WithTls, house: House, tmp_path: Path) -> None:
    (found,) = trouble(with_tls(House(tmp_path / "other")).examined())
    assert (found.check, found.verdict) == ("broker", Verdict.FAULT)
    assert "its certificate is not from our authority" in found.cause
    assert "pumpctl certs" in found.next_step


@pytest.mark.parametrize(
    ("days_before_the_end", "verdict", "cause", "next_step"),
    [
        (31, Verdict.OK, "good for ", ""),
        (29, Verdict.WARNING, "certificate ends on ", "`pumpctl certs renew pumpctl`"),
        (-1, Verdict.FAULT, "pumpctl.crt: expired at ", "`pumpctl certs renew pumpctl`"),
    ],
)
def test_a_certificate_is_told_before_and_after_its_end(
    site: Site, house: House, days_before_the_end: int, verdict: Verdict, cause: str, next_step: str
) -> None:
    files = house.files()
    paths = f'ca = "{files.ca}"\ncertificate = "{files.certificate}"\nkey = "{files.key}"\n'
    site.tables = f'[mqtt]\nhost = "localhost"\nport = 1\n{paths}'
    settings = load_settings(site.write_settings())
    end_ms = until_ms(house)
    site.is_seen_by(utc_ms=lambda: end_ms - days_before_the_end * DAY_MS - 1_000)
    (found,) = certificates(settings, site.host)
    assert found.verdict is verdict
    assert cause in found.cause
    assert next_step in found.next_step


def test_a_key_for_all_to_read_is_found(with_tls: WithTls, house: House) -> None:
    house.files().key.chmod(0o644)
    all_found = with_tls(house).examined()
    found = of(all_found, "certificates")
    assert [finding.verdict for finding in found] == [Verdict.FAULT]
    assert "every user of this host may use it" in found[0].cause
    assert "chmod o=" in found[0].next_step
    assert [finding.cause for finding in of(all_found, "broker")] == ["not asked: the certificates cannot be used"]


def test_telemetry_in_the_clear_to_another_host_is_a_warning(site: Site) -> None:
    site.tables = '[mqtt]\nhost = "broker.example"\nplaintext = true\n'
    (found,) = certificates(load_settings(site.write_settings()), site.host)
    assert found.verdict is Verdict.WARNING
    assert "broker.example in the clear" in found.cause
    assert "pumpctl certs init" in found.next_step


def test_a_broker_on_this_host_needs_no_certificates(site: Site, mosquitto: Broker) -> None:
    site.tables = f'[mqtt]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n'
    found = site.examined()
    assert trouble(found) == []
    assert "takes our messages, in the clear" in of(found, "broker")[0].cause


def test_what_listens_and_says_nothing_is_no_broker(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site.tables = f'[mqtt]\nhost = "127.0.0.1"\nport = {silent.getsockname()[1]}\n'
        (found,) = trouble(site.examined())
    assert found.check == "broker"
    assert "no answer in time" in found.cause


def test_a_name_that_nobody_knows_is_said(site: Site) -> None:
    site.tables = '[mqtt]\nhost = "broker.invalid"\nplaintext = true\n'
    found = of(site.examined(), "broker")
    assert "broker.invalid:1883: its name is not known here" in found[0].cause
    assert "correct host" in found[0].next_step
