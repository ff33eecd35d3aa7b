"""The simulator of labmcp-new-era 0.1.2 on a pseudo-terminal: one line of JSON says where, then it answers until ended.

Refuses to judge. It speaks basic mode alone and frames nothing: lines are cut at CR, and ETX goes behind each reply.
"""

from __future__ import annotations

import json
import os
import sys
import tty

from labmcp_driver import without_a_server

READ_BYTES = 4_096


def serve(speed: float) -> None:
    from labmcp_new_era.simulator import NewEraSimulator

    simulator = NewEraSimulator(speed=speed)
    master, slave = os.openpty()
    tty.setraw(slave)
    sys.stdout.write(json.dumps({"port": os.ttyname(slave)}) + "\n")
    sys.stdout.flush()
    half = b""
    while True:
        *lines, half = (half + os.read(master, READ_BYTES)).split(b"\r")
        for line in lines:
            reply = simulator.handle(line.decode("ascii", "replace"))
            if isinstance(reply, str):
                os.write(master, reply.encode() + b"\x03")


if __name__ == "__main__":
    without_a_server()
    serve(float(sys.argv[1]))
