"""Which lines of a log are one too many: the same event, level and channel again and again.

Refuses to read a clock and to write a line. In each window the first ALLOWED_LINES of a kind pass; how many were held
back is known when it is over. Which lines may never be held back is the caller's to say: it does not ask about them.
"""

from __future__ import annotations

from dataclasses import dataclass

WINDOW_NS = 60_000_000_000
ALLOWED_LINES = 20  # enough to see a rhythm; a port that flaps at its fastest is told for five seconds
KINDS = 256  # the words of the program are fewer; what is beyond shares one place


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes two lines the same. `channel` is empty where a line has none."""

    event: str
    level: str
    channel: str = ""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """So many lines of this kind were held back in its window."""

    kind: Kind
    count: int


@dataclass(slots=True)
class _Window:
    begun_ns: int
    passed: int = 0
    held: int = 0


OTHERS = Kind("other lines", "info")


class LogLimit:
    """Ask `ended` before each `passes`: a window that is over gives its count once and is forgotten."""

    def __init__(self) -> None:
        self._windows: dict[Kind, _Window] = {}  # in the order in which they began, so the first ends first

    def passes(self, kind: Kind, now_ns: int) -> bool:
        """Whether this line may be written."""
        if kind not in self._windows and len(self._windows) >= KINDS:
            kind = OTHERS
        window = self._windows.setdefault(kind, _Window(now_ns))
        if window.passed < ALLOWED_LINES:
            window.passed += 1
            return True
        window.held += 1
        return False

    def ended(self, now_ns: int | None) -> list[HeldBack]:
        """What was held back in windows that are over; with None in all of them, for the log is about to end."""
        over: list[HeldBack] = []
        while self._windows:
            kind, window = next(iter(self._windows.items()))
            if now_ns is not None and now_ns - window.begun_ns < WINDOW_NS:
                break
            del self._windows[kind]
            if window.held:
                over.append(HeldBack(kind, window.held))
        return over
