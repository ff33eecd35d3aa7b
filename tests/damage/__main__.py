"""`make journal-damage`: two processes over every case, progress on standard error, the verdict as the last line.

Refuses to know what damage is (campaign.py) and what a journal holds (material.py).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import islice
from pathlib import Path

from tests.damage.campaign import Case, Tally, every_case, judge
from tests.damage.material import LEAST_BYTES, Material, lived_records, made

CHUNK = 400
SHOWN_EVERY_S = 10.0
MEMORY = Path("/dev/shm")  # noqa: S108 (a tmpfs: half a million journals would wear out a disk)


def main() -> int:
    asked = _arguments()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None, prefix="journal-damage-") as folder:
        home = Path(folder)
        (home / "made").mkdir()
        materials = made(home / "made", lived_records())
        _introduce(materials, asked.seed)
        cases = list(islice(every_case(materials, asked.seed), 0, None, asked.stride))
        random.Random(asked.seed).shuffle(cases)  # a run that is broken off has looked everywhere
        tally = _run(materials, cases, home, asked)
    for line in tally.wrong:
        print(f"wrong: {line}")
    for what, count in sorted(tally.by_file.items()):
        print(f"  {what}: {count}")
    complete = tally.cases == len(cases)
    if not complete:
        print(f"only {tally.cases} of {len(cases)} cases within {asked.minutes} minutes: nothing is shown by that")
    print(
        f"{tally.flips} flips, {tally.truncations} truncations, {tally.reported} reported, {tally.harmless} harmless,"
        f" {tally.wrong_count} wrong"
    )
    return 0 if complete and not tally.wrong_count else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make journal-damage", description="DAMAGE_ARGS of make journal-damage")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--stride", type=int, default=1, help="only every n-th case")
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _introduce(materials: tuple[Material, ...], seed: int) -> None:
    _say(f"seed {seed}: each byte has one bit flipped, which one is drawn by the seed; each file is cut to each length")
    for material in materials:
        sizes = ", ".join(f"{name} {len(content)} bytes" for name, content in material.files.items())
        _say(f"{material.state}: {len(material.records)} records; {sizes}")
        if sum(len(content) for content in material.files.values()) < LEAST_BYTES:
            raise SystemExit(f"the journal has less than {LEAST_BYTES} bytes")


def _run(materials: tuple[Material, ...], cases: list[Case], home: Path, asked: argparse.Namespace) -> Tally:
    """At most two chunks a worker are under way, so that the end by the clock is soon."""
    tally, began_s = Tally(), time.monotonic()
    shown_s = began_s
    chunks = _chunks(cases)
    with ProcessPoolExecutor(asked.workers, initializer=_settle, initargs=(materials, home)) as pool:
        pending = {pool.submit(_work, chunk) for chunk in islice(chunks, 2 * asked.workers)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                found = future.result()
                for line in found.wrong[:1]:
                    _say(f"wrong: {line}")
                tally.add(found)
                in_time = time.monotonic() - began_s < asked.minutes * 60
                chunk = next(chunks, None) if in_time else None
                if chunk is not None:
                    pending.add(pool.submit(_work, chunk))
            if time.monotonic() - shown_s >= SHOWN_EVERY_S:
                shown_s = time.monotonic()
                _say(_progress(tally, len(cases), shown_s - began_s))
    _say(_progress(tally, len(cases), time.monotonic() - began_s))
    return tally


def _chunks(cases: list[Case]) -> Iterator[list[Case]]:
    for start in range(0, len(cases), CHUNK):
        yield cases[start : start + CHUNK]


_bench: list[tuple[tuple[Material, ...], Path]] = []


def _settle(materials: tuple[Material, ...], home: Path) -> None:
    """A worker's own directory, once."""
    _bench.append((materials, Path(tempfile.mkdtemp(dir=home))))


def _work(cases: list[Case]) -> Tally:
    materials, folder = _bench[0]
    return judge(materials, cases, folder)


def _progress(tally: Tally, wanted: int, took_s: float) -> str:
    rate = tally.cases / max(took_s, 0.001)
    left_s = (wanted - tally.cases) / max(rate, 0.001)
    return f"{tally.cases} of {wanted} cases, {rate:.0f}/s, {tally.wrong_count} wrong, about {left_s / 60:.1f} min left"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
