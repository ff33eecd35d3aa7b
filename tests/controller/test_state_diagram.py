"""The picture in the docs is the table in the code."""

from __future__ import annotations

from tests.controller.state_diagram import PAGE, page


def test_the_committed_picture_is_the_generated_one():
    assert PAGE.read_text() == page()
