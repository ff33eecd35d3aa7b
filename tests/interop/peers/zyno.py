"""The maker's own driver at a line: pyZynoUnifiedDrivers 0.0.9, run in a process of its own by test_zyno.py.

Refuses to know our product. Its arguments are the path of a pseudo-terminal and the Rx file; it prints much, and in the
last line what it found, as JSON. Two things of it are changed, none of its protocol: the ports it takes (a COM port or
a ttyUSB), and its 25 ms, which a shared machine does not always keep (a late answer it takes for the next).
"""

from __future__ import annotations

import json
import sys
from typing import Any, cast

import pyZynoUnifiedDrivers.miva.module_miva as module

driver = cast("Any", module)  # it carries no types

TRIES = 30
WAIT_S = 0.12


def main(path: str, rx_path: str) -> dict[str, Any]:
    driver.re_serial_port = r"(/dev/pts/\d+)"
    driver._TIMEOUT = WAIT_S
    pump = driver.Miva(path)
    found: dict[str, Any] = {
        "serial": pump.get_pump_sn(),
        "identity": pump.query("*IDN?"),
        "firmware": pump.get_firmware_version(),
        "library": pump.get_library_name_version(),
        "calibration": pump.get_motor_calibration_factor(),
        "battery_v": pump.get_battery_voltage(),
        "sensors": pump.get_all_sensor(),
        "clock": pump.read_pump_time(),
        "mode": pump.send_command(":infu:mode?"),
        "unit": pump.send_command(":prot:rate:unit?"),
        "running_before": pump.send_command(":infusion:run?"),
        "auto_bolus": pump.get_protocol_auto_bolus_vtbi(),
    }
    found["taken"] = pump.send_rx(rx_path)
    found["protocol"] = {
        "rate": pump.send_command(":protocol:rate?"),
        "vtbi": pump.get_protocol_vtbi(),
        "time_s": pump.get_protocol_time(),
    }
    found["started"] = pump.trigger_run_infusion()
    found["polls"] = next((poll for poll in range(TRIES) if pump.send_command(":infu:run?") is True), None)
    found["rate"] = pump.send_command(":infu:rate?")
    found["vtbi"] = pump.send_command(":infu:vtbi?")
    found["motor_running"] = pump.get_all_sensor()["motor_running"]
    found["vinf"] = next((vinf for _ in range(TRIES) if (vinf := pump.get_infusion_vinf()) > 0), 0)
    found["total"] = pump.get_total_volume_infused()
    found["life"] = pump.get_product_life_volume()
    found["stopped"] = pump.trigger_stop_infusion()
    found["running_after"] = pump.send_command(":infu:run?")
    found["indices"] = pump.read_event_log_indices()
    found["log"] = pump.read_multiple_event_log(21)
    pump.close()
    return found


if __name__ == "__main__":
    result = main(sys.argv[1], sys.argv[2])
    sys.stdout.write("\n" + json.dumps(result) + "\n")
