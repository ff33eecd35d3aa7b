"""What the kernel was asked for, in which order: the intent on the disk, the anchor on the disk, then the START.

Refuses to take the daemon's word for it: strace writes down the calls of an untouched `pumpctl run`, and this reads
them. A call counts from where it returned; START counts from where its write was entered (ADR 0004, H44).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from protocols.companion.codec import decode
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.companion.messages import Start
from tests.crash.pair import Pair
from tests.crash.persons import Course, setting, start

INTENT = b"dosing_intent"
CALLS = "trace=pwrite64,write,fdatasync,fsync"
SHOWN_BYTES = 24
ENDS_WITHIN_S = 20.0
_CALL = re.compile(r'^(\d+)\s+(\w+)\((\d+)<([^>]*)>(?:, "((?:\\x[0-9a-f]{2})*)"(?:\.\.\.)?)?(.*)$')
_RESUMED = re.compile(r"^(\d+)\s+<\.\.\. (\w+) resumed>.*= (-?\d+)")
_RETURNED = re.compile(r"= (-?\d+)")


Wanted: TypeAlias = "Callable[[Call], bool]"


class Unordered(Exception):
    """The START was written although something it relies on was not on the disk."""


@dataclass(frozen=True, slots=True)
class Call:
    """One system call. `entered` and `returned` are lines of the trace; `returned` is None when it never did well."""

    name: str
    path: str
    content: bytes
    entered: int
    returned: int | None

    def __str__(self) -> str:
        shown = f" {self.content[:SHOWN_BYTES].hex(' ')}" if self.content else ""
        path = Path(self.path).name if "pts" not in self.path else self.path
        return f"line {self.entered}: {self.name} {path}{shown}, returned at line {self.returned}"


def ordered(text: str) -> tuple[Call, Call, Call]:
    """The intent's sync, its anchor's sync and the START's write. Raises Unordered."""
    calls = list(_calls(text.splitlines()))
    start_call = _first(calls, lambda call: "/pts/" in call.path and _starts(call.content), "no START was written")
    told = "the START was written and no "
    before = [call for call in calls if call.returned is not None and call.returned < start_call.entered]
    intent = _first(
        before, lambda call: call.path.endswith("-wal") and INTENT in call.content, told + "intent before it"
    )
    wal = _first(before, lambda call: _syncs(call, "-wal", intent), told + "sync of the intent returned before it")
    head = _first(before, lambda call: _follows(call, ".anchor", wal) and bool(call.content), told + "anchor before it")
    anchor = _first(before, lambda call: _syncs(call, ".anchor", head), told + "sync of the anchor returned before it")
    return wal, anchor, start_call


def traced(folder: Path, doctored: str | None = None) -> str:
    """A daemon under strace until it infuses; what strace wrote. `doctored` names a lie of lying.py."""
    pair = Pair(setting(Course.HOME))
    out = folder / f"trace-{doctored or 'plain'}.txt"
    daemon = [Path(sys.executable).with_name("pumpctl"), "run", "--config", pair.settings]
    if doctored is not None:
        daemon = [sys.executable, "-m", "tests.crash.lying", doctored, pair.settings]
    command = ["strace", "-f", "-y", "-xx", "-s", "8192", "-e", CALLS, "-o", out, *daemon]
    with (folder / "trace.log").open("ab") as log, subprocess.Popen(command, stderr=log) as strace:
        try:
            pair.start_pump()
            pair.adopt_daemon()
            start(Course.HOME, pair)
        finally:
            _end(pair.state_dir)
            strace.wait(ENDS_WITHIN_S)
            pair.clean_up()
    return out.read_text()


def _end(state_dir: Path) -> None:
    """The daemon's own process and its guard's: strace ends with the last one that it traces."""
    for lock in ("daemon.lock", "guard.lock"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((state_dir / lock).read_text()), signal.SIGKILL)


def _calls(lines: Sequence[str]) -> Iterator[Call]:
    """A call that was interrupted by another thread's is finished by its `resumed` line."""
    open_calls: dict[str, tuple[str, str, bytes, int]] = {}
    for number, line in enumerate(lines, start=1):
        resumed = _RESUMED.match(line)
        if resumed is not None and resumed[1] in open_calls:
            name, path, content, entered = open_calls.pop(resumed[1])
            yield Call(name, path, content, entered, number if int(resumed[3]) >= 0 else None)
            continue
        match = _CALL.match(line)
        if match is None:
            continue
        thread, name, _, path, hexadecimal, rest = match.groups()
        path = bytes.fromhex(path.replace("\\x", "")).decode() if path.startswith("\\x") else path
        content = bytes.fromhex((hexadecimal or "").replace("\\x", ""))
        if "unfinished" in rest:
            open_calls[thread] = (name, path, content, number)
            continue
        returned = _RETURNED.search(rest)
        yield Call(name, path, content, number, number if returned and int(returned[1]) >= 0 else None)


def _first(calls: Sequence[Call], wanted: Wanted, otherwise: str) -> Call:
    found = next((call for call in sorted(calls, key=lambda call: call.entered) if wanted(call)), None)
    if found is None:
        raise Unordered(otherwise)
    return found


def _follows(call: Call, path: str, earlier: Call) -> bool:
    return call.path.endswith(path) and earlier.returned is not None and call.entered > earlier.returned


def _syncs(call: Call, path: str, earlier: Call) -> bool:
    return call.name in {"fdatasync", "fsync"} and _follows(call, path, earlier)


def _starts(content: bytes) -> bool:
    pieces = FrameDecoder().receive(content)
    return any(not isinstance(piece, Garbage) and isinstance(decode(piece).message, Start) for piece in pieces)
