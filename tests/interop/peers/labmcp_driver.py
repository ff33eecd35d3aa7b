"""The driver of labmcp-new-era 0.1.2 at a New Era pump in basic mode, what it found as one line of JSON.

Refuses to judge. Its package wants a server framework of fifty packages at import, of which driver and simulator use
nothing: two empty modules stand in for it.
"""

from __future__ import annotations

import json
import sys
import time
import types
from typing import Any


def without_a_server() -> None:
    """What labmcp imports of fastmcp and mcp, and never calls here."""
    for name, members in {
        "fastmcp": ("FastMCP",),
        "fastmcp.exceptions": ("ToolError",),
        "mcp": (),
        "mcp.types": ("ToolAnnotations",),
    }.items():
        module = types.ModuleType(name)
        for member in members:
            setattr(module, member, dict if member == "ToolAnnotations" else type(member, (Exception,), {}))
        sys.modules[name] = module


def session(device: str) -> dict[str, Any]:
    from labmcp.transports.serial import SerialTransport
    from labmcp_new_era.driver import NewEraPump

    line = SerialTransport(device, baudrate=19_200, read_termination="\x03", write_termination="\r", timeout=2)
    pump = NewEraPump(line)
    found: dict[str, Any] = {"identity": pump.identify(), "reset_seen": pump.reset_alarm_seen}
    found["diameter"] = pump.set_diameter(26.59)
    plan = pump.start_pumping("INF", 2.0, 1.0)
    found["plan"] = [plan.rate_text, plan.volume_text]
    found["running"] = pump.status().state
    for _ in range(600):  # half a minute at most
        if pump.status().state == "stopped":
            break
        time.sleep(0.05)
    found |= {"ended": pump.status().state, "dispensed": pump.dispensed(), "rate": pump.rate(), "volume": pump.volume()}
    pump.start_pumping("INF", 2.0, 0.5)
    found["stopped"] = pump.stop().state
    pump.close()
    return found


if __name__ == "__main__":
    without_a_server()
    sys.stdout.write(json.dumps(session(sys.argv[1])) + "\n")
