"""nesp-lib 2.0.0 at a New Era pump: one part of its script a run, what it found as one line of JSON.

Refuses to judge. Called with the port, the part, how long a silence safe mode bears (0: basic mode), and the address.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import nesp_lib

BAUD = 19_200
SAFE_S = 2


def settings(pump: nesp_lib.Pump) -> dict[str, Any]:
    """Set, read back, and what is refused."""
    pump.syringe_diameter_mm = 26.59
    pump.pumping_direction = nesp_lib.PumpingDirection.INFUSE
    pump.pumping_volume_ml = 12.5
    pump.pumping_rate_ml_per_min = 25 / 60
    found: dict[str, Any] = {
        "model": pump.model_number,
        "firmware": pump.firmware_version,
        "diameter_mm": pump.syringe_diameter_mm,
        "direction": pump.pumping_direction.name,
        "volume_ml": pump.pumping_volume_ml,
        "rate_ml_min": pump.pumping_rate_ml_per_min,
        "safe_s": pump.safe_mode_timeout_s,
        "status": pump.status.name,
    }
    try:
        pump.pumping_rate_ml_per_min = 100.0
    except ValueError:
        found["too_fast"] = "refused"
    return found


def whole_run(pump: nesp_lib.Pump) -> dict[str, Any]:
    """2 mL at 1 mL/min to its end, and another one that is stopped."""
    pump.syringe_diameter_mm = 26.59
    pump.pumping_volume_ml = 2.0
    pump.pumping_rate_ml_per_min = 1.0
    pump.run(wait_while_running=False)
    found: dict[str, Any] = {"running": pump.running}
    try:
        pump.syringe_diameter_mm = 20.0
    except nesp_lib.StateException:
        found["diameter_while_running"] = "refused"
    pump.wait_while_running()
    found |= {"ended": pump.status.name, "infused_ml": pump.volume_infused_ml, "withdrawn_ml": pump.volume_withdrawn_ml}
    pump.volume_infused_clear()
    found["cleared_ml"] = pump.volume_infused_ml
    pump.pumping_rate_ml_per_min = 0.5
    pump.run(wait_while_running=False)
    pump.pumping_rate_ml_per_min = 0.6
    pump.stop()
    found["stopped_once"] = pump.status.name
    pump.stop()
    found["stopped_twice"] = pump.status.name
    return found


def stall(pump: nesp_lib.Pump) -> dict[str, Any]:
    """It runs until the line is closed."""
    pump.syringe_diameter_mm = 26.59
    pump.pumping_volume_ml = 20.0
    pump.pumping_rate_ml_per_min = 5.0
    try:
        pump.run()
    except nesp_lib.StatusAlarmException as alarm:
        return {"alarm": alarm.alarm_status.name, "then": pump.status.name}
    return {"alarm": None}


def heartbeat(pump: nesp_lib.Pump) -> dict[str, Any]:
    """Longer in safe mode, and asking nothing, than safe mode bears without its heartbeat."""
    pump.safe_mode_timeout_s = SAFE_S
    time.sleep(2.5 * SAFE_S)
    found: dict[str, Any] = {"status": pump.status.name, "safe_s": pump.safe_mode_timeout_s}
    pump.safe_mode_timeout_s = 0
    return found | {"back": pump.safe_mode_timeout_s, "basic_status": pump.status.name}


PARTS = {"settings": settings, "whole_run": whole_run, "stall": stall, "heartbeat": heartbeat}


def main() -> None:
    device, part, safe_s, address = sys.argv[1:]
    # In basic mode first: it waits for ever when the alarm of a power-on comes framed otherwise than it asked for.
    pump = nesp_lib.Pump(nesp_lib.Port(device, BAUD), int(address))
    if int(safe_s):
        pump.safe_mode_timeout_s = int(safe_s)
    found = PARTS[part](pump)
    pump.safe_mode_timeout_s = 0
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
