"""`make bench`: measures every row, prints the table, writes build/bench.json. Refuses to fail on a time.

python -m tests.bench [WORD...]     only the rows whose name holds one of the words
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench.campaign import campaign_speed
from tests.bench.controller import through_controller
from tests.bench.dialects import ALARIS, COMPANION, MIVA, NEW_ERA
from tests.bench.harness import TITLE, Preparation, Row, line_of, measure
from tests.bench.journal import durable_intent
from tests.bench.lines import Place
from tests.bench.link import link_round_trip
from tests.bench.many_pumps import many_pumps
from tests.bench.orders import order_check, order_check_over_reading, order_check_with_schedule
from tests.bench.others import INFUPY, NESP_LIB, against
from tests.bench.start_up import start_up
from tests.bench.telemetry import state_to_subscriber
from tests.bench.world import world_speed

BUILD = Path(__file__).resolve().parents[2] / "build"
ROWS: dict[str, Preparation] = {
    "companion link": link_round_trip(COMPANION),
    "companion through the controller": through_controller(COMPANION),
    "companion through the controller, one core": through_controller(COMPANION, Place.TOGETHER),
    "alaris link": link_round_trip(ALARIS),
    "alaris through the controller": through_controller(ALARIS),
    "alaris against infupy": against(INFUPY),
    "miva link": link_round_trip(MIVA),
    "miva through the controller": through_controller(MIVA),
    "new era link": link_round_trip(NEW_ERA),
    "new era through the controller": through_controller(NEW_ERA),
    "new era against nesp-lib": against(NESP_LIB),
    "order check": order_check,
    "order check over reading": order_check_over_reading,
    "order check with its schedule": order_check_with_schedule,
    "durable intent": durable_intent,
    "state to subscriber": state_to_subscriber,
    "world": world_speed,
    "campaign": campaign_speed,
    "start-up": start_up,
}


WHOLE = {"many pumps": many_pumps}  # no floor and no rounds: one long look


def main(words: Sequence[str]) -> None:
    folder = BUILD / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    print(TITLE)
    rows: list[Row] = []
    for name in (*ROWS, *WHOLE):
        if not words or any(word in name for word in words):
            rows.append(_row(name, folder))
            print(line_of(rows[-1]), flush=True)
    (BUILD / "bench.json").write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    judged = [row.met for row in rows if row.met is not None]
    print(f"{sum(judged)} of {len(judged)} goals met; written to build/bench.json")


def _row(name: str, folder: Path) -> Row:
    if name in WHOLE:
        return WHOLE[name](folder)
    with ROWS[name](folder) as subject:
        return measure(subject)


if __name__ == "__main__":
    main(sys.argv[1:])
