"""What a watcher may show of each pump at this instant: its state while that is fresh, else that nothing is known.

Refuses to read a clock or a port: `now_ns` is the watcher's own. A state that nobody has repeated for three periods is
no state any more (H66): its figures become unknown, and only its alarms stay, as the last that were heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from protocols.status_line.framing import Piece, State

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
PERIOD_NS = NS_PER_S  # each state is told at least this often
SILENT_NS = 3 * PERIOD_NS
PUMPS = 256  # no daemon has more channels: beyond, a line is not believed to be one of ours
LONGEST_WORD = 64


@dataclass(frozen=True, slots=True)
class _Heard:
    state: Mapping[str, Any]
    since_ns: int


class StatusBoard:
    """The newest state of each pump and since when it was known."""

    def __init__(self, now_ns: int) -> None:
        self.strange_lines = 0  # whole lines that are no state of a pump
        self._heard_ns = now_ns
        self._pumps: dict[str, _Heard] = {}

    def hear(self, pieces: Iterable[Piece], since_ns: int) -> list[Mapping[str, Any]]:
        """Take what came; the states among it."""
        states = [piece.payload for piece in pieces if isinstance(piece, State)]
        taken = [state for state in states if self._take(state, since_ns)]
        self.strange_lines += len(states) - len(taken)
        return taken

    def silent_ns(self, now_ns: int) -> int:
        """How long nothing has been heard of any pump."""
        return now_ns - self._heard_ns

    def rows(self, now_ns: int, told_s: Callable[[int], int] = int) -> list[Mapping[str, Any]]:
        """Each pump as it may be shown now, in the form of a state, with `age_ms`. `told_s` rounds a silence."""
        return [_row(heard.state, now_ns - heard.since_ns, told_s) for _, heard in sorted(self._pumps.items())]

    def _take(self, state: Mapping[str, Any], since_ns: int) -> bool:
        if not _drawable(state):
            return False
        name: str = state["channel"]
        if name not in self._pumps and len(self._pumps) >= PUMPS:
            return False
        self._pumps[name] = _Heard(state, since_ns)
        self._heard_ns = since_ns
        return True


def _row(state: Mapping[str, Any], since_ns: int, told_s: Callable[[int], int]) -> Mapping[str, Any]:
    if since_ns < SILENT_NS:
        told_ms = state.get("status_age_ms")
        return {**state, "age_ms": None if told_ms is None else told_ms + since_ns // NS_PER_MS}
    told = f"no data for {told_s(since_ns // NS_PER_S)} s, last {state['state']}"
    alarms = [{**alarm, "priority": f"{alarm['priority']}, last heard"} for alarm in state.get("alarms", [])]
    return {"channel": state["channel"], "state": told, "link": "unknown", "alarms": alarms, "age_ms": None}


def _drawable(state: Mapping[str, Any]) -> bool:
    """What a drawing reads is of the kind that it takes: a line with a right CRC-32 may still be of another program."""
    numbers = ("status_age_ms", "flow_ml_h", "dose_rate_mg_min", "delivered_least_ml", "vtbi_ml", "pressure_mmhg")
    alarms: object = state.get("alarms", [])
    return (
        all(_is_word(state.get(key)) for key in ("channel", "state", "link"))
        and all(_is_number(state.get(key)) for key in (*numbers, "battery_percent"))
        and isinstance(alarms, list)
        and all(_is_alarm(alarm) for alarm in cast("list[object]", alarms))
    )


def _is_word(value: object) -> bool:
    """Of few letters, none of which steers a terminal."""
    return isinstance(value, str) and len(value) <= LONGEST_WORD and value.isprintable()


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_alarm(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    alarm = cast("Mapping[str, object]", value)
    return _is_word(alarm.get("code")) and _is_word(alarm.get("priority"))
