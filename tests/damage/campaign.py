"""One damaged journal, opened as the daemon opens it and as `pumpctl journal verify` does, and judged.

Refuses to look away: anything but "reported damaged" or "the very same records" is wrong, an exception included. A
journal reported damaged must leave no dose allowed: the controller that is given it refuses every start.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pumpctl.configuration import ControllerConfiguration, JournalCondition, JournalContent, Mode, PastRecord
from pumpctl.controller import Controller
from pumpctl.core.exposure import D7_MS, H24_MS
from pumpctl.core.instant import Now
from pumpctl.shell.chain import read_past
from pumpctl.shell.journal import LOCK_FILE, Journal
from pumpctl.shell.unusable import Unusable
from tests.controller.desk import LIBRARY, ONE_CHANNEL
from tests.controller.orders import PATIENT
from tests.core.held import held
from tests.damage.material import Material

MAX_KEPT_WRONG = 20
# Far above what any window may hold: the less of it is used, the more would be allowed.
PLENTY_UG = 10**12
NO_DOSE = (0, 0)


@dataclass(frozen=True, slots=True)
class Case:
    """`mask` is what the byte at `at` is xor-ed with; 0: the file ends there instead."""

    state: int
    file: str
    at: int
    mask: int

    def __str__(self) -> str:
        done = f"byte {self.at} xor 0x{self.mask:02x}" if self.mask else f"cut to {self.at} bytes"
        return f"{self.file}: {done}"


@dataclass(slots=True)
class Tally:
    """What became of the cases. `by_file` counts (state, file, reported or harmless)."""

    flips: int = 0
    truncations: int = 0
    reported: int = 0
    harmless: int = 0
    wrong: list[str] = field(default_factory=list[str])
    wrong_count: int = 0
    by_file: Counter[str] = field(default_factory=Counter[str])

    @property
    def cases(self) -> int:
        return self.flips + self.truncations

    def add(self, other: Tally) -> None:
        self.flips += other.flips
        self.truncations += other.truncations
        self.reported += other.reported
        self.harmless += other.harmless
        self.wrong = (self.wrong + other.wrong)[:MAX_KEPT_WRONG]
        self.wrong_count += other.wrong_count
        self.by_file.update(other.by_file)


def every_case(materials: tuple[Material, ...], seed: int) -> Iterator[Case]:
    """Each byte of each file with one of its eight bits flipped, which one by the seed; each shorter length."""
    chance = random.Random(seed)
    for state, material in enumerate(materials):
        for name, content in material.files.items():
            for at in range(len(content)):
                yield Case(state, name, at, 1 << chance.randrange(8))
            for length in range(len(content)):
                yield Case(state, name, length, 0)


def judge(materials: tuple[Material, ...], cases: Iterable[Case], folder: Path) -> Tally:
    """Damage, open, judge, one case after the other, in a directory of this process's own."""
    tally, bench = Tally(), _Bench(materials, folder)
    for case in cases:
        state = materials[case.state].state
        tally.flips += case.mask != 0
        tally.truncations += case.mask == 0
        try:
            reported = bench.judged(case)
        except Exception as error:  # whatever escapes is a daemon that does not come up
            tally.wrong_count += 1
            if len(tally.wrong) < MAX_KEPT_WRONG:
                tally.wrong.append(f"{state} {case}: {type(error).__name__}: {error}")
            continue
        tally.reported += reported
        tally.harmless += not reported
        tally.by_file[f"{state} {case.file} {'reported' if reported else 'harmless'}"] += 1
    return tally


class Wrong(Exception):
    """A journal that was taken for sound and is not what was written, or a dose that damage allowed."""


@dataclass(slots=True)
class _Bench:
    materials: tuple[Material, ...]
    folder: Path
    _allowed: dict[tuple[int, int], None] = field(default_factory=dict[tuple[int, int], None])

    def judged(self, case: Case) -> bool:
        """Whether it was reported. Raises Wrong."""
        material = self.materials[case.state]
        files = _damaged(material, case)
        self._lay_out(files)
        verified = read_past(self.folder).content
        self._lay_out(files)
        opened = _opened(self.folder)
        for by, content in (("verify", verified), ("the daemon", opened)):
            if content.condition is JournalCondition.SOUND and content.records != material.records:
                raise Wrong(f"{by} says sound of {len(content.records)} records, not the {len(material.records)}")
        if verified.condition is not opened.condition:
            raise Wrong(f"verify says {verified.condition.value}, the daemon {opened.condition.value}")
        self._demand_nothing_gained(material, opened)
        return opened.condition is JournalCondition.DAMAGED

    def _lay_out(self, files: dict[str, bytes]) -> None:
        for left in self.folder.iterdir():
            if left.name != LOCK_FILE:
                left.unlink()
        for name, content in files.items():
            (self.folder / name).write_bytes(content)

    def _demand_nothing_gained(self, material: Material, opened: JournalContent) -> None:
        """Decisions are a function of what was read, so what was read before in this very form is not judged again."""
        beginning = opened.records == material.records[: len(opened.records)]
        known = (len(opened.records), opened.condition is JournalCondition.SOUND)
        if beginning and known in self._allowed:
            return
        before = allowed_ug(JournalContent(JournalCondition.SOUND, "", material.records), material.records)
        after = allowed_ug(opened, material.records)
        if any(now > then for now, then in zip(after, before, strict=True)):
            raise Wrong(f"{after} ug were allowed, {before} ug before the damage")
        if beginning:
            self._allowed[known] = None


def allowed_ug(past: JournalContent, lived: tuple[PastRecord, ...]) -> tuple[int, int]:
    """What a controller with this past would still take for allowed, of a plenty, in 24 h and in 7 days."""
    controller = Controller(ControllerConfiguration(Mode.RIG, 1, ONE_CHANNEL), LIBRARY, past)
    utc_ms = lived[-1].utc_ms + 1_000
    controller.start(Now(10**12, 10**12, utc_ms))
    if not controller.ward.journal_sound:
        return NO_DOSE
    used = [held(controller.ward.ledger, PATIENT, window, utc_ms).ceiling() for window in (H24_MS, D7_MS)]
    return PLENTY_UG - used[0], PLENTY_UG - used[1]


def _damaged(material: Material, case: Case) -> dict[str, bytes]:
    content = material.files[case.file]
    if case.mask:
        flipped = bytearray(content)
        flipped[case.at] ^= case.mask
        return {**material.files, case.file: bytes(flipped)}
    return {**material.files, case.file: content[: case.at]}


def _opened(folder: Path) -> JournalContent:
    """As pumpctl/daemon.py does it, and closed again."""
    try:
        journal, content = Journal.open(folder)
    except Unusable as refusal:
        return JournalContent(JournalCondition.DAMAGED, str(refusal), ())
    journal.close()
    return content
