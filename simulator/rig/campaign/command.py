"""`pumpsim campaign`: performs, keeps, tells, shrinks what failed, and says how to have it again.

Refuses to end quietly: an interrupted campaign says what it knows, and a broken invariant is exit code 6.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pumpctl.controller import Controller
from pumpctl.shell.clock import boottime_ns
from simulator.failure import USAGE, Failure
from simulator.rig.campaign.columns import NoColumns, require_columns, write_columns
from simulator.rig.campaign.drawing import drawn_plan
from simulator.rig.campaign.keeping import Heading, Kept, Unkept
from simulator.rig.campaign.kinds import UnknownKind, kinds_named
from simulator.rig.campaign.outcome import Outcome, Row
from simulator.rig.campaign.performing import MakeController, UnknownProfile, perform
from simulator.rig.campaign.plan import PlanUnreadable, RunPlan, Scenario, read_scenario, scenario_text
from simulator.rig.campaign.pool import Here, Pool, Runner, Series
from simulator.rig.campaign.progress import Progress
from simulator.rig.campaign.shrinking import shrunk
from simulator.rig.campaign.summary import as_json, in_words, summed

VIOLATED = 6
INTERRUPTED = 128 + signal.SIGINT
MAX_RUNS = 1_000_000
MAX_WORKERS = 256
MAX_SHRUNK = 5  # scenarios of one campaign, one for each invariant: shrinking takes a minute each
BUILD = Path("build/campaign")


@dataclass(frozen=True, slots=True)
class Options:
    """As typed. `seed`: a number, or SEED/RUN to begin with that run."""

    runs: int
    seed: str
    faults: str = "all"
    workers: int = 1
    as_json: bool = False
    resume: Path | None = None
    columns: Path | None = None
    scenarios: Path = BUILD
    most_scenarios: int = MAX_SHRUNK


def campaign(options: Options, make_controller: MakeController = Controller) -> int:
    """The whole of it; the exit code."""
    seed, first = _seed(options.seed)
    _within("--runs", options.runs, MAX_RUNS - first)
    _within("--workers", options.workers, MAX_WORKERS)
    if options.columns is not None and options.columns.suffix != ".parquet":
        raise Failure(USAGE, f"-o {options.columns}: the rows are a .parquet; name such a file")
    try:
        series = Series(seed, kinds_named(options.faults), make_controller)
        if options.columns is not None:
            require_columns()
        kept = Kept(Heading(seed=seed, kinds=series.kinds), options.resume)
    except (UnknownKind, NoColumns, Unkept) as error:
        raise Failure(USAGE, str(error)) from None
    wanted = range(first, first + options.runs)
    missing = [index for index in wanted if index not in kept.rows]
    progress = Progress(sys.stderr, options.runs, options.runs - len(missing), boottime_ns)
    runner: Runner = Here() if options.workers == 1 else Pool(options.workers)
    is_whole = _perform(runner, series, missing, kept, progress)
    kept.close()
    rows = {index: kept.rows[index] for index in wanted if index in kept.rows}
    is_whole = _tell(options, series, rows, progress.wall_s, is_whole=is_whole)
    if not is_whole:
        return INTERRUPTED
    return VIOLATED if any(row.outcome.broken for row in rows.values()) else 0


def replay(path: Path, *, as_json: bool = False) -> int:
    """Perform the plan of a scenario; the exit code."""
    try:
        outcome = perform(read_scenario(path).plan)
    except (PlanUnreadable, UnknownKind, UnknownProfile) as error:
        raise Failure(USAGE, str(error)) from None
    sys.stdout.write(outcome.model_dump_json() + "\n" if as_json else "\n".join(_outcome_in_words(outcome)) + "\n")
    return VIOLATED if outcome.broken else 0


def _perform(runner: Runner, series: Series, missing: list[int], kept: Kept, progress: Progress) -> bool:
    """False when a person ended it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # either ends the workers first
    try:
        for row in runner.rows(series, missing):
            kept.add(row)
            progress.add(row)
    except KeyboardInterrupt:
        return False
    finally:
        signal.signal(signal.SIGTERM, before)
        progress.end()
    return True


def _tell(options: Options, series: Series, rows: Mapping[int, Row], wall_s: float, *, is_whole: bool) -> bool:
    """What is known, shrunk scenarios included; False when it is not the whole."""
    summary = summed(series.seed, series.kinds, rows)
    if options.columns is not None:
        try:
            write_columns(options.columns, series.seed, (rows[index] for index in sorted(rows)))
        except NoColumns as error:
            raise Failure(USAGE, str(error)) from None
    if options.as_json:
        sys.stdout.write(json.dumps(as_json(summary, series.seed, wall_s)) + "\n")
    for line in in_words(summary):
        (sys.stderr if options.as_json else sys.stdout).write(line + "\n")
    sys.stdout.flush()
    try:
        if is_whole:
            _save_scenarios(options, series, rows.values())
    except KeyboardInterrupt:
        is_whole = False
    if not is_whole:
        again = f"; --resume {options.resume} goes on" if options.resume else ""
        sys.stderr.write(f"pumpsim: interrupted after {len(rows)} of {options.runs} runs{again}\n")
    return is_whole


def _save_scenarios(options: Options, series: Series, rows: Iterable[Row]) -> None:
    """Of each invariant the first run that broke it, as small as it gets."""
    found: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: row.index):
        for broken in row.outcome.broken:
            found.setdefault(broken.invariant, row.index)
    for invariant, index in list(found.items())[: options.most_scenarios]:
        sys.stderr.write(f"{invariant} in run {series.seed}/{index}: looking for the fewest incidents\n")
        plan = drawn_plan(series.seed, index, series.kinds)
        plan = shrunk(plan, lambda smaller, broken=invariant: _breaks(smaller, broken, series.make_controller))
        path = options.scenarios / f"{invariant.lower()}-{series.seed}-{index}.json"
        replayed = f"pumpsim campaign --replay {path}"
        options.scenarios.mkdir(parents=True, exist_ok=True)
        path.write_text(scenario_text(Scenario(broke=invariant, replay=replayed, plan=plan)), encoding="utf-8")
        kinds = ", ".join(incident.kind for incident in plan.incidents) or "none"
        sys.stderr.write(f"  {len(plan.incidents)} incidents ({kinds}), {len(plan.acts)} deeds; again: {replayed}\n")


def _breaks(plan: RunPlan, invariant: str, make_controller: MakeController) -> bool:
    return any(broken.invariant == invariant for broken in perform(plan, make_controller).broken)


def _outcome_in_words(outcome: Outcome) -> list[str]:
    fired = ", ".join(f"{kind} {number}" for kind, number in outcome.fired.items()) or "nothing"
    return [
        *(f"{broken.invariant} at {broken.at_ns / 1e9:.3f} s: {broken.detail}" for broken in outcome.broken),
        f"ended: {outcome.ended}; went wrong: {fired}; violations {len(outcome.broken)}; digest {outcome.digest}",
    ]


def _seed(text: str) -> tuple[int, int]:
    seed, separator, run = text.partition("/")
    numbers = [seed, run] if separator else [seed]
    if not all(number.isascii() and number.isdigit() and len(number) <= 18 for number in numbers):
        raise Failure(USAGE, f"--seed {text}: a whole number, or SEED/RUN to begin with that run")
    first = int(run) if separator else 0
    if first >= MAX_RUNS:
        raise Failure(USAGE, f"--seed {text}: a campaign has at most {MAX_RUNS} runs")
    return int(seed), first


def _within(option: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise Failure(USAGE, f"{option} {value}: not from 1 to {most}")
