"""`pumpsim patient`: what it says, what it draws, and one clear line with the right exit code for bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.cli import main
from simulator.patient.limits import LIMITS, PURPOSE
from tests.core.golden import EXAMPLES, table

GOLDEN = str(EXAMPLES / "golden-home-sc-accepted.json")
TEN_FOLD = str(EXAMPLES / "refused-ten-fold-rate.json")


class Pumpsim:
    """Runs `pumpsim patient` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr("sys.argv", ["pumpsim", "patient", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    def json(self, *arguments: str) -> dict[str, Any]:
        code, out, err = self(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)


@pytest.fixture
def pumpsim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pumpsim:
    return Pumpsim(monkeypatch, capsys)


def test_a_week_of_the_golden_order(pumpsim: Pumpsim, tmp_path: Path):
    picture = tmp_path / "serum.png"
    told = pumpsim.json("--order", GOLDEN, "--days", "7", "-o", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert told["file"] == str(picture)
    assert (told["verdict"], told["against"]) == ("accepted", [])
    assert (told["patient"], told["clearance_ml_min"], told["days"]) == ("wasting", 100, 7)
    assert (told["infusions"], told["mass_mg"]) == (7, 14_000.0)
    assert told["baseline"] == {"mmol_l": 0.4525, "mg_dl": 1.1}
    assert [row["mg_dl"] for row in told["after_days"]] == [1.409, 1.623, 1.756, 1.831, 1.871, 1.89, 1.9]
    assert (told["peak"]["mg_dl"], round(told["peak"]["at_h"] / 24, 1)) == (2.121, 6.4)
    assert len(told["hourly_mmol_l"]) == 7 * 24 + 1
    assert told["hourly_mmol_l"][24] == told["after_days"][0]["mmol_l"]
    assert told["imbalance_mmol"] < 1e-9
    assert told["population"] is None
    assert told["limits"] == list(LIMITS)


def test_the_end_of_the_days_cuts_the_infusion_that_is_not_over(pumpsim: Pumpsim, tmp_path: Path):
    """2 g in 40 h, daily: 1.2 g in the first day; in two days the whole first one and 1.2 g of the second."""
    slow = tmp_path / "slow.json"
    slow.write_text(json.dumps(table({"phases.0.flow": "2.5 mL/h", "phases.0.duration": "40 h"})))
    for days, infusions, mass_mg in (("1", 1, 1_200.0), ("2", 2, 3_200.0)):
        told = pumpsim.json("--order", str(slow), "--days", days, "--even-if-refused")
        assert (told["infusions"], told["mass_mg"]) == (infusions, mass_mg)
        assert told["file"] is None


def test_text_for_people_says_the_same_and_the_limits(pumpsim: Pumpsim):
    code, out, err = pumpsim("--order", GOLDEN, "--population", "20", "--seed", "9")
    assert (code, err) == (0, "")
    assert "order golden-home-sc, 7 days; accepted by the rules" in out
    assert "day   7   1.90 mg/dL (0.78 mmol/L) at its end" in out
    assert "peak      2.12 mg/dL (0.87 mmol/L) after 6 days 10.4 h" in out
    assert "20 people, seed 9: peak " in out
    assert PURPOSE in out
    assert all(limit in out for limit in LIMITS)


def test_the_healthy_the_clearance_and_the_seed_are_taken(pumpsim: Pumpsim):
    healthy = pumpsim.json("--order", GOLDEN, "--days", "1", "--patient", "healthy")
    assert healthy["baseline"]["mg_dl"] == pytest.approx(1.85, abs=0.01)
    slower = pumpsim.json("--order", GOLDEN, "--days", "1", "--crcl", "30")
    assert slower["baseline"]["mg_dl"] > 1.2
    crowds = [
        pumpsim.json("--order", GOLDEN, "--days", "1", "--population", "20", "--seed", seed)["population"]
        for seed in ("1", "1", "2")
    ]
    assert crowds[0] == crowds[1] != crowds[2]
    assert (crowds[0]["size"], crowds[2]["seed"], crowds[0]["percentiles"]) == (20, 2, [5, 50, 95])
    assert [row["day"] for row in crowds[0]["after_days"]] == [0, 1]
    for row in crowds[0]["after_days"]:
        assert row["people_mg_dl"] == sorted(row["people_mg_dl"])


def test_a_refused_order_ends_with_its_findings(pumpsim: Pumpsim, tmp_path: Path):
    picture = tmp_path / "serum.png"
    code, out, err = pumpsim("--order", TEN_FOLD, "-o", str(picture))
    assert (code, out) == (4, "")
    assert err == f"pumpsim: {TEN_FOLD}: the order is refused by P03; --even-if-refused draws it all the same\n"
    assert not picture.exists()
    code, out, err = pumpsim("--order", TEN_FOLD, "--json")
    assert code == 4
    assert json.loads(out)["verdict"] == "refused"


def test_an_order_without_its_override_ends_with_three(pumpsim: Pumpsim):
    code, out, err = pumpsim("--order", str(EXAMPLES / "golden-home-sc.json"))
    assert (code, out) == (3, "")
    assert "needs an override of Q31; --even-if-refused" in err


def test_what_the_rules_prevent_can_be_seen(pumpsim: Pumpsim, tmp_path: Path):
    picture = tmp_path / "serum.png"
    told = pumpsim.json("--order", TEN_FOLD, "--even-if-refused", "--days", "2", "-o", str(picture))
    assert (told["verdict"], told["against"]) == ("refused", ["P03"])
    assert picture.exists()
    code, out, _ = pumpsim("--order", TEN_FOLD, "--even-if-refused", "--days", "1")
    assert code == 0
    assert "REFUSED: P03" in out.splitlines()[0]
    _, out, _ = pumpsim("--order", str(EXAMPLES / "golden-home-sc.json"), "--even-if-refused", "--days", "1")
    assert "NEEDS AN OVERRIDE: Q31" in out.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "complaint"),
    [
        ([], 2, "--order"),
        (["--order", "none.json"], 2, "none.json: No such file or directory"),
        (["--order", GOLDEN, "--days", "0"], 2, "--days 0: not from 1 to 35"),
        (["--order", GOLDEN, "--days", "36"], 2, "--days 36: not from 1 to 35"),
        (["--order", GOLDEN, "--days", "10000"], 2, "--days 10000: not from 1 to 35"),
        (["--order", GOLDEN, "--days", "many"], 2, "--days"),
        (["--order", GOLDEN, "--patient", "martian"], 2, "--patient martian: not known; there are healthy, wasting"),
        (["--order", GOLDEN, "--crcl", "4"], 2, "--crcl 4: not from 5 to 250"),
        (["--order", GOLDEN, "--crcl", "251"], 2, "--crcl 251: not from 5 to 250"),
        (["--order", GOLDEN, "--population", "19"], 2, "--population 19: not from 20 to 500"),
        (["--order", GOLDEN, "--population", "501"], 2, "--population 501: not from 20 to 500"),
        (["--order", GOLDEN, "--population", "-1"], 2, "--population -1: not from 20 to 500"),
        (["--order", GOLDEN, "--seed", "-1"], 2, "--seed -1"),
        (["--order", GOLDEN, "--at", "yesterday"], 2, "--at 'yesterday'"),
        (["--order", GOLDEN, "--at", "2027-06-01T00:00:00Z"], 4, "refused by"),
        (["--order", GOLDEN, "-o", "serum.pdf"], 2, "-o serum.pdf: the picture is a .png"),
        (
            ["--order", GOLDEN, "--days", "1", "-o", "no/such/folder/serum.png"],
            2,
            "serum.png: No such file or directory",
        ),
        (["--order", str(EXAMPLES / "refused-no-basis.json"), "--even-if-refused"], 4, "(U01); nothing to draw"),
        (["--order", "not-json.json"], 2, "not-json.json"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    exit_code: int,
    complaint: str,
    pumpsim: Pumpsim,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (tmp_path / "not-json.json").write_text("{")
    monkeypatch.chdir(tmp_path)
    code, out, err = pumpsim(*arguments)
    assert (code, out) == (exit_code, "")
    assert err.startswith("pumpsim: ")
    assert err.count("\n") == 1
    assert complaint in err


def test_without_the_extra_it_says_what_is_missing(pumpsim: Pumpsim, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    code, out, err = pumpsim("--order", GOLDEN)
    assert (code, out) == (2, "")
    assert err == "pumpsim: pumpsim patient needs numpy and matplotlib; install pumpctl with the extra rig\n"
