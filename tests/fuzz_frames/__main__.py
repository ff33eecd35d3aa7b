"""`make fuzz-frames`: a million damaged frames a codec in two processes, findings as they come, the sums at the end.

Refuses to know how a frame is damaged and judged (judging.py).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import islice

from tests.fuzz_frames.judging import FRAMES_A_CHUNK, Tally, run
from tests.fuzz_frames.subjects import SUBJECTS

MAX_FINDINGS = 20  # enough to see what is wrong; the codec's run ends there
CHUNKS_A_JOB = 5
SHOWN_EVERY_S = 10.0
KINDS = {
    "crash": "crashes",
    "dosing": "dosing effects",
    "unfounded": "facts that no frame said",
    "disagreement": "disagreements of the two readings",
}


def main() -> int:
    asked = _arguments()
    names = sorted(SUBJECTS) if asked.codec == "all" else asked.codec.split(",")
    _say(f"seed {asked.seed}; the same frames again: --seed {asked.seed} --first {asked.first} --frames {asked.frames}")
    chunks = range(asked.first, asked.first + -(-asked.frames // FRAMES_A_CHUNK))
    found = False
    for name in names:
        tally = _fuzz(name, asked.seed, chunks, asked.workers)
        found |= bool(tally.findings)
        told = ", ".join(f"{count} {fact}" for fact, count in sorted(tally.facts.items()))
        print(f"{name}: {tally.frames} frames, {tally.whole} whole; {told}")
        kinds = Counter(one.kind for one in tally.findings)
        print(f"{name}: {', '.join(f'{kinds[kind]} {told}' for kind, told in KINDS.items())}", flush=True)
    return 1 if found else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz-frames", description="FRAMES_ARGS of make fuzz-frames")
    parser.add_argument("--frames", type=int, default=1_000_000, help="a codec, in chunks of a thousand")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--first", type=int, default=0, help="number of the first chunk, to run one again")
    parser.add_argument("--codec", default="all", help=f"all, or some of {','.join(sorted(SUBJECTS))}")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _work(name: str, seed: int, chunks: range) -> Tally:
    """In a process of its own: a dialect's functions do not travel, so it finds them itself."""
    return run(SUBJECTS[name], seed, chunks)


def _fuzz(name: str, seed: int, chunks: range, workers: int) -> Tally:
    """At most two jobs a worker are under way, so an end by findings is soon."""
    tally, jobs = Tally(), _jobs(chunks)
    began_s = shown_s = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        pending = {pool.submit(_work, name, seed, job) for job in islice(jobs, 2 * workers)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                given = future.result()
                for one in given.findings:
                    print(
                        f"{name}: {one.kind} in {one.state!r}, chunk {one.chunk}: {one.detail}: {one.line}", flush=True
                    )
                tally.add(given)
                job = next(jobs, None) if len(tally.findings) < MAX_FINDINGS else None
                if job is not None:
                    pending.add(pool.submit(_work, name, seed, job))
            if time.monotonic() - shown_s >= SHOWN_EVERY_S:
                shown_s = time.monotonic()
                _say(f"{name}: {tally.frames} frames, {tally.frames / (shown_s - began_s):.0f}/s")
    return tally


def _jobs(chunks: range) -> Iterator[range]:
    for start in range(chunks.start, chunks.stop, CHUNKS_A_JOB):
        yield range(start, min(start + CHUNKS_A_JOB, chunks.stop))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
