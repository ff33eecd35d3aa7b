"""A seeded slice of the random histories, and that they can fail."""

from __future__ import annotations

from importlib.resources import files

import pytest

from pumpctl.core.exposure import Ledger
from pumpctl.core.library import parse_library
from pumpctl.supervision import settling
from tests.ledger.campaign import live
from tests.ledger.oracle import CAP_7D_UG, CAP_24H_UG, DAY_NS, HOUR_NS, WEEK_NS, Given, fullest_ug

SLICE = 6
TRIED = 4


@pytest.mark.hazard("H34")
def test_no_window_of_any_history_holds_more_than_the_caps(seed: int):
    tally = live(range(seed, seed + SLICE))
    assert tally.wrong == []
    assert tally.done["restarts"] >= SLICE
    assert tally.done["started"] >= 2 * SLICE
    assert 0 < tally.fullest_7d_ug <= CAP_7D_UG
    assert 0 < tally.fullest_24h_ug <= CAP_24H_UG


def test_without_the_cap_of_seven_days_it_is_red(monkeypatch: pytest.MonkeyPatch):
    text = (files("protocols.therapy") / "magnesium_sulfate.toml").read_bytes()
    for cap in (b"65", b"84"):
        assert text.count(b'above = "%s mmol"' % cap) >= 1
        text = text.replace(b'above = "%s mmol"' % cap, b'above = "%s0 mmol"' % cap)
    monkeypatch.setattr("tests.controller.desk.LIBRARY", parse_library(text))
    tally = live(range(TRIED))
    assert any("ug within 7 days" in line for line in tally.wrong), tally.last_line()


def test_with_a_ledger_that_forgets_it_is_red(monkeypatch: pytest.MonkeyPatch):
    def forgets(ward: settling.Ward, *_: object) -> None:
        ward.ledger = Ledger()

    monkeypatch.setattr("pumpctl.supervision.settling.book", forgets)
    assert any("booked" in line for line in live(range(TRIED)).wrong)


def test_with_a_replay_that_leaves_a_dose_out_it_is_red(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pumpctl.supervision.remembering.book", lambda *_: None)
    assert any("replayed" in line for line in live(range(TRIED)).wrong)


def test_the_oracle_cuts_its_windows_half_open():
    day = [Given(0, HOUR_NS, 100), Given(DAY_NS, DAY_NS + HOUR_NS, 100)]
    assert fullest_ug(day, DAY_NS) == 100
    assert fullest_ug(day, DAY_NS + HOUR_NS) == 200
    assert fullest_ug(day, DAY_NS + HOUR_NS // 2) == 150
    assert fullest_ug([], WEEK_NS) == 0
