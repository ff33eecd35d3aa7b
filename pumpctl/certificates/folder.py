"""The folder of an authority: what is issued, what is revoked, and files that are never overwritten by accident.

Refuses to know terminals. `issued/` keeps every certificate there ever was, by serial number: who revokes a name
revokes all that were made out to it, the ones before a renewal too.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from pumpctl.certificates.issuing import (
    BROKER,
    Keyed,
    Span,
    authority_span,
    broker_certificate,
    client_certificate,
    leaf_span,
    new_authority,
    revocation_list,
)

AUTHORITY, REVOKED, ISSUED = "ca", "ca.crl", "issued"
PUBLIC_MODE, SECRET_MODE = 0o644, 0o600


class FolderUnusable(Exception):
    """What is wrong with the folder or the wish, and what to do. `taken`: nothing is broken, it is only not done."""

    def __init__(self, what: str, next_step: str, *, taken: bool = False) -> None:
        super().__init__(f"{what}; {next_step}")
        self.what = what
        self.next_step = next_step
        self.taken = taken


class Standing(Enum):
    """Of one certificate."""

    VALID = "valid"
    NOT_YET_VALID = "not yet valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate. `addresses` are the broker's."""

    name: str
    serial: int
    addresses: tuple[str, ...]
    until: datetime
    standing: Standing


def create(folder: Path, broker_names: Sequence[str], clients: Sequence[str], now: datetime) -> None:
    """All or nothing: made beside, and moved to its place, which must not be there or be empty."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))  # for this user alone
    except OSError as error:
        raise FolderUnusable(f"{folder}: {error.strerror}", "name a folder that may be written") from None
    try:
        authority = new_authority(authority_span(now))
        (draft / ISSUED).mkdir()
        _write_pair(draft, AUTHORITY, authority)
        _write(draft / REVOKED, _pem(revocation_list(authority, {}, now)), PUBLIC_MODE)
        span = leaf_span(authority.certificate, now)
        _keep(draft, BROKER, broker_certificate(authority, broker_names, span))
        for name in clients:
            _keep(draft, name, client_certificate(authority, name, span))
        draft.rename(folder)
    except OSError as error:
        what = f"{folder}: {error.strerror}: nothing is overwritten"
        raise FolderUnusable(what, "name a folder that does not exist yet", taken=True) from None
    finally:
        if draft.exists():
            shutil.rmtree(draft)


class AuthorityFolder:
    """An authority that is there. FolderUnusable when it is not whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = self._read_authority()
        self._revoked = self._read_revoked()

    @property
    def authority(self) -> x509.Certificate:
        """What all others are held against."""
        return self._authority.certificate

    def entries(self, now: datetime) -> list[Entry]:
        """All that was ever issued, by name, the newest of a name first."""
        found = [self._entry(certificate, now) for certificate in self._issued()]
        return sorted(found, key=lambda entry: (entry.name, -entry.until.timestamp(), entry.serial))

    def add(self, name: str, now: datetime) -> Path:
        """A further client."""
        if self._of(name):
            raise FolderUnusable(
                f"{name}: has a certificate", f"`pumpctl certs renew {name}` makes another", taken=True
            )
        return self._put(name, client_certificate(self._authority, name, self._span(now)))

    def renew(self, name: str, broker_names: Sequence[str], now: datetime) -> Path:
        """A new key and certificate; the ones before stay good until they expire or are revoked."""
        self._known(name)
        if name != BROKER:
            return self._put(name, client_certificate(self._authority, name, self._span(now)))
        names = broker_names or self._addresses_now()
        return self._put(name, broker_certificate(self._authority, names, self._span(now)))

    def revoke(self, name: str, now: datetime) -> int:
        """Every certificate of this name; how many that were not yet."""
        fresh = {each.serial_number: now for each in self._known(name) if each.serial_number not in self._revoked}
        if not fresh:
            raise FolderUnusable(f"{name}: is revoked already", "nothing is left to do here", taken=True)
        self._revoked |= fresh
        _replace(self._folder / REVOKED, _pem(revocation_list(self._authority, self._revoked, now)), PUBLIC_MODE)
        return len(fresh)

    def _put(self, name: str, keyed: Keyed) -> Path:
        _keep(self._folder, name, keyed)
        return self._folder / f"{name}.crt"

    def _addresses_now(self) -> tuple[str, ...]:
        try:
            return _addresses(x509.load_pem_x509_certificate((self._folder / f"{BROKER}.crt").read_bytes()))
        except (OSError, ValueError) as error:
            what = f"{BROKER}.crt: {error}: under which names clients reach the broker is not known"
            raise FolderUnusable(what, "name them with --broker-name") from None

    def _span(self, now: datetime) -> Span:
        if now > self.authority.not_valid_after_utc:
            raise FolderUnusable(f"{self._folder}: its authority has expired", "`pumpctl certs init` makes a new one")
        return leaf_span(self.authority, now)

    def _known(self, name: str) -> list[x509.Certificate]:
        issued = self._of(name)
        if not issued:
            names = sorted({_common_name(each) for each in self._issued()})
            raise FolderUnusable(f"{name}: has no certificate here", f"known: {', '.join(names)}", taken=True)
        return issued

    def _of(self, name: str) -> list[x509.Certificate]:
        return [each for each in self._issued() if _common_name(each) == name]

    def _issued(self) -> list[x509.Certificate]:
        paths = sorted((self._folder / ISSUED).glob("*.crt"))
        try:
            return [x509.load_pem_x509_certificate(path.read_bytes()) for path in paths]
        except (OSError, ValueError) as error:
            raise FolderUnusable(f"{self._folder / ISSUED}: {error}", "bring it back from a copy") from None

    def _entry(self, certificate: x509.Certificate, now: datetime) -> Entry:
        until, serial = certificate.not_valid_after_utc, certificate.serial_number
        standing = Standing.VALID
        if serial in self._revoked:
            standing = Standing.REVOKED
        elif now > until:
            standing = Standing.EXPIRED
        elif now < certificate.not_valid_before_utc:
            standing = Standing.NOT_YET_VALID
        return Entry(_common_name(certificate), serial, _addresses(certificate), until, standing)

    def _read_authority(self) -> Keyed:
        try:
            certificate = x509.load_pem_x509_certificate((self._folder / f"{AUTHORITY}.crt").read_bytes())
            key = load_pem_private_key((self._folder / f"{AUTHORITY}.key").read_bytes(), password=None)
        except OSError as error:
            what = f"{error.filename}: {error.strerror}"
            raise FolderUnusable(what, "name the folder of `pumpctl certs init` with --dir") from None
        except (TypeError, ValueError) as error:
            raise FolderUnusable(f"{self._folder}: {error}", "bring ca.crt and ca.key back from a copy") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise FolderUnusable(f"{self._folder}: ca.key is not the key of ca.crt", "bring both back from a copy")
        return Keyed(certificate, key)

    def _read_revoked(self) -> dict[int, datetime]:
        path = self._folder / REVOKED
        try:
            revoked = x509.load_pem_x509_crl(path.read_bytes())
        except (OSError, ValueError) as error:
            what = f"{path}: {error}: without it what was revoked would be good again"
            raise FolderUnusable(what, "bring it back from a copy, or from the broker") from None
        if not revoked.is_signature_valid(self._authority.key.public_key()):
            raise FolderUnusable(f"{path}: is not signed by this authority", "bring it back from a copy")
        return {each.serial_number: each.revocation_date_utc for each in revoked}


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in names)


def _keep(folder: Path, name: str, keyed: Keyed) -> None:
    """First into the book of all: what is not in it cannot be revoked."""
    serial = keyed.certificate.serial_number
    _write(folder / ISSUED / f"{serial:040x}.crt", _pem(keyed.certificate), PUBLIC_MODE)
    _write_pair(folder, name, keyed)


def _write_pair(folder: Path, name: str, keyed: Keyed) -> None:
    secret = keyed.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _replace(folder / f"{name}.key", secret, SECRET_MODE)
    _replace(folder / f"{name}.crt", _pem(keyed.certificate), PUBLIC_MODE)


def _pem(made: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    return made.public_bytes(Encoding.PEM)


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    _write(draft, content, mode)
    draft.replace(path)


def _write(path: Path, content: bytes, mode: int) -> None:
    """With its mode from the first byte on; never over another file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
