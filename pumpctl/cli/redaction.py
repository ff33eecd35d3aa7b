"""What of the daemon's settings, records and status may leave the house in a bug report, and under which name.

Refuses to guess: a text is kept only where the table below says that the program itself chooses it from a few words. A
name gets a pseudonym, the same one wherever it stands; every other text, and every field that the table does not know,
stays behind. Times become milliseconds before one instant: when somebody was treated is nobody's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

Told: TypeAlias = "bool | int | float | str | list[Told] | dict[str, Told] | None"

REMOVED = "(removed)"
DEEPEST = 12  # no record has more than five levels

# Every field that is known, by what is done with it. What stands in none of these rows stays behind.
_TABLE = """
code       certainty code codes dialect found guard how journal kind latched link link_loss mode outcome phase_kind
code       priority profile reasons route schema state
hash       library_hash
text       alarm_text check damage firmware link_reason message moved_to on_alarm overrides reason serum_at signs
text       status_at text told
figure     accuracy_permille address anchored_seq attempt away baud boot_count concentration container
figure     hard_max_dose_rate latches latched occurrence phase_index plaintext port resume seq simulated speed
inside     alarms base channel channels counters daemon home_assistant latched metrics mqtt new_era program reasons
inside     remaining status_line
boot       boot_id
channel    channel channels name undated
host       host
instance   instance
order      order order_digest
path       ca certificate key library state_dir
patient    patient patient_id
person     by person persons
program    program_id
serial     serial
"""
_ROWS = [line.split() for line in _TABLE.strip().splitlines()]
_RULES = ("code", "hash", "text", "figure", "inside")  # the other rows are names, and pseudonyms are called after them


def _row(rule: str) -> frozenset[str]:
    return frozenset(field for row in _ROWS if row[0] == rule for field in row[1:])


_CODES, _HASHES, _TEXTS, _FIGURES, _INSIDE = map(_row, _RULES)
_NAMES: Mapping[str, str] = {field: row[0] for row in _ROWS if row[0] not in _RULES for field in row[1:]}
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}|(rig|therapy), unsigned|pumpctl/[a-z]+/[0-9]+")
_LABELS = frozenset({"bound", "code", "dialect", "kind", "link", "priority", "rule", "state"})
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,63}|[A-Z]{1,3}[0-9]{1,3}[a-z]?")  # rules have ids like Q31
_HASH = re.compile(r"[0-9a-f]{8,64}")  # of the drug library, which is no secret
_UNITS = re.compile(r"[a-z0-9_]+_(h|min|ml|ml_h|mg_min|mmhg|ms|ns|percent|permille|s|seq|ug|ul|ul_h|um)")
_NOTHING: tuple[object, ...] = (None, "", [], {})
_EPOCH_MS = 10**11  # a figure in ms above this is an instant, not a length of time
_TTY = re.compile(r"/dev/tty(S|USB|ACM|AMA)[0-9]{1,3}")
_SOCKET = re.compile(r"socket://(?P<host>.+):(?P<port>[0-9]{1,5})")
_THIS_HOST = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


class Redactor:
    """Gives names in the order in which it meets them. `zero_ms`: the instant that times are told before."""

    def __init__(self, zero_ms: int) -> None:
        self.left_out = 0  # fields that the table does not know
        self._zero_ms = zero_ms
        self._pseudonyms: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def record(self, body: object) -> Told:
        """A record or an answer of the daemon: a field that is not known stays behind, its name too, and is counted."""
        return self._value("", body, 0, keys_are_ours=False)

    def settings(self, dumped: object) -> Told:
        """Settings that were read: their keys are the program's own, so an unknown one is told, without its text."""
        return self._value("", dumped, 0, keys_are_ours=True)

    def name(self, kind: str, value: str) -> str:
        """The same for the same value of a kind, wherever it stands."""
        if (kind, value) not in self._pseudonyms:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._pseudonyms[kind, value] = f"{kind}-{self._counts[kind]}"
        return self._pseudonyms[kind, value]

    def label(self, key: str, value: str) -> str:
        """Of a metric: a name, or a word that the program chooses."""
        if key in _NAMES:
            return self._named(_NAMES[key], value)
        return value if key in _LABELS and _LABEL.fullmatch(value) else REMOVED

    def instant_ms(self, utc_ms: int) -> int:
        """Against that one instant."""
        return utc_ms - self._zero_ms

    def _value(self, key: str, value: object, depth: int, *, keys_are_ours: bool) -> Told:
        if depth > DEEPEST or (key in _TEXTS and value not in _NOTHING):
            return REMOVED
        if isinstance(value, Mapping):
            return self._fields(key, cast("Mapping[Any, object]", value), depth + 1, keys_are_ours=keys_are_ours)
        if isinstance(value, list | tuple):
            each = cast("list[object]", value)
            return [self._value(key, item, depth + 1, keys_are_ours=keys_are_ours) for item in each]
        return self._leaf(key, value)

    def _fields(self, key: str, fields: Mapping[Any, object], depth: int, *, keys_are_ours: bool) -> Told:
        told: dict[str, Told] = {}
        for field, value in fields.items():
            if key == "channels":  # by name: the name is somebody's
                told[self.name("channel", str(field))] = self._value("", value, depth, keys_are_ours=keys_are_ours)
            elif keys_are_ours or _is_known(str(field)):
                told[str(field)] = self._value(str(field), value, depth, keys_are_ours=keys_are_ours)
            else:
                self.left_out += 1
        return told

    def _leaf(self, key: str, value: object) -> Told:
        if value is None or value == "" or isinstance(value, bool):
            return cast("Told", value)
        if key in _NAMES:
            return self._named(_NAMES[key], str(value))
        if isinstance(value, int) and key.endswith("_ms") and value > _EPOCH_MS:
            return self.instant_ms(value)
        if isinstance(value, int | float):
            return value
        text = str(value)
        if key == "port":
            return self._port(text)
        kept = (key in _CODES and _CODE.fullmatch(text)) or (key in _HASHES and _HASH.fullmatch(text))
        return text if kept else REMOVED

    def _named(self, kind: str, value: str) -> str:
        return value if kind == "host" and value in _THIS_HOST else self.name(kind, value)

    def _port(self, text: str) -> str:
        if _TTY.fullmatch(text):
            return text
        socket = _SOCKET.fullmatch(text)
        if socket is not None:
            return f"socket://{self._named('host', socket['host'])}:{socket['port']}"
        return self.name("path", text)


def _is_known(field: str) -> bool:
    tables = (_CODES, _HASHES, _NAMES, _TEXTS, _FIGURES, _INSIDE)
    return any(field in table for table in tables) or _UNITS.fullmatch(field) is not None
