"""The maker's own driver (pyZynoUnifiedDrivers 0.0.9) against our simulated MIVA pump, over a real pseudo-terminal.

Refuses to help it: it runs in a process of its own, with a kill timer, and says what it found.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.served import Served, serving

PEER = Path(__file__).parent / "peers" / "zyno.py"
KILL_AFTER_S = 100.0
SPEED = 200
RX: dict[str, Any] = {
    "serialNumber": "SIM00001",
    "libraryCrc": "6B6B8B66",
    "libraryNumber": 318,
    "protocolIndex": "5",
    "viewIndex": 255,
    "labelIndex": 255,
    "sendRxProtocol": {
        "id": 7,
        "crc": "1C9646CA",
        "content": {
            "name": "Home SC",
            "deliveryMode": "continuousInfusion",
            "drug": None,
            "program": {
                "rate": {"value": "10", "unit": "mL/hr"},
                "vtbi": {"value": "100"},
                "kvoRate": {"value": "0"},
                "switches": {
                    "rate": True,
                    "vtbi": True,
                    "time": False,
                    "delayStart": False,
                    "kvoRate": True,
                    "delayKvoRate": False,
                    "flowRateCalibrationFactor": False,
                },
            },
        },
    },
}


def peer(served: Served, folder: Path, rx: dict[str, Any]) -> dict[str, Any]:
    """What the driver found. It writes into its working folder."""
    (folder / "rx.json").write_text(json.dumps(rx), encoding="utf-8")
    command = [sys.executable, str(PEER), str(served.link.resolve()), "rx.json"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=KILL_AFTER_S, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.timeout(180)
def test_the_makers_driver_reads_programs_starts_and_stops_our_pump(tmp_path: Path) -> None:
    with serving(tmp_path, "--dialect", "miva", "--speed", str(SPEED)) as served:
        found = peer(served, tmp_path, RX)
        truth = served.state()
    assert (found["serial"], found["identity"]) == ("SIM00001", "ZYNO,MIVA,SIM00001,SIM-1.0")
    assert (found["firmware"], found["library"]) == ("SIM-1.0", {"name": "PUMPSIM-MG", "version": "001"})
    assert (found["calibration"], found["battery_v"]) == (4600, 4.5)
    assert found["sensors"] == {"up": 0, "down": 8, "system": 0, "motor_running": 0, "battery_voltage": 4.5}
    assert found["clock"].startswith("F")
    assert (found["mode"], found["unit"], found["running_before"], found["auto_bolus"]) == ("CONT", "ML/HR", False, "")
    assert found["taken"] is True
    assert found["protocol"] == {"rate": 10.0, "vtbi": 100.0, "time_s": 36_000}
    assert found["started"] is True
    assert found["polls"] is not None
    assert (found["rate"], found["vtbi"], found["motor_running"]) == (10.0, 100.0, 1)
    assert 0 < found["vinf"] <= found["total"] + 0.1
    assert found["life"]["volume"] == pytest.approx(truth["motor_ul"] / 1000, abs=3)
    assert (found["stopped"], found["running_after"]) == (True, False)
    assert (truth["starts"], truth["stops_received"], truth["commanded_flow_ul_h"]) == (1, 1, 0)
    assert truth["max_commanded_flow_ul_h"] == 10_000
    assert_log(found, truth["program_ul"] / 1000)


def assert_log(found: dict[str, Any], vinf_ml: float) -> None:
    """Its own reader finds the prescription and the life of the infusion in our event log."""
    log = found["log"]
    assert [entry.get("event_type") for entry in log] == [
        "POWER_ON", "INFUSION_DATA", None, "INFUSION_DATA", "RUN_INFUSION", "INFUSION_PAUSED",
    ]  # fmt: skip
    assert int(found["indices"]["head"], 16) == 20
    prescription = log[2]
    assert (prescription["infusion_mode"], prescription["rate_unit"], prescription["name"]) == (
        "continuous", "mL/hr", "Home SC",
    )  # fmt: skip
    assert (prescription["protocol"]["rate"], prescription["protocol"]["vtbi"]) == (10.0, 100.0)
    assert prescription["protocol"]["kvo_rate"] == 0.0
    assert prescription["protocol_index"] == 5
    assert log[0]["battery_status"] == "BATTERY_AC"
    assert log[-1]["vinf (mL)"] == pytest.approx(vinf_ml, abs=0.01)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"serialNumber": "SIM00002"}, "[LI] command error: 2"),
        ({"libraryNumber": 319}, "[LI] command error: 3"),
        ({"protocolIndex": "6"}, "[LC] command error: [4]"),
    ],
)
def test_the_makers_driver_is_told_why_a_prescription_is_refused(
    change: dict[str, Any], why: str, tmp_path: Path
) -> None:
    (tmp_path / "rx.json").write_text(json.dumps(RX | change), encoding="utf-8")
    sends = (
        "import sys; import pyZynoUnifiedDrivers.miva.module_miva as driver; driver._TIMEOUT = 0.12; "
        "driver.re_serial_port = r'(/dev/pts/\\d+)'; print('taken', driver.Miva(sys.argv[1]).send_rx('rx.json'))"
    )
    with serving(tmp_path, "--dialect", "miva") as served:
        command = [sys.executable, "-c", sends, str(served.link.resolve())]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=KILL_AFTER_S, check=False)
        assert served.state()["program_id"] == ""
    assert ended.stdout.splitlines()[-1] == "taken False", ended.stderr
    assert why in ended.stdout
