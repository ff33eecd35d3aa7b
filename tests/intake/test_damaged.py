"""A damaged message ends in an order or in one line with a path: never in another error, never in a silent change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from pumpctl.core.order import Order
from pumpctl.core.order_text import OrderUnreadable
from pumpctl.intake.fhir.json_text import Number
from tests.intake.messages import RELEASES, Tree, golden, native, read

# Elements that repeat for people what is coded beside them, or that name the resource: all the intake passes over.
OF_NO_CONSEQUENCE = {"display", "text", "id", "authored", "method", "type", "unit", "fullUrl", "category"}
ONE_OF_TWO_CODES = {"coding"}  # the drug's, which say the same
JUNK = [None, True, [], {}, "", "x", Number("0"), Number("-1"), [None], ["x"], {"x": "y"}, "\u202e", "a" * 300]
DAMAGES = 300


def places(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - any JSON
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, below in members:
        yield (*path, key)
        yield from places(below, (*path, key))


def parent_of(tree: Tree, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - any JSON
    node: Any = tree
    for key in path[:-1]:
        node = node[key]
    return node


def read_or_refused(tree: Tree) -> Order | OrderUnreadable:
    try:
        return read(tree)
    except OrderUnreadable as error:
        return error


@pytest.mark.parametrize("release", RELEASES)
def test_junk_in_any_place(release: str, seed: int):
    chance = random.Random(seed)
    whole = list(places(golden(release)))
    for _ in range(DAMAGES):
        tree, path = golden(release), chance.choice(whole)
        parent_of(tree, path)[path[-1]] = chance.choice(JUNK)
        outcome = read_or_refused(tree)
        if isinstance(outcome, OrderUnreadable):
            assert str(outcome).startswith("message: "), path
            assert outcome.next_step, path


@pytest.mark.parametrize("release", RELEASES)
def test_no_element_can_go_missing_unnoticed(release: str):
    """Each element taken out changes the order or is refused, but for those that say nothing of their own."""
    unnoticed: set[str] = set()
    for path in list(places(golden(release))):
        tree = golden(release)
        del parent_of(tree, path)[path[-1]]
        if read_or_refused(tree) == native():
            unnoticed.add(next(str(key) for key in reversed(path) if isinstance(key, str)))
    assert unnoticed == OF_NO_CONSEQUENCE | ONE_OF_TWO_CODES


@pytest.mark.parametrize("release", RELEASES)
def test_no_element_can_be_added_unnoticed(release: str):
    """An unknown key in any object is refused."""
    objects = [path for path in places(golden(release)) if isinstance(parent_of(golden(release), (*path, "x")), dict)]
    for path in [(), *objects]:
        tree = golden(release)
        parent_of(tree, (*path, "x"))["unheardOf"] = "x"
        with pytest.raises(OrderUnreadable, match="unheardOf"):
            read(tree)
