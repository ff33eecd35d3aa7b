"""I10: every refusal and every stop has a reason, where people and auditors look for it, and the journal holds.

Refuses to weigh the reasons. A journal that stops writing without a disk that fails is a finding, too: a record that
cannot be written, or is out of order, ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pumpctl.effects import Record, Refuse, WritePump
from pumpctl.events import RecordFailed
from simulator.rig.invariants.violation import Findings
from simulator.rig.mishaps import Mishap
from simulator.rig.world.seen import Happened, Happening, LifeBegan

OF_THE_DISK = frozenset({Mishap.DISK_FULL, Mishap.SYNC_FAILS, Mishap.SLOW_SYNC})
DAMAGES = frozenset({Mishap.TORN_WRITE, Mishap.STALE_COPY})


class Audit:
    """Looks at what is recorded and answered."""

    def __init__(self, findings: Findings, channels: list[str]) -> None:
        self._findings = findings
        self._explained: dict[str, bool] = dict.fromkeys(channels, False)  # a stop of this channel has its reasons
        self._stopped: set[str] = set()
        self._mishaps: set[Mishap] = set()
        self._seq = 0

    def note(self, happening: Happening, now_ns: int) -> None:
        """One thing that happened."""
        match happening:
            case Refuse(_, _, reasons):
                if not reasons or not all(reason.code and reason.message for reason in reasons):
                    self._findings.add("I10", now_ns, "a refusal without a reason")
            case Record():
                self._record(happening, now_ns)
            case WritePump(channel, _, True):
                self._stopped.add(channel)
            case Happened(Mishap() as mishap, _, True):
                self._mishaps.add(mishap)
            case RecordFailed(reason):
                if not self._mishaps & OF_THE_DISK:
                    self._findings.add("I10", now_ns, f"the journal failed on a sound disk: {reason}")
            case LifeBegan(past):
                self._seq = past.records[-1].seq if past.records else 0
                self._explained = dict.fromkeys(self._explained, False)
                if past.reason and not self._mishaps & DAMAGES:
                    self._findings.add("I10", now_ns, f"the journal does not verify: {past.reason}")
            case _:
                return

    def tick(self, now_ns: int) -> None:
        """The event is over: what stopped a pump in it has been recorded, or never will be."""
        for channel in self._stopped:
            if not self._explained[channel]:
                self._findings.add("I10", now_ns, f"{channel}: a STOP that no record explains")
        self._stopped.clear()

    def _record(self, record: Record, now_ns: int) -> None:
        if record.seq <= self._seq:
            self._findings.add("I10", now_ns, f"record {record.seq} is not above {self._seq}")
        self._seq = record.seq
        body: Mapping[str, Any] = record.body
        if record.kind == "stop_requested":
            self._explained[str(body["channel"])] = bool(body["reasons"])
        not_sent = record.kind == "dosing_outcome" and body["outcome"] == "not_sent"
        if (not_sent or record.kind in {"stop_requested", "start_refused"}) and not body["reasons"]:
            self._findings.add("I10", now_ns, f"{record.kind} without a reason")
