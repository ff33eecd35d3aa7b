"""What is issued: for one purpose, for a time, in a name; and a list of revoked ones that locks nobody else out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from pumpctl.certificates.issuing import (
    CLOCKS_DIFFER,
    Keyed,
    authority_span,
    broker_certificate,
    client_certificate,
    leaf_span,
    new_authority,
    revocation_list,
)

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Keyed:
    return new_authority(authority_span(NOW))


def test_the_authority_lives_ten_years_and_vouches_for_no_other_authority(authority: Keyed) -> None:
    certificate = authority.certificate
    assert certificate.not_valid_after_utc - NOW == timedelta(days=3652)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert new_authority(authority_span(NOW)).certificate.subject != certificate.subject


def test_a_leaf_is_for_one_purpose_and_never_outlives_what_vouches_for_it(authority: Keyed) -> None:
    span = leaf_span(authority.certificate, NOW)
    assert span.until - span.since == timedelta(days=825)
    assert NOW - span.since == CLOCKS_DIFFER
    late = leaf_span(authority.certificate, NOW + timedelta(days=3600))
    assert late.until == authority.certificate.not_valid_after_utc
    broker = broker_certificate(authority, ["mqtt.home.arpa", "192.168.1.2", "::1"], span).certificate
    client = client_certificate(authority, "watcher", span).certificate
    for certificate, purpose in (
        (broker, ExtendedKeyUsageOID.SERVER_AUTH),
        (client, ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        certificate.verify_directly_issued_by(authority.certificate)
        assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [purpose]
        assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)
    names = broker.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["mqtt.home.arpa", "192.168.1.2", "::1"]
    assert names.get_values_for_type(x509.DNSName) == ["mqtt.home.arpa"]
    assert client.subject.rfc4514_string() == "CN=watcher"


def test_two_of_one_name_differ_in_key_and_number(authority: Keyed) -> None:
    span = leaf_span(authority.certificate, NOW)
    one, two = (client_certificate(authority, "watcher", span) for _ in range(2))
    assert one.certificate.serial_number != two.certificate.serial_number
    assert one.key.private_numbers() != two.key.private_numbers()


@pytest.mark.parametrize("name", ["ca", "broker", "", "../x", "a/b", "Watcher", "a b", "-a", 33 * "a", "a\n", "#", "+"])
def test_a_client_name_that_would_be_another_file_or_topic_is_refused(authority: Keyed, name: str) -> None:
    with pytest.raises(ValueError, match="client name"):
        client_certificate(authority, name, leaf_span(authority.certificate, NOW))


@pytest.mark.parametrize("name", ["a", "pumpctl", "ward-2_b", 32 * "a", "0"])
def test_a_client_name_that_is_one(authority: Keyed, name: str) -> None:
    made = client_certificate(authority, name, leaf_span(authority.certificate, NOW))
    assert made.certificate.subject.rfc4514_string() == f"CN={name}"


@pytest.mark.parametrize("name", ["", "a b", "-a.b", "a..b", "http://a", "*.a", 64 * "a", "300.1.1.1/8", "a\n"])
def test_a_broker_name_that_is_neither_name_nor_address_is_refused(authority: Keyed, name: str) -> None:
    with pytest.raises(ValueError, match="broker name"):
        broker_certificate(authority, [name], leaf_span(authority.certificate, NOW))


def test_the_list_names_who_is_revoked_and_holds_as_long_as_the_authority(authority: Keyed) -> None:
    revoked = revocation_list(authority, {7: NOW}, NOW)
    assert revoked.is_signature_valid(authority.key.public_key())
    assert [entry.serial_number for entry in revoked] == [7]
    assert revoked.next_update_utc == authority.certificate.not_valid_after_utc
    assert revoked.last_update_utc == NOW - CLOCKS_DIFFER
