"""Orders whose signs are old or bad, a desk with its pumps plugged in, and why a start was refused there.

Refuses to assert anything.
"""

from __future__ import annotations

from typing import Any

from pumpctl.effects import Reply
from tests.controller.desk import Desk
from tests.controller.orders import OBSERVED, infusion, monitored_iv

LONG_AGO = "2026-12-01T16:00:00Z"
Q10 = ["Q10=physician on call:torsades in progress"]


def seen_long_ago(**changes: str) -> dict[str, Any]:
    """A monitored infusion whose own signs are two hours old; the urine is not."""
    order = monitored_iv()
    told = OBSERVED | changes
    order["observations"] = [
        {"kind": kind, "value": value, "at": "2026-12-01T17:50:00Z" if kind == "urine" else LONG_AGO}
        for kind, value in told.items()
    ]
    return order


def emergency(**seen: str) -> dict[str, Any]:
    order = seen_long_ago(**seen)
    for each in order["observations"]:
        each["at"] = "2026-12-01T17:50:00Z"
    order["order_id"] = "emergency"
    order["indication"] |= {"emergency_event": "torsades", "emergency_in_progress": True}
    order["phases"] = [infusion("emergency", "2 g", "50 mL", "10 min", "300 mL/h", "40 mg/mL")]
    return order


def ready(**options: Any) -> Desk:  # noqa: ANN401
    desk = Desk(**options)
    for channel in desk.channels:
        desk.plug_in(channel.name)
    desk.run_for(1_000)
    return desk


def rules(desk: Desk, number: int) -> set[str]:
    """Of the reasons why it was not prepared, or was refused."""
    desk.run_for(500)
    answer = desk.answers[number]
    if isinstance(answer, Reply):
        return {each["code"] for each in answer.result["not_prepared"]}
    return {reason.code for reason in answer.reasons}
