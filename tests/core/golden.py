"""Orders for the tests: the golden one with changes, and one for each intravenous profile."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from pumpctl.core.library import Library
from pumpctl.core.order import Order
from pumpctl.core.order_text import parse_order
from pumpctl.core.rules.case import Context
from pumpctl.core.rules.finding import Severity
from pumpctl.core.schedule import read_instant
from pumpctl.core.validation import Verdict, judge
from pumpctl.shell.library_file import read_library

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy/examples/orders"
GOLDEN: dict[str, Any] = json.loads((EXAMPLES / "golden-home-sc.json").read_text())
LIBRARY: Library = read_library()
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def instant(text: str) -> int:
    read = read_instant(text)
    assert isinstance(read, int), read
    return read


AT = instant("2026-12-01T18:00:00Z")
FIRST_DUE = instant("2026-12-01T19:00:00Z")

ONCE = {"repeat": "once", "at": "2026-12-01T20:00:00Z"}


def order(changes: dict[str, Any] | None = None, base: dict[str, Any] | None = None) -> Order:
    """The golden order with some paths changed: "phases.0.dose"; a value of None takes the key out."""
    return parse_order(json.dumps(table(changes, base)), "test")


def table(changes: dict[str, Any] | None = None, base: dict[str, Any] | None = None) -> dict[str, Any]:
    content = copy.deepcopy(GOLDEN if base is None else base)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place: Any = content
        for part in parents:
            place = place[int(part)] if part.isdigit() else place[part]
        key: Any = int(last) if last.isdigit() else last
        if value is None:
            del place[key]
        else:
            place[key] = value
    return content


def intravenous(kind: str, dose: str, volume: str, duration: str, flow: str, **more: object) -> dict[str, Any]:
    """A single monitored infusion, everything else as it should be."""
    base = table(
        {
            "route": "iv",
            "care_area": "monitored",
            "site": "right forearm",
            "schedule": dict(ONCE),
            "phases": [phase(kind, dose, volume, duration, flow)],
            "authored_at": "2026-12-01T15:00:00Z",
            "assessment.calcium_at_bedside": True,
            "assessment.co_infusions": [],
            "observations": observations("2026-12-01T17:50:00Z"),
        }
    )
    return table(more, base)


def observations(at: str) -> list[dict[str, Any]]:
    """What is looked at before an intravenous start, all as it should be."""
    seen = {
        "patellar_reflex": "present",
        "breathing_rate": "16 /min",
        "systolic_pressure": "120 mmHg",
        "baseline_systolic_pressure": "125 mmHg",
        "heart_rate": "70 /min",
        "urine": "250 mL",
    }
    return [{"kind": kind, "value": value, "at": at} for kind, value in seen.items()]


def phase(kind: str, dose: str, volume: str, duration: str, flow: str) -> dict[str, Any]:
    bag = {"content": dose, "final_volume": volume, "diluent": "sodium_chloride_0.9_percent"}
    return {"kind": kind, "dose": dose, "volume": volume, "duration": duration, "flow": flow, "bag": bag}


def infusion(dose: str, volume: str, duration: str, flow: str) -> dict[str, Any]:
    """Changes for the golden order: another single SC phase, content and concentration to match."""
    return {"phases": [phase("infusion", dose, volume, duration, flow)]}


def verdict(
    changes: dict[str, Any] | None = None, base: dict[str, Any] | None = None, context: Context | None = None
) -> Verdict:
    return judge(order(changes, base), LIBRARY, context or Context(AT))


def severities(found: Verdict, rule: str) -> list[str]:
    """What this rule says, strongest first."""
    return [finding.severity.value for finding in found.findings if finding.rule == rule]


def blocking(found: Verdict) -> set[tuple[str, str]]:
    """HARD and SOFT findings as (rule, severity)."""
    stops = (Severity.HARD, Severity.SOFT)
    return {(finding.rule, finding.severity.value) for finding in found.findings if finding.severity in stops}


LOADING = intravenous("loading", "2 g", "100 mL", "15 min", "400 mL/h")
CONTINUOUS = intravenous("continuous", "2.4 g", "60 mL", "10 h", "6 mL/h")
INTERMITTENT = intravenous("intermittent", "11.82 mmol", "98.5 mL", "3 h", "32.8 mL/h")
EMERGENCY = intravenous("emergency", "2 g", "50 mL", "5 min", "600 mL/h") | {
    "indication": {"emergency_event": "seizure", "emergency_in_progress": True}
}
