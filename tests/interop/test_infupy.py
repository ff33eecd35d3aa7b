"""infupy 2022.1.11 against our simulated Alaris pump, over a real pseudo-terminal: code, keep-alive, rate, start, stop.

Refuses to help it: it runs in a process of its own, with a kill timer, and says what it found.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.alaris.codec import security_code
from tests.simulator.served import serving

PEER = Path(__file__).parent / "peers" / "infupy_alaris.py"
KILL_AFTER_S = 100.0
DONE = "Alaris Reply: Value=b'', Error=False"


@pytest.mark.timeout(180)
def test_a_third_party_host_runs_our_pump(tmp_path: Path) -> None:
    with serving(tmp_path, "--dialect", "alaris", "--serial", "SIM-0007") as served:
        command = [sys.executable, str(PEER), str(served.link.resolve())]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=KILL_AFTER_S, check=False)
        assert ended.returncode == 0, ended.stderr
        truth = served.state()
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["code"] == security_code("SIM-0007")
    assert found["enabled"] == found["configured"] == found["enabled_again"] == "ENABLED **** PERMIT 0 ms"
    assert (found["rate_before"], found["rate_set"], found["rate"]) == ("0.00 ml/h", "3.50 ml/h", "3.50 ml/h")
    assert found["started"] == DONE
    assert found["status"].startswith("SIM-0007 - SET 3.50 ml/h ")
    assert found["kept_alive"] == "AL_NOALM    "  # two fields of one space each
    assert 0.004 <= float(found["volume"].removesuffix(" ml")) < 0.1
    assert found["after_silence"] == "AL_COMTO    "
    assert found["stopped"] == DONE
    assert found["status_after"].startswith("SIM-0007 A HLD 0.00 ml/h ")
    assert (truth["starts"], truth["commanded_flow_ul_h"], truth["max_commanded_flow_ul_h"]) == (1, 0, 3_500)
    # Invented, so that it is said what our pump does where nobody knows what a real one says.
    assert (found["refused"], found["wrong_code"]) == ("ERROR REMOTE", "ERROR CODE")
    assert "ERROR REMOTE" in found["stop_refused"]
