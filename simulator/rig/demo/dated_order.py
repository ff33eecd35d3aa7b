"""The golden order, dated so that its first infusion is due now: every instant moves by the same span.

Refuses to change what is ordered: dose, volume, flow, findings and their ages stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from pumpctl.core.units import Basis, Mass, Misread, Volume, read_quantity

Order = Mapping[str, Any]

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})")


def due_now(golden: Order, *, due: datetime, patient_id: str) -> dict[str, Any]:
    """A copy whose first infusion is due at `due`, whole minutes of UTC, for this patient."""
    if due.utcoffset() != timedelta(0) or due.second or due.microsecond:
        raise ValueError(f"{due} is not a whole minute of UTC")
    schedule = golden["schedule"]
    later = due - _first_due(schedule)
    last = due.date() + (date.fromisoformat(schedule["last_date"]) - date.fromisoformat(schedule["first_date"]))
    copy = cast("dict[str, Any]", _moved(golden, later))
    copy["patient"] = {**copy["patient"], "id": patient_id}
    copy["schedule"] = {
        "repeat": "daily",
        "local_time": f"{due:%H:%M}",
        "time_zone": "UTC",  # a demo on the night of a clock change is no different from any other
        "first_date": due.date().isoformat(),
        "last_date": last.isoformat(),
    }
    return copy


def ordered(order: Order) -> tuple[float, float]:
    """mL, and mg of heptahydrate, of the first infusion."""
    phase = order["phases"][0]
    volume = read_quantity(phase["volume"], Volume)
    dose = read_quantity(phase["dose"], Mass, Basis(order["product"]["basis"]))
    if isinstance(volume, Misread) or isinstance(dose, Misread):
        raise ValueError(f"{phase['dose']!r} in {phase['volume']!r} is not a dose in a volume")  # noqa: TRY004
    return volume.num / volume.den / 1000, dose.num / dose.den / 1000


def _first_due(schedule: Order) -> datetime:
    local = datetime.fromisoformat(f"{schedule['first_date']}T{schedule['local_time']}")
    return local.replace(tzinfo=ZoneInfo(schedule["time_zone"])).astimezone(UTC)


def _moved(value: object, later: timedelta) -> object:
    if isinstance(value, dict):
        return {key: _moved(each, later) for key, each in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_moved(each, later) for each in cast("list[object]", value)]
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return (datetime.fromisoformat(value) + later).isoformat()
    return value
