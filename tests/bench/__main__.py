"""`make bench`: measures every row, prints the table, writes build/bench.json. Refuses to fail on a time.

python -m tests.bench [WORD...]     only the rows whose name holds one of the words
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench.alaris import alaris_against_infupy, alaris_link, alaris_through_controller
from tests.bench.campaign import campaign_speed
from tests.bench.controller import through_controller
from tests.bench.harness import TITLE, Preparation, Row, line_of, measure
from tests.bench.journal import durable_intent
from tests.bench.link import link_round_trip
from tests.bench.miva import miva_link, miva_through_controller
from tests.bench.new_era import new_era_against_nesp_lib, new_era_link, new_era_through_controller
from tests.bench.orders import order_check, order_check_over_reading, order_check_with_schedule
from tests.bench.start_up import start_up
from tests.bench.telemetry import state_to_subscriber
from tests.bench.world import world_speed

BUILD = Path(__file__).resolve().parents[2] / "build"
ROWS: dict[str, Preparation] = {
    "link round trip": link_round_trip,
    "poll through the controller": through_controller,
    "alaris link": alaris_link,
    "alaris through the controller": alaris_through_controller,
    "alaris against infupy": alaris_against_infupy,
    "miva link": miva_link,
    "miva through the controller": miva_through_controller,
    "new era link": new_era_link,
    "new era through the controller": new_era_through_controller,
    "new era against nesp-lib": new_era_against_nesp_lib,
    "order check": order_check,
    "order check over reading": order_check_over_reading,
    "order check with its schedule": order_check_with_schedule,
    "durable intent": durable_intent,
    "state to subscriber": state_to_subscriber,
    "world": world_speed,
    "campaign": campaign_speed,
    "start-up": start_up,
}


def main(words: Sequence[str]) -> None:
    folder = BUILD / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    print(TITLE)
    rows: list[Row] = []
    for name, prepared in ROWS.items():
        if not words or any(word in name for word in words):
            with prepared(folder) as subject:
                rows.append(measure(subject))
            print(line_of(rows[-1]), flush=True)
    (BUILD / "bench.json").write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    judged = [row.met for row in rows if row.met is not None]
    print(f"{sum(judged)} of {len(judged)} goals met; written to build/bench.json")


if __name__ == "__main__":
    main(sys.argv[1:])
