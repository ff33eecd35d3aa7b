"""Damaged lines against one dialect: nothing may crash, nothing may dose, nothing may be believed that was not said.

Refuses to know processes and the screen. A chunk of lines with a seed is always the same one, and begins afresh.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from protocols.errors import RemoteProtocolError
from pumpctl.drivers import pump
from pumpctl.drivers.pump import Driver, Fact
from simulator.instant import SimNow
from tests.fuzz_frames.mutations import line
from tests.fuzz_frames.subject import ASKED, Claims, Fired, Subject

FRAMES_A_CHUNK = 1_000
MOST_IN_A_LINE = 4
LINES_A_PUMP = 50  # then another one: most lines leave it stopped or without its program


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must not happen. `line` is the damaged one, in hexadecimal digits."""

    kind: str
    chunk: int
    state: str
    detail: str
    line: str


@dataclass(slots=True)
class Tally:
    """`whole`: frames that both decoders found; `facts`: what the drivers made of them, by kind."""

    frames: int = 0
    whole: int = 0
    facts: Counter[str] = field(default_factory=Counter[str])
    findings: list[Finding] = field(default_factory=list[Finding])

    def add(self, other: Tally) -> None:
        self.frames += other.frames
        self.whole += other.whole
        self.facts += other.facts
        self.findings += other.findings


def run(subject: Subject, seed: int, chunks: range) -> Tally:
    """Chunk after chunk, each from its own seed."""
    tally = Tally()
    for chunk in chunks:
        _Chunk(subject, tally, chunk).run(Random(f"{seed}:{subject.name}:{chunk}"))
    return tally


class _Chunk:
    """Drivers are kept while they heard nothing but noise, pumps for some lines."""

    def __init__(self, subject: Subject, tally: Tally, number: int) -> None:
        self._subject, self._tally, self._number = subject, tally, number
        self._drivers: dict[str, Driver] = {}
        self._pumps: dict[str, Fired] = {}
        self._states = sorted(subject.drivers)
        self._pump_states = sorted(subject.pumps)

    def run(self, source: Random) -> None:
        left, lines = FRAMES_A_CHUNK, 0
        while left > 0:
            frames = min(left, source.randint(1, MOST_IN_A_LINE))
            left, lines = left - frames, lines + 1
            self._tally.frames += frames
            self._fire(source, line(source, self._subject, frames))
            if lines % LINES_A_PUMP == 0:
                self._pumps.clear()

    def _fire(self, source: Random, damaged: bytes) -> None:
        self._guarded("codec", damaged, lambda: self._codec(damaged))
        if self._states:
            state = source.choice(self._states)
            self._guarded(state, damaged, lambda: self._driver(state, damaged))
        if self._pump_states:
            at_pump = source.choice(self._pump_states)
            self._guarded(at_pump, damaged, lambda: self._pump(at_pump, damaged))

    def _guarded(self, state: str, damaged: bytes, judge: Callable[[], tuple[str, str] | None]) -> None:
        try:
            found = judge()
        except Exception as error:  # whatever it is, it would have ended the daemon
            found = "crash", repr(error)
            self._drivers.pop(state, None)
            self._pumps.pop(state, None)
        if found is not None:
            self._tally.findings.append(Finding(found[0], self._number, state, found[1], damaged.hex()))

    def _codec(self, damaged: bytes) -> tuple[str, str] | None:
        """Two decoders agree, whole and byte by byte; the messages are read or blamed on the peer."""
        subject = self._subject
        whole = subject.whole(damaged + subject.end)
        self._tally.whole += len(whole)
        again = subject.whole_again(damaged + subject.end)
        if whole != again:
            return "disagreement", f"{whole!r} is {again!r} to the second reading"
        for frame in whole:
            try:
                subject.read(frame)
            except RemoteProtocolError:
                self._tally.facts["blamed"] += 1
        return None

    def _driver(self, state: str, damaged: bytes) -> tuple[str, str] | None:
        subject = self._subject
        driver = self._drivers.get(state) or subject.drivers[state]()
        self._drivers[state] = driver
        busy = driver.busy
        facts = driver.receive(damaged) + driver.receive(subject.end)
        written = driver.outgoing(ASKED)
        self._tally.facts.update(type(fact).__name__ for fact in facts)
        heard_more = any(not isinstance(fact, pump.LineNoise) for fact in facts)
        if not subject.end or written or driver.busy != busy or heard_more:
            del self._drivers[state]
        if subject.doses(state, written):
            return "dosing", written.hex()
        claims = subject.says(damaged + subject.end)
        return next(
            (("unfounded", repr(fact)) for fact in facts if not _is_founded(fact, claims, subject.serial)), None
        )

    def _pump(self, state: str, damaged: bytes) -> tuple[str, str] | None:
        subject = self._subject
        if subject.may_dose(damaged + subject.end):
            self._tally.facts["true requests for flow"] += 1
            return None
        fired = self._pumps.get(state) or subject.pumps[state]()
        before = _dosed(fired)
        now = SimNow(fired.now.link_ns + subject.gap_ns, fired.now.therapy_ns + subject.gap_ns)
        fired.pump.receive(damaged, now)
        fired.pump.receive(subject.end, now)
        self._pumps[state] = fired = Fired(fired.pump, now)
        after = _dosed(fired)
        return None if after == before else ("dosing", f"{before} before, {after} after")


def _dosed(fired: Fired) -> tuple[int, int, int]:
    """Starts, resumes, the fastest that it was ever told to run."""
    tally = fired.pump._tally
    return tally.starts, tally.resumes, tally.max_commanded_flow_ul_h


def _is_founded(fact: Fact, claims: Claims, serial: str) -> bool:
    """Whether the line truly says it."""
    match fact:
        case pump.LineNoise() | pump.Unanswered():
            return True
        case pump.StopTaken():
            return claims.stopped
        case pump.Identified():
            return claims.frames > 0 and (fact.serial != serial or serial in claims.serials)
        case pump.ConfirmationRead():
            return claims.frames > 0 and (fact.token is None or fact.token in claims.tokens)
        case _:
            return claims.frames > 0
