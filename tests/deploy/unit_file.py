"""A systemd unit as sections of keys, each with every value that it is given.

Refuses lines that systemd would read differently: continued ones, and what is neither section, key nor comment.
"""

from __future__ import annotations

import re
from pathlib import Path

KEY = re.compile(r"([A-Za-z]+)=(.*)")
UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"

Unit = dict[str, dict[str, list[str]]]


def read_unit(name: str) -> Unit:
    sections: Unit = {}
    section: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"\[([A-Za-z]+)\]", line):
            section = sections.setdefault(heading[1], {})
        elif key := KEY.fullmatch(line):
            assert not line.endswith("\\"), line
            section.setdefault(key[1], []).append(key[2])
        else:
            assert line == "" or line.startswith("#"), line
    return sections
