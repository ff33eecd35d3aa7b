"""What we show the broker and whom we believe: usable, and for how long still.

Refuses to judge a certificate in another way than the daemon does (shell/mqtt_tls.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from pumpctl.doctor.finding import Finding, doubt, fault, fine
from pumpctl.doctor.host import Host
from pumpctl.shell.mqtt_settings import TlsFiles
from pumpctl.shell.mqtt_tls import common_name, context_of
from pumpctl.shell.settings import Settings
from pumpctl.shell.unusable import Unusable

SOON_DAYS = 30
MS_PER_S = 1000


def certificates(settings: Settings, host: Host) -> Iterator[Finding]:
    """Nothing to say when telemetry goes in the clear to this host."""
    if settings.mqtt is None:
        return
    files = settings.mqtt.tls
    if files is None:
        if not settings.mqtt.is_this_host:
            told = f"telemetry goes to {settings.mqtt.host} in the clear: the whole network may read and forge it"
            yield doubt("certificates", told, "`pumpctl certs init` makes what TLS needs (docs/certificates.md)")
        return
    try:
        context_of(files, host.utc_ms())
    except Unusable as unusable:
        yield fault("certificates", unusable.what.removeprefix("mqtt: "), unusable.next_step)
        return
    yield from _running_out(files, host)


def days_left(until: datetime, host: Host) -> int:
    """Whole days by this host's clock."""
    return (until - datetime.fromtimestamp(host.utc_ms() // MS_PER_S, UTC)).days


def _running_out(files: TlsFiles, host: Host) -> Iterator[Finding]:
    left = {"ca": _until(files.ca), "certificate": _until(files.certificate)}
    soon = {what: until for what, until in left.items() if days_left(until, host) < SOON_DAYS}
    steps = {
        "ca": "make a new authority in time: `pumpctl certs init`, then copy all files anew",
        "certificate": f"`pumpctl certs renew {_name(files.certificate)}`, then copy both files here",
    }
    for what, until in soon.items():
        told = f"{what} ends on {until:%Y-%m-%d}, in {days_left(until, host)} days"
        yield doubt("certificates", told, steps[what])
    if not soon:
        first = min(left.values())
        yield fine("certificates", f"good for {days_left(first, host)} days")


def _until(path: Path) -> datetime:
    return min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(path.read_bytes()))


def _name(path: Path) -> str:
    return common_name(x509.load_pem_x509_certificate(path.read_bytes())) or "NAME"
