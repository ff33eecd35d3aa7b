"""Waiting for something that has no event of its own, with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

LOOKS = 10_000


async def until(holds: Callable[[], object], what: str = "it did not come to hold") -> None:
    """Return as soon as `holds` does; fail after some ten seconds."""
    for _ in range(LOOKS):
        if holds():
            return
        await asyncio.sleep(0.001)
    pytest.fail(what)
