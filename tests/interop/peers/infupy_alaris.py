"""A third-party host at a line: infupy 2022.1.11, run in a process of its own by test_infupy.py.

Refuses to know our product. Its argument is the path of a pseudo-terminal; the last line it prints is what it found, as
JSON. infupy matches no replies to requests, so while its keep-alive thread speaks nothing else is asked here. One thing
of it is changed, none of its protocol: it waits half a second for a reply, which a shared machine does not always keep.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable

from infupy.backends.alaris import AlarisComm, AlarisSyringe, Command, Looper

PATIENCE = 10  # times its own half second
KEPT_ALIVE_S = 6.0  # longer than the 4 s after which the pump gives a silent host up
SILENT_S = 5.0


def said(syringe: AlarisSyringe, name: bytes, *fields: bytes) -> str:
    """The fields of the reply, as infupy hands them over: joined by spaces."""
    reply = syringe.execRawCommand(b"^".join((name, *fields)))
    return "no reply" if reply.error else reply.value.decode()


def quiet(syringe: AlarisSyringe) -> None:
    """End the keep-alive: its last word is that remote control is disabled."""
    syringe.stopKeepAlive()
    for thread in threading.enumerate():
        if isinstance(thread, Looper):
            thread.join()


_Timer = threading.Timer


def patient_timer(interval: float, function: Callable[[], None]) -> threading.Timer:
    return _Timer(PATIENCE * interval, function)


threading.Timer = patient_timer


def main(path: str) -> dict[str, str]:
    comm = AlarisComm(path)
    host = AlarisSyringe(comm)
    quiet(host)
    code = host.securitycode
    found = {
        "code": code.decode(),
        "refused": said(host, b"INF_START"),
        "wrong_code": said(host, b"REMOTE_CTRL", b"ENABLED", b"0000"),
        "enabled": said(host, b"REMOTE_CTRL", b"ENABLED", code),
        "configured": said(host, b"REMOTE_CFG", b"ENABLED", code),
        "rate_before": host.readRate().decode(),
        "rate_set": host.setRate(3.5).decode(),
        "rate": host.readRate().decode(),
        "started": str(host.execCommand(Command.infstart)),
        "status": said(host, b"INF"),
    }
    keeper = AlarisSyringe(comm)
    time.sleep(KEPT_ALIVE_S)
    quiet(keeper)
    found["kept_alive"] = said(host, b"ALARM")
    found["volume"] = host.readVolume().decode()
    found["enabled_again"] = said(host, b"REMOTE_CTRL", b"ENABLED", code)
    time.sleep(SILENT_S)
    found["after_silence"] = said(host, b"ALARM")
    found["stop_refused"] = str(host.execCommand(Command.infstop))
    found["enabled_to_stop"] = said(host, b"REMOTE_CTRL", b"ENABLED", code)
    found["stopped"] = str(host.execCommand(Command.infstop))
    found["status_after"] = said(host, b"INF")
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
