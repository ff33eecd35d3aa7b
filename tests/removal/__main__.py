"""`make control-removal`: every control is taken away in turn, and a test must go red for each.

Refuses to count an error as a red test, and a control that nobody misses as one that works.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest

from tests.hazards import HAZARDS
from tests.removal.control import Group
from tests.removal.listing import gaps, groups
from tests.removal.trial import Removal, Trial

# The tests of what decides, and of each edge that a row of the hazard list names.
POOL = (
    *("tests/core", "tests/controller", "tests/drivers"),
    *("tests/mqtt/test_outbox.py", "tests/mqtt/test_outbox_answers.py", "tests/mqtt/test_hostile_brokers.py"),
    *("tests/guard/test_decision.py", "tests/guard/test_decision_absence.py"),
    *("tests/protocols/companion/test_framing.py", "tests/protocols/companion/test_session.py"),
    *(
        f"tests/shell/test_{what}.py"
        for what in (
            *("anchor", "annunciator", "clock", "control_socket", "crash_record", "event_loop", "inbox", "journal"),
            *("journal_damage", "mqtt_link", "serial_link", "serial_stop", "shared_line", "line_settings"),
        )
    ),
    *("tests/shell/test_status_line.py", "tests/cli/test_status_board.py"),
)
SURVIVED, USAGE = 6, 2


def main() -> int:
    asked = _arguments()
    listed = groups()
    if asked.list:
        for group in listed:
            for control in group.controls:
                print(f"{group.kind}: {control.name} [{control.file}]")
        return 0
    for path in (missing := gaps(listed, HAZARDS)):
        print(f"{path} is a control of the hazard list, and no control of it is on this list", file=sys.stderr)
    code = remove(listed, asked.only or [""], asked.tests or POOL, as_json=asked.json)
    return code or (SURVIVED if missing else 0)


def remove(listed: tuple[Group, ...], only: Sequence[str], pool: Sequence[str], *, as_json: bool) -> int:
    """Try every control whose kind and name hold one of `only`; the tests are those of `pool`."""
    names = [f"{group.kind} {control.name}" for group in listed for control in group.controls]
    unknown = [part for part in only if not any(part in name for name in names)]
    if unknown:
        print(f"no control is called {', '.join(unknown)}; --list names them", file=sys.stderr)
        return USAGE
    began_s = time.monotonic()
    removal = Removal(listed, lambda name: any(part in name for part in only))
    ended = pytest.main([*_OPTIONS, *pool], plugins=[removal])
    if not removal.trials:
        print(f"nothing was tried: pytest ended with {ended}", file=sys.stderr)
        return 1
    survivors = [trial for trial in removal.trials if not trial.killed_by]
    summary = _summary(removal.trials)
    if as_json:
        trials = [_told(trial) for trial in removal.trials]
        print(json.dumps({"trials": trials, "red_before": removal.red_before, "summary": summary}, indent=1))
    else:
        _print(survivors, removal.red_before)
        print(f"{time.monotonic() - began_s:.0f} s")
        print(summary)
    return 0 if not survivors and not removal.red_before else SURVIVED


def _print(survivors: list[Trial], red_before: list[str]) -> None:
    for test in red_before:
        print(f"red before anything was taken away, so it proves nothing: {test}")
    for trial in survivors:
        print(f"SURVIVED {trial.kind}: {trial.control.name} [{trial.control.file}]; spoke in {trial.heard_in} tests")
        for test in trial.tried:
            print(f"    green without it: {test}")


_OPTIONS = (
    *("-p", "no:xdist", "-p", "no:cacheprovider", "-s", "-qq", "--no-header", "--no-summary"),
    # The same cases in every run, none kept, none made smaller: only red or not is asked.
    *("--hypothesis-seed=0", "--hypothesis-profile=removal", "-p", "tests.removal.hypothesis_profile"),
)


def _summary(trials: list[Trial]) -> str:
    kinds = dict.fromkeys(trial.kind for trial in trials)
    counts = {kind: [bool(trial.killed_by) for trial in trials if trial.kind == kind] for kind in kinds}
    told = ", ".join(f"{kind} {sum(killed)}/{len(killed)}" for kind, killed in counts.items())
    total = [bool(trial.killed_by) for trial in trials]
    return f"control-removal: killed {sum(total)}/{len(total)} controls ({told})"


def _told(trial: Trial) -> dict[str, Any]:
    return {
        "kind": trial.kind,
        "control": trial.control.name,
        "file": trial.control.file,
        "killed_by": trial.killed_by,
        "tried": list(trial.tried),
        "spoke_in": trial.heard_in,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make control-removal", description="REMOVAL_ARGS of make control-removal")
    what = "a part of the kind or name of the controls to try; may be given again"
    parser.add_argument("--only", action="append", metavar="NAME", help=what)
    parser.add_argument("--list", action="store_true", help="name all controls and do nothing")
    parser.add_argument("--json", action="store_true", help="every trial as JSON, and nothing else")
    parser.add_argument("tests", nargs="*", help=f"instead of {' '.join(POOL)}")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
