"""Random walks: seeds that found something stay here for ever, and each run draws new ones."""

from __future__ import annotations

import pytest

from tests.controller.walks import Walk

WALKS = 48


@pytest.mark.hazard("H29")
@pytest.mark.hazard("H44")
@pytest.mark.hazard("H55")
@pytest.mark.parametrize("number", range(WALKS))
def test_nothing_that_may_never_be_is_on_any_walk(seed: int, number: int):
    walk = Walk(seed + number)
    try:
        walk.run()
    except AssertionError as error:
        pytest.fail(f"walk {walk.seed}: {error}\n{' -> '.join(walk.trail)}")
