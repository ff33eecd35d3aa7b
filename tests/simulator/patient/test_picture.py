"""The picture says what it shows, and never leaves the limits of the model out."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from simulator.patient.limits import LIMITS, PURPOSE
from simulator.patient.model import WASTING
from simulator.patient.picture import Caption, draw
from simulator.patient.population import follow
from tests.simulator.patient.expected import DAILY, course

CAPTION = Caption("A title", "a subtitle")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text of the figure at the moment it is saved, with line ends as blanks."""
    texts: list[str] = []
    save = Figure.savefig

    def _savefig(figure: Figure, path: Path, **kwargs: object) -> None:
        save(figure, path, **kwargs)
        found = [each.get_text() for each in figure.findobj(Text) if isinstance(each, Text)]
        texts.extend(" ".join(text.split()) for text in found)

    monkeypatch.setattr(Figure, "savefig", _savefig)
    return texts


def test_the_picture_tells_what_it_shows_and_what_it_cannot_know(tmp_path: Path, written: list[str]):
    draw(tmp_path / "serum.png", CAPTION, course(WASTING, DAILY, 7 * 24), DAILY, None)
    assert (tmp_path / "serum.png").read_bytes().startswith(b"\x89PNG")
    assert {"A title", "a subtitle", "serum magnesium, mg/dL", "mmol/L", "infusion, mg/min"} <= set(written)
    assert {"normal, 0.70 to 1.05 mmol/L", "typical patient, peak 2.12 mg/dL (0.87 mmol/L)", "3.33 mg/min"} <= set(
        written
    )
    assert "days since the first infusion began" in written
    below = next(text for text in written if text.startswith(PURPOSE))
    assert all(limit in below for limit in LIMITS)
    assert not any("REFUSED" in text or "people" in text for text in written)


def test_a_refused_order_is_drawn_as_refused(tmp_path: Path, written: list[str]):
    caption = Caption("A title", "a subtitle", "REFUSED: P03")
    draw(tmp_path / "serum.png", caption, course(WASTING, DAILY, 24), DAILY, None)
    assert "REFUSED: P03" in written
    assert "hours since the first infusion began" in written


def test_a_crowd_is_named_with_its_seed(tmp_path: Path, written: list[str]):
    crowd = follow(WASTING, 100, DAILY, 72, size=20, seed=6)
    draw(tmp_path / "serum.png", CAPTION, course(WASTING, DAILY, 72), DAILY, crowd)
    assert {"5 to 95 % of 20 people (seed 6)", "5 to 95 % of their laboratory results"} <= set(written)


def test_no_infusion_is_a_picture_too(tmp_path: Path, written: list[str]):
    draw(tmp_path / "serum.png", CAPTION, course(WASTING, [], 24), [], None)
    assert "typical patient, peak 1.10 mg/dL (0.45 mmol/L)" in written


def test_a_file_that_cannot_be_written_is_an_os_error(tmp_path: Path):
    with pytest.raises(OSError, match="No such file"):
        draw(tmp_path / "none/serum.png", CAPTION, course(WASTING, [], 24), [], None)
