"""The trials themselves: what a test watches is seen to be missing, and what nobody watches is not taken for safe."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pumpctl.core.interlocks import PERMISSIVES
from tests.removal.listing import ROOT
from tests.removal.trial import found_out


def removed(*arguments: str) -> tuple[int, list[str]]:
    """In a process of its own: the trials fork, and what they take away they do not put back."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    return done.returncode, done.stdout.splitlines()


def test_a_watched_control_is_killed_and_one_that_nobody_watches_is_red() -> None:
    code, told = removed("-c", "from tests.removal.doctored import main; raise SystemExit(main())")
    assert told[-1] == "control-removal: killed 1/3 controls (doctored 1/3)"
    assert code == 6
    assert [line for line in told if line.startswith("SURVIVED")] == [
        "SURVIVED doctored: unwatched [tests/removal/doctored.py]; spoke in 1 tests",
        "SURVIVED doctored: leant_on [tests/removal/doctored.py]; spoke in 1 tests",
    ], "an exception of the product is no red test"
    assert "    green without it: tests/removal/doctored_cases.py::test_less_than_one_is_judged" in told


def test_every_permissive_is_missed_by_a_test_of_its_own() -> None:
    code, told = removed("-m", "tests.removal", "--only", "permissives", "tests/core/test_interlocks.py")
    all_of_them = f"{len(PERMISSIVES)}/{len(PERMISSIVES)}"
    summary = f"control-removal: killed {all_of_them} controls (permissives {all_of_them})"
    assert (code, told[-1]) == (0, summary), "\n".join(told)


def test_a_name_that_no_control_has_is_a_mistake() -> None:
    code, told = removed("-m", "tests.removal", "--only", "the moon")
    assert (code, told) == (2, [])


def test_only_what_a_test_finds_out_by_itself_is_red() -> None:
    assert found_out(AssertionError("it runs"))
    assert found_out(TimeoutError())
    assert found_out(ExceptionGroup("several examples", [ValueError(), AssertionError()]))
    with pytest.raises(pytest.fail.Exception) as waited:
        pytest.fail("Timeout (>120.0s) from pytest-timeout.")
    assert not found_out(waited.value)
    assert not found_out(ValueError("raised nowhere"))
