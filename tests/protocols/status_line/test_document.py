"""docs/status-line.md says what the codec does: its vectors, and its reader in Perl as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from protocols.status_line import framing
from protocols.status_line.framing import MAX_LINE_BYTES
from tests.protocols.status_line import naive

PAGE = (Path(__file__).parents[3] / "docs" / "status-line.md").read_text(encoding="utf-8")
GOLDEN = json.loads(Path(framing.__file__).with_name("vectors.json").read_text(encoding="utf-8"))["lines"]
KILL_AFTER_S = 60.0


def test_the_lines_of_the_page_are_golden_vectors() -> None:
    shown = dict(re.findall(r"^\| (\w+) \| `([^`]+)` 0A \|$", PAGE, re.MULTILINE))
    golden = {vector["name"]: vector["line"] for vector in GOLDEN}
    assert len(shown) == 2
    assert {name: f"{line}\n" for name, line in shown.items()} == {name: golden[name] for name in shown}
    assert naive.crc32(b"123456789") == 0xCBF43926
    assert f"at most {MAX_LINE_BYTES:,} bytes" in PAGE


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_the_reader_of_the_page_reads_every_vector_and_no_damaged_one(vector: dict[str, str], tmp_path: Path) -> None:
    [reader] = re.findall(r"```perl\n(.*?)```", PAGE, re.DOTALL)
    assert reader.count("\n") <= 22
    (tmp_path / "reader.pl").write_text(reader)
    line = vector["line"].encode("ascii")
    damaged = line.replace(b"{", b"[", 1)
    stream = line[4:] + line + b"\n" + damaged + line[:-5] + b"\n" + line
    ended = subprocess.run(
        ["perl", str(tmp_path / "reader.pl")], input=stream, capture_output=True, timeout=KILL_AFTER_S, check=False
    )
    assert ended.stdout.decode("ascii") == 2 * f"{vector['json']}\n"
    assert ended.stderr == 2 * b"a damaged line\n"
