"""I6: whatever asks for a stop, STOP is on the wire within its budget, and nothing doses until people have cleared it.

Refuses to ask the daemon whether it has latched: a person asked, the pump said so within the daemon's hearing, or the
journal has it. What people have cleared is cleared when they are told so. A clearing that was recorded and never
answered, or answered with a failure of the disk (H70: nobody can say what a failed sync has left), counts from the
next life on if its record is still there, for people did ask for it. What came after it is not cleared by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pumpctl.configuration import JournalCondition, JournalContent
from pumpctl.effects import Record, Reply
from simulator.instant import NS_PER_MS
from simulator.rig.invariants import naive
from simulator.rig.invariants.naive import Said
from simulator.rig.invariants.talk import BELIEVED_NS, Talk
from simulator.rig.invariants.violation import Findings
from simulator.rig.mishaps import Mishap
from simulator.rig.world.seen import Asked, Happened, Happening, LifeBegan, LifeEnded

BUDGET_NS = 20 * NS_PER_MS  # verification.md T1
REPEAT_NS = 250 * NS_PER_MS  # H56: a pursuit that is on has its own pace
# Doubts about the dose and the journal need a second person (project).
TWO_PERSONS = frozenset({"over_delivery", "over_infusion", "runaway", "counters_disagree", "foreign_program",
                         "external_change", "dose_rate_above_hard_limit", "journal_damaged", "read_back_differs",
                         "flow_while_stopped"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Due:
    """A STOP that must be on the wire by then."""

    by_ns: int
    cause: str


@dataclass(frozen=True, slots=True)
class Clearing:
    """One that was handed to the disk, and what was latched then and has not come again since."""

    record: Record
    channel: str
    causes: set[str]


class Stops:
    """One for all channels."""

    def __init__(self, findings: Findings, talks: dict[str, Talk]) -> None:
        self._findings = findings
        self._talks = talks
        self._due: dict[str, Due] = {}
        self._latched: dict[str, set[str]] = {channel: set() for channel in talks}
        self._clears: dict[int, Asked] = {}
        self._clearings: list[Clearing] = []  # of this life; each is an answer to a person

    def note(self, happening: Happening, now_ns: int) -> None:
        """What people ask for, and what the journal is given."""
        match happening:
            case Asked(_, "stop", params):
                for channel in self._named(params.get("channel")):
                    self._caused(channel, "a person asked", now_ns, latches=self._talks[channel].running is not None)
            case Asked(number, "clear"):
                self._clears[number] = happening
            case Reply(number):
                asked = self._clears.pop(number, None)
                if asked is not None:
                    channel = str(happening.result["channel"])
                    self._cleared(channel, set(self._latched[channel]), asked.params.get("persons") or ["one"], now_ns)
            case Record(kind="cleared"):
                channel = str(happening.body["channel"])
                self._clearings.append(Clearing(happening, channel, set(self._latched[channel])))
            case Record(kind="stop_requested"):
                body = happening.body
                for reason in body["reasons"]:
                    self._caused(str(body["channel"]), str(reason["code"]), now_ns, latches=bool(body["latches"]))
            case Happened(Mishap.HOST_SLEEP | Mishap.VM_PAUSE, _, False):
                for talk in self._talks.values():  # its pace begins anew
                    talk.stop_ns = None if talk.stop_ns is None else now_ns
            case LifeEnded():
                self._due.clear()
            case LifeBegan(past):
                self._began(past, now_ns)
            case _:
                return

    def heard(self, said: Said, talk: Talk, now_ns: int) -> None:
        """The pump's word, before it is taken into account: an alarm, or another power-on, in mid-program."""
        if talk.running is None or not talk.is_known:
            return
        notice = naive.notice_said(said.body) if said.kind == naive.NOTICE else None
        if notice is not None and notice[1] & ~naive.NOT_STOPPING:
            self._caused(talk.channel, "the pump alarmed", now_ns, latches=True)
        if said.kind == naive.STATUS and (status := naive.status_said(said.body)) is not None:
            if now_ns - talk.asked_ns > BELIEVED_NS:
                return
            if status.alarms & ~naive.NOT_STOPPING:
                self._caused(talk.channel, "the pump alarms", now_ns, latches=True)
            if talk.started_boot is not None and status.boot_count != talk.started_boot:
                self._caused(talk.channel, "the pump was switched off and on", now_ns, latches=True)

    def wrote(self, said: Said, talk: Talk, now_ns: int) -> None:
        """A frame leaves."""
        if said.kind == naive.STOP:
            self._due.pop(talk.channel, None)
        if said.kind in naive.DOSING:
            if self._latched[talk.channel]:
                told = f"{talk.channel}: a dosing frame, and nobody cleared {sorted(self._latched[talk.channel])}"
                self._findings.add("I6", now_ns, told)
            if talk.channel in self._due:
                self._findings.add("I6", now_ns, f"{talk.channel}: a dosing frame after a cause to stop")

    def tick(self, now_ns: int) -> None:
        """Time has passed."""
        for channel, due in list(self._due.items()):
            if now_ns > due.by_ns:
                del self._due[channel]
                if self._talks[channel].is_known:
                    self._findings.add("I6", now_ns, f"{channel}: no STOP within 20 ms ({due.cause})")

        for talk in self._talks.values():
            if talk.running is None or talk.stop_ns is None or talk.stop_answered or not talk.is_known:
                continue
            if now_ns - talk.stop_ns > REPEAT_NS + BUDGET_NS:
                self._findings.add("I6", now_ns, f"{talk.channel}: STOP is not repeated though nothing answers it")
                talk.stop_ns = now_ns

    def closed(self, channel: str) -> None:
        """Nothing can be written there any more."""
        self._due.pop(channel, None)

    def _named(self, channel: object) -> list[str]:
        return list(self._talks) if channel is None else [str(channel)] if channel in self._talks else []

    def _caused(self, channel: str, cause: str, now_ns: int, *, latches: bool) -> None:
        talk = self._talks[channel]
        if latches:
            self._latched[channel].add(cause)
            for clearing in self._clearings:
                clearing.causes.discard(cause)
        # Written in this very event, or under way at its own pace: see tick().
        under_way = talk.stop_ns is not None and (talk.running is not None or talk.stop_ns == now_ns)
        if talk.is_known and not under_way and channel not in self._due:
            self._due[channel] = Due(now_ns + BUDGET_NS, cause)

    def _began(self, past: JournalContent, now_ns: int) -> None:
        if past.condition is JournalCondition.SOUND and not past.records:
            for causes in self._latched.values():  # people have put a new journal there
                causes.clear()
        kept = {each.seq: each.kind for each in past.records}
        clearings, self._clearings = self._clearings, []
        for each in clearings:
            if kept.get(each.record.seq) == each.record.kind:
                self._cleared(
                    each.channel, each.causes & self._latched[each.channel], each.record.body["persons"], now_ns
                )

    def _cleared(self, channel: str, causes: set[str], persons: Sequence[object], now_ns: int) -> None:
        doubts = causes & TWO_PERSONS
        if doubts and len({" ".join(str(each).split()).casefold() for each in persons}) < 2:
            self._findings.add("I6", now_ns, f"{channel}: one person cleared {sorted(doubts)}")
        self._latched[channel] -= causes
