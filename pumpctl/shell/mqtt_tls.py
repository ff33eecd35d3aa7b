"""The TLS context for the broker, or one clear line on what is wrong with the files it is made from.

Refuses to know who listens: what the broker says of us is read by broker_probe.py. Everything that can be seen before
a connection is looked at here, because a broker that is shown a bad certificate only hangs up.
"""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from pumpctl.shell.mqtt_settings import TlsFiles
from pumpctl.shell.unusable import Unusable

FILE_LIMIT_BYTES = 65_536  # a chain of certificates has a few thousand
MAKE_ALL = "name the files that `pumpctl certs init` made"


def context_of(files: TlsFiles, utc_ms: int) -> ssl.SSLContext:
    """Reads the files anew each time, so that a renewed certificate needs no restart. Raises Unusable."""
    now = datetime.fromtimestamp(utc_ms / 1000, UTC)
    for authority in _certificates(files.ca, "ca"):
        _signs(files.ca, authority)
        _is_valid("ca", files.ca, authority, now)
    certificate = _certificates(files.certificate, "certificate")[0]
    _is_valid("certificate", files.certificate, certificate, now)
    _belongs(files, certificate, _key(files.key))
    return _context(files)


def common_name(certificate: x509.Certificate) -> str:
    """Whose it is; a broker takes it for the user's name."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _certificates(path: Path, what: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_content(path, what))
    except ValueError:
        raise Unusable(f"mqtt: {what} {path}: holds no certificate in PEM", MAKE_ALL) from None


def _content(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT_BYTES + 1)
    except OSError as error:
        next_step = "let the daemon's user read it" if isinstance(error, PermissionError) else MAKE_ALL
        raise Unusable(f"mqtt: {what} {path}: {error.strerror}", next_step) from None
    if len(content) > FILE_LIMIT_BYTES:
        raise Unusable(f"mqtt: {what} {path}: longer than {FILE_LIMIT_BYTES} bytes", MAKE_ALL)
    return content


def _signs(path: Path, authority: x509.Certificate) -> None:
    try:
        if authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return
    except x509.ExtensionNotFound:
        raise _no_authority(path) from None
    raise _no_authority(path)


def _no_authority(path: Path) -> Unusable:
    return Unusable(f"mqtt: ca {path}: is not the certificate of an authority", "name ca.crt, not another one, as ca")


def _is_valid(what: str, path: Path, certificate: x509.Certificate, now: datetime) -> None:
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < since:
        raise Unusable(
            f"mqtt: {what} {path}: is valid from {since:%Y-%m-%d %H:%M} UTC on, and this host's clock is before that",
            "set the clock",
        )
    if now > until:
        again = "make a new authority with `pumpctl certs init`"
        if what == "certificate":
            again = f"`pumpctl certs renew {common_name(certificate) or 'NAME'}`, then copy both files here"
        raise Unusable(f"mqtt: {what} {path}: expired at {until:%Y-%m-%d %H:%M} UTC", again)


def _key(path: Path) -> PrivateKeyTypes:
    content = _content(path, "key")
    if path.stat().st_mode & stat.S_IRWXO:
        raise Unusable(f"mqtt: key {path}: every user of this host may use it", f"chmod o= {path}")
    try:
        return load_pem_private_key(content, password=None)
    except TypeError:
        what = f"mqtt: key {path}: is locked with a passphrase, and nobody is there to type it"
        raise Unusable(what, "name a key without one") from None
    except ValueError:
        raise Unusable(f"mqtt: key {path}: holds no private key in PEM", MAKE_ALL) from None


def _belongs(files: TlsFiles, certificate: x509.Certificate, key: PrivateKeyTypes) -> None:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise Unusable(
            f"mqtt: key {files.key}: does not belong to the certificate {files.certificate}",
            "copy both files of one name from where `pumpctl certs` made them",
        )


def _context(files: TlsFiles) -> ssl.SSLContext:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # host name and chain are checked
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(files.ca)
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise Unusable(f"mqtt: TLS refuses the files of [mqtt]: {reason}", MAKE_ALL) from None
    return context
