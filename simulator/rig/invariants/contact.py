"""I7 and I8: nothing that doses before the pump has said who it is and how it is; a new life begins with a question.

Refuses to know why a link was lost: a port that opens knows nobody.
"""

from __future__ import annotations

from simulator.instant import NS_PER_S
from simulator.rig.invariants import naive
from simulator.rig.invariants.naive import Said
from simulator.rig.invariants.talk import Talk
from simulator.rig.invariants.violation import Findings
from simulator.rig.world.seen import Happening, LifeBegan

FRESH_NS = 3 * NS_PER_S  # a link silent for longer is noted as lost (docs/mqtt.md: it is `up` for so long)


class Contact:
    """Looks at every frame before it is taken into account."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._spoke: set[str] = set()  # channels on which this life has said something
        self._lives = 0

    def note(self, happening: Happening) -> None:
        """A daemon comes up."""
        if isinstance(happening, LifeBegan):
            self._spoke.clear()
            self._lives += 1

    def look(self, said: Said, talk: Talk, now_ns: int) -> None:
        """A frame leaves."""
        if talk.channel not in self._spoke:
            self._spoke.add(talk.channel)
            if said.kind not in naive.READS and said.kind != naive.STOP:
                told = f"{talk.channel}: life {self._lives} begins with a frame of type {said.kind:02X}"
                self._findings.add("I8", now_ns, told)
        if said.kind in naive.DOSING and (missing := _missing(said, talk, now_ns)):
            self._findings.add("I7", now_ns, f"{talk.channel}: a dosing frame {missing}")


def _missing(said: Said, talk: Talk, now_ns: int) -> str:
    status = talk.status
    if talk.identified_ns is None:
        return "to a pump that has not identified itself"
    if status is None or talk.status_asked_ns < talk.identified_ns - NS_PER_S:
        return "before a status"
    if now_ns - talk.status_asked_ns > FRESH_NS:
        return "on a status older than 3 s"
    return "to a pump that holds another program" if status.program_id != said.body[:8] else ""
