"""`make broker-outages`: the broker is killed twenty times during an infusion; no event may be lost or out of order.

Refuses to end well when a message was not as the contract has it, or when the pump was stopped by it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.conftest import Broker
from tests.outages.rehearsal import rehearse


def main() -> int:
    parser = argparse.ArgumentParser(prog="make broker-outages OUTAGES_ARGS=...")
    parser.add_argument("--outages", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    executable = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if executable is None:
        sys.stderr.write("broker-outages: install the package mosquitto\n")
        return 2
    print(f"seed {asked.seed}; about {5 * asked.outages} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="outages-") as folder:
        broker = Broker(Path(folder), executable)
        broker.start()
        try:
            account = rehearse(Path(folder), broker, asked.outages, asked.seed)
        finally:
            broker.stop()
    for complaint in (*account.differences, *account.faults):
        print(f"NOT as promised: {complaint}")
    told = f"{account.told} events heard, {account.told - account.records} of them once more"
    print(f"{account.outages} times killed; {account.records} records, {told}; {len(account.differences)} differences")
    print(f"back online within {account.longest_back_s:.1f} s")
    print(f"state before the end: {account.state_at_the_end}; stops before the end: {account.stops_before_the_end}")
    return 0 if account.sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
