"""What is looked at before a connection: each thing wrong with the files is one line with its next step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pumpctl.shell.mqtt_settings import TlsFiles
from pumpctl.shell.mqtt_tls import FILE_LIMIT_BYTES, context_of
from pumpctl.shell.unusable import USAGE, Unusable
from tests.tls.house import House


def written(house: House, name: str, content: bytes) -> Path:
    path = house.folder / name
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def locked_key(house: House) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    form = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    return written(house, "locked.key", key.private_bytes(*form))


def open_key(house: House) -> Path:
    path = house.folder / "open.key"
    shutil.copy(house.files().key, path)
    path.chmod(0o604)
    return path


SPOILT: dict[str, tuple[Callable[[House, TlsFiles], TlsFiles], str]] = {
    "ca not there": (lambda h, f: replace(f, ca=h.folder / "no.crt"), "ca {ca}: No such file or directory; name the"),
    "certificate not there": (
        lambda h, f: replace(f, certificate=h.folder / "no.crt"),
        "certificate {certificate}: No",
    ),
    "key not there": (lambda h, f: replace(f, key=h.folder / "no.key"), "key {key}: No such file or directory"),
    "a folder": (lambda h, f: replace(f, ca=h.folder), "ca {ca}: Is a directory"),
    "too long": (
        lambda h, f: replace(f, ca=written(h, "long.crt", bytes(FILE_LIMIT_BYTES + 1))),
        f"longer than {FILE_LIMIT_BYTES} bytes",
    ),
    "no certificate": (lambda h, f: replace(f, ca=written(h, "x.crt", b"hello")), "ca {ca}: holds no certificate"),
    "half a certificate": (
        lambda h, f: replace(f, certificate=written(h, "x.crt", f.certificate.read_bytes()[:300])),
        "certificate {certificate}: holds no certificate in PEM",
    ),
    "the key as certificate": (lambda _, f: replace(f, certificate=f.key), "holds no certificate in PEM"),
    "the certificate as key": (
        lambda h, f: replace(f, key=written(h, "x.key", f.certificate.read_bytes())),
        "key {key}: holds no private key in PEM",
    ),
    "no authority": (lambda _, f: replace(f, ca=f.certificate), "is not the certificate of an authority; name ca.crt"),
    "key of another": (
        lambda h, f: replace(f, key=h.files("watcher").key),
        "key {key}: does not belong to the certificate {certificate}; copy both files of one name",
    ),
    "locked key": (lambda h, f: replace(f, key=locked_key(h)), "is locked with a passphrase"),
    "open key": (lambda h, f: replace(f, key=open_key(h)), "every user of this host may use it; chmod o= {key}"),
    "expired": (
        lambda h, _: h.client("pumpctl", h.past),
        "certificate {certificate}: expired at {past}; `pumpctl certs renew pumpctl`, then copy both files here",
    ),
    "not yet valid": (
        lambda h, _: h.client("young", h.future),
        "certificate {certificate}: is valid from {future} on, and this host's clock is before that; set the clock",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_is_wrong_with_the_files_is_said_in_one_line(case: str, house: House) -> None:
    spoil, wanted = SPOILT[case]
    files = spoil(house, house.files())
    with pytest.raises(Unusable) as told:
        context_of(files, house.utc_ms)
    words = {
        "ca": files.ca,
        "certificate": files.certificate,
        "key": files.key,
        "past": f"{house.past.until:%Y-%m-%d %H:%M} UTC",
        "future": f"{house.future.since:%Y-%m-%d %H:%M} UTC",
    }
    assert wanted.format(**words) in str(told.value)
    assert "\n" not in str(told.value)
    assert told.value.exit_code == USAGE


def test_the_edges_of_a_certificate_s_life(house: House) -> None:
    span = replace(house.valid, since=house.now, until=house.now + timedelta(hours=1))
    files = house.client("brief", span)
    for utc_ms in (house.utc_ms, house.utc_ms + 3_600_000):
        context_of(files, utc_ms)
    for utc_ms, wanted in ((house.utc_ms - 1, "is valid from"), (house.utc_ms + 3_600_001, "expired at")):
        with pytest.raises(Unusable, match=wanted):
            context_of(files, utc_ms)


def test_an_expired_authority_is_told_as_such(house: House) -> None:
    ten_years_ms = 3652 * 86_400_000
    with pytest.raises(Unusable, match=r"ca .*ca\.crt: expired at .*make a new authority"):
        context_of(house.files(), house.utc_ms + ten_years_ms + 1)


def test_a_renewed_certificate_needs_no_restart(house: House) -> None:
    late = house.client("pumpctl", house.past)
    with pytest.raises(Unusable, match="expired"):
        context_of(late, house.utc_ms)
    context_of(house.client("pumpctl", house.valid), house.utc_ms)
