"""A daemon whose controller is a script: `python scripted_daemon.py SETTINGS`.

Everything but the controller is the real thing. On a link it arms the guard and says hello; each request does what
its method says.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from pumpctl import daemon
from pumpctl.configuration import JournalContent
from pumpctl.core.instant import NS_PER_S, Now
from pumpctl.core.reason import Priority
from pumpctl.effects import Annunciate, ArmGuard, Effect, Publish, Record, Reply, WritePump
from pumpctl.events import Event, GuardChanged, GuardFired, LinkDown, LinkUp, OperatorRequest, PumpBytes, Recorded

STOP, STOPPED = b"\x03STOP\x00", b"\x05STOPPED\x00"


class Script:
    """The controller's surface."""

    def __init__(self, past: JournalContent) -> None:
        self._past = past
        self._seq = past.records[-1].seq if past.records else 0
        self._owed: dict[int, int] = {}
        self._seen: list[str] = []
        self._deadline_ns: int | None = None

    def start(self, now: Now) -> tuple[Effect, ...]:
        self._deadline_ns = now.link_ns + NS_PER_S // 10
        return ()

    def next_deadline_ns(self) -> int | None:
        return self._deadline_ns

    def noise(self) -> Mapping[str, Mapping[str, int]]:
        return {}

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        self._deadline_ns = now.link_ns + NS_PER_S // 10
        match event:
            case LinkUp(channel):
                self._seen.append(f"up {channel}")
                return WritePump(channel, b"HELLO\x00"), ArmGuard(channel, STOP, STOPPED, lease=False, proven=True)
            case LinkDown(channel):
                self._seen.append(f"down {channel}")
            case GuardFired(channels):
                self._seen.append(f"guard fired {channels}")
                return (self._record(now),)
            case GuardChanged(alive):
                self._seen.append(f"guard {alive}")
            case PumpBytes(channel, received):
                return (WritePump(channel, b"echo " + received),)
            case Recorded(seq):
                return tuple(Reply(self._owed.pop(each), {"durable": each}) for each in [*self._owed] if each <= seq)
            case OperatorRequest():
                return self._requested(event, now)
            case _:
                return ()
        return ()

    def _requested(self, request: OperatorRequest, now: Now) -> tuple[Effect, ...]:
        match request.method:
            case "record":
                record = self._record(now)
                self._owed[record.seq] = request.request_id
                return (record,)
            case "stop":
                return WritePump("a", STOP, is_stop=True), Reply(request.request_id, {"stopped": ["a"]})
            case "alarm":
                ring = Annunciate("a", "air", Priority.HIGH, active=True, message="air in the line")
                return ring, Publish("a", "alarm/air", {"priority": "high"}), Reply(request.request_id, {})
            case "publish":
                told = Publish("a", "state", {"channel": "a", "seq": self._seq, "state": "idle"})
                return told, Reply(request.request_id, {})
            case "crash":
                raise ArithmeticError("the script says so")
            case "seen":
                past = {"condition": self._past.condition.value, "reason": self._past.reason}
                told = {"seen": self._seen, "past": past, "actor": request.actor, "utc_ms": now.utc_ms}
                return (Reply(request.request_id, told),)
            case _:
                return ()

    def _record(self, now: Now) -> Record:
        self._seq += 1
        return Record(self._seq, "scripted", {"number": self._seq}, now.utc_ms)


if __name__ == "__main__":
    daemon.controller_for = lambda _settings, _library, past: Script(past)
    try:
        sys.exit(daemon.run(Path(sys.argv[1])))
    except daemon.Unusable as error:
        sys.exit(f"{error} [{error.exit_code}]")
