"""Certificates and the list of revoked ones, as values made from names, keys and instants.

Refuses to know files and clocks. All keys are EC P-256: small, quick on a small computer, known to every broker. A
client's certificate cannot pose as the broker, nor the broker's as a client: each is for one purpose.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

AUTHORITY_LIFE = timedelta(days=3652)  # ten years
LEAF_LIFE = timedelta(days=825)  # the longest that some TLS libraries still take
CLOCKS_DIFFER = timedelta(hours=1)  # project: a broker whose clock is late must not call it not yet valid
BROKER = "broker"  # the name of its certificate; its addresses stand beside it

_CLIENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")  # a file's name, and a word of the broker's access list
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-)){0,9}")
_RESERVED = ("ca", BROKER)

_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when something holds."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Keyed:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def authority_span(now: datetime) -> Span:
    """Of a new authority."""
    return Span(now - CLOCKS_DIFFER, now + AUTHORITY_LIFE)


def leaf_span(authority: x509.Certificate, now: datetime) -> Span:
    """Of a new certificate: none is good for longer than what vouches for it."""
    since = now - CLOCKS_DIFFER
    return Span(since, min(since + LEAF_LIFE, authority.not_valid_after_utc))


def new_authority(span: Span) -> Keyed:
    """Named for its key, so that two of them cannot be taken for each other."""
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    name = _name(f"pumpctl authority {identifier.digest.hex()[:8]}")
    built = (
        _builder(name, name, key, span)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(identifier, critical=False)
    )
    return Keyed(built.sign(key, hashes.SHA256()), key)


def broker_certificate(authority: Keyed, names: Sequence[str], span: Span) -> Keyed:
    """`names`: under which clients reach it, DNS names and addresses. ValueError for what is neither."""
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    return _leaf(authority, BROKER, span, ExtendedKeyUsageOID.SERVER_AUTH, alternatives)


def client_certificate(authority: Keyed, name: str, span: Span) -> Keyed:
    """`name` is the user's name at the broker. ValueError for one that cannot be."""
    if name in _RESERVED or _CLIENT.fullmatch(name) is None:
        what = "small letters, digits, - and _, at most 32, and neither ca nor broker"
        raise ValueError(f"client name {name!r}: {what}")
    return _leaf(authority, name, span, ExtendedKeyUsageOID.CLIENT_AUTH, None)


def revocation_list(authority: Keyed, revoked: Mapping[int, datetime], now: datetime) -> x509.CertificateRevocationList:
    """By serial number. It holds as long as the authority: an outdated list would lock every client out."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - CLOCKS_DIFFER)
        .next_update(authority.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(_issued_by(authority), critical=False)
    )
    for serial, when in revoked.items():
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256())


def _leaf(
    authority: Keyed,
    name: str,
    span: Span,
    purpose: ObjectIdentifier,
    alternatives: x509.SubjectAlternativeName | None,
) -> Keyed:
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        _builder(_name(name), authority.certificate.subject, key, span)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_issued_by(authority), critical=False)
    )
    if alternatives is not None:
        built = built.add_extension(alternatives, critical=False)
    return Keyed(built.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, span: Span
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span.since)
        .not_valid_after(span.until)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _issued_by(authority: Keyed) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())


def _usage(*wanted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in wanted for usage in _KEY_USAGES})


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if _HOST.fullmatch(name) is None:
            raise ValueError(f"broker name {name!r}: neither a host's name nor an address") from None
        return x509.DNSName(name)
