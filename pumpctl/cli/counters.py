"""The running daemon's counters for a bundle: its own metrics page, names and labels redacted.

Refuses what is not the daemon's: another program may sit on that port. Buckets of histograms are left out, sums and
counts stay. Without a table [metrics] nothing is counted, and that is told.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from pumpctl.cli.redaction import Redactor, Told
from pumpctl.shell.metrics_settings import MetricsSettings

WAIT_S = 3.0
PAGE_BYTES = 16 * 1024 * 1024  # 256 pumps have some five
OURS = "pumpctl_"
INFO = ("pumpctl_build_info", "pumpctl_start_time_seconds")  # versions.json has the one; when it was, nobody need know


def counters_of(settings: MetricsSettings | None, redactor: Redactor) -> dict[str, Told]:
    """By name, each sample as its labels and its value."""
    if settings is None:
        return {"counted": False}
    try:
        page = _page(settings)
    except (OSError, http.client.HTTPException):
        return {"counted": True, "served": False}
    try:
        samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    except ValueError:
        return {"counted": True, "served": True, "readable": False}
    return {"counted": True, "served": True, "readable": True, "samples": _told(samples, redactor)}


def _page(settings: MetricsSettings) -> str:
    connection = http.client.HTTPConnection(settings.address, settings.port, timeout=WAIT_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read(PAGE_BYTES).decode(errors="replace")
    finally:
        connection.close()


def _told(samples: Iterable[Sample], redactor: Redactor) -> dict[str, Told]:
    told: dict[str, list[Told]] = {}
    for sample in samples:
        if (
            sample.name.startswith(OURS)
            and not sample.name.endswith(("_bucket", "_created"))
            and sample.name not in INFO
        ):
            labels: dict[str, Told] = {key: redactor.label(key, value) for key, value in sample.labels.items()}
            told.setdefault(sample.name, []).append({"labels": labels, "value": sample.value})
    return dict(told)
