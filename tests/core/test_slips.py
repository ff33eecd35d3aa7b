"""Published dosing errors (clinical.md section 6): the order check is what must catch them."""

from __future__ import annotations

from typing import Any

import pytest

from pumpctl.core.exposure import Certainty, Ledger, Segment
from pumpctl.core.rules.case import Context
from pumpctl.core.validation import Decision
from tests.core.golden import (
    AT,
    CONTINUOUS,
    GOLDEN,
    HOUR_MS,
    LOADING,
    ONCE,
    blocking,
    infusion,
    phase,
    verdict,
)

Changes = dict[str, Any]


SLIPS = [
    "phases.0.dose",
    "phases.0.volume",
    "phases.0.duration",
    "phases.0.flow",
    "phases.0.bag.content",
    "phases.0.bag.final_volume",
    "phases.0.bag.concentration",
]


@pytest.mark.parametrize("field", SLIPS)
@pytest.mark.parametrize("factor", ["x10", "x100", "/10", "comma", "bounce"])
def test_a_slip_in_any_one_field_is_refused(field: str, factor: str):
    content: Any = GOLDEN
    for part in field.split("."):
        content = content[int(part) if part.isdigit() else part]
    number, unit = str(content).split(" ")
    slipped = {
        "x10": f"{number}0",
        "x100": f"{number}00",
        "/10": f"{number[:-1] or '0'}.{number[-1]}",
        "comma": f"{number},0",
        "bounce": f"{number[0]}{number}",
    }[factor]
    found = verdict({field: f"{slipped} {unit}"})
    assert found.decision is Decision.REFUSED


def test_ten_times_the_rate_written_consistently():
    """No serum alarm would catch it: the order check must (clinical.md section 6)."""
    found = verdict({"phases.0.flow": "100 mL/h", "phases.0.duration": "1 h"})
    assert ("P03", "hard") in blocking(found)


def test_sixteen_grams_for_sixteen_milliequivalents():
    meant = verdict({"schedule": ONCE} | infusion("16 mEq", "100 mL", "10 h", "10 mL/h"))
    assert blocking(meant) == set()
    given = verdict({"schedule": ONCE} | infusion("16 g", "100 mL", "10 h", "10 mL/h"))
    assert {"Q30", "P03", "L03", "D24"} <= {rule for rule, severity in blocking(given) if severity == "hard"}


def test_anhydrous_taken_for_heptahydrate():
    found = verdict({"product.basis": "anhydrous"})
    assert ("Q30", "hard") in blocking(found)


def test_ten_millilitres_of_stock_for_ten_milliequivalents():
    """10 mL of 50 % stock is 5 g, four times 10 mEq."""
    stated = infusion("10 mEq", "100 mL", "10 h", "10 mL/h")
    stated["phases"][0]["bag"]["content"] = "5 g"
    assert ("U02", "hard") in blocking(verdict({"schedule": ONCE} | stated))


def test_added_to_the_bag_runs_at_the_final_volume():
    """4 mL added to 100 mL is 104 mL, and 10.4 mL/h is the golden rate (clinical.md section 1)."""
    changes = infusion("2 g", "104 mL", "10 h", "10.4 mL/h")
    changes["phases"][0]["bag"]["base_volume"] = "100 mL"
    assert blocking(verdict(changes)) == {("Q31", "soft")}
    wrong = infusion("2 g", "104 mL", "10 h", "10 mL/h")
    assert ("U02", "hard") in blocking(verdict(wrong))


def test_310_millilitres_an_hour_keyed_for_30():
    """Of 4 % premix, 30 mL/h is 20 mg/min; 31 times the flow alone disagrees, consistently it breaks the rate."""
    meant = phase("loading", "2 g", "50 mL", "100 min", "30 mL/h")
    keyed = meant | {"flow": "310 mL/h"}
    assert ("U02", "hard") in blocking(verdict({"phases": [keyed]}, LOADING))
    consistent = phase("continuous", "2.4 g", "60 mL", "11.61 min", "310 mL/h")
    assert ("Q22", "hard") in blocking(verdict({"phases": [consistent]}, CONTINUOUS))


def test_the_volume_typed_in_the_rate_field():
    found = verdict({"phases.0.flow": "100 mL/h"})
    assert {("U02", "hard"), ("P03", "hard")} <= blocking(found)


def test_4_8_read_as_44_8():
    meant = infusion("0.96 g", "48 mL", "10 h", "4.8 mL/h")
    assert verdict({"schedule": ONCE} | meant).decision is Decision.ACCEPTED
    for field in ("dose", "volume", "flow", "duration"):
        number, unit = meant["phases"][0][field].split(" ")
        bounced = {"schedule": ONCE} | infusion("0.96 g", "48 mL", "10 h", "4.8 mL/h")
        bounced["phases"][0][field] = f"{number[0]}{number} {unit}"
        assert verdict(bounced).decision is Decision.REFUSED, field


def test_two_overwritten_to_fifty_one_grams():
    alone = verdict({"phases.0.dose": "51 g"})
    assert {("U02", "hard"), ("Q30", "hard")} <= blocking(alone)
    everywhere = verdict({"schedule": ONCE} | infusion("51 g", "100 mL", "10 h", "10 mL/h"))
    assert {("Q30", "hard"), ("P03", "hard"), ("L03", "hard"), ("D24", "hard")} <= blocking(everywhere)


def test_undiluted_stock_under_the_skin():
    undiluted = infusion("2 g", "4 mL", "10 h", "0.4 mL/h")
    stock = {"schedule": ONCE, "product.stock_concentration": "500 mg/mL"}
    assert {("L03", "hard"), ("P02", "hard")} <= blocking(verdict(stock | undiluted))


def test_the_second_bag_on_the_same_day_under_a_new_order_id():
    """The first began an hour ago: no start within 20 h of it, and more than 24 mmol in the day."""
    running = Segment(
        key="first bag",
        patient_id=GOLDEN["patient"]["id"],
        order_digest="another order",
        occurrence=1,
        route="sc",
        start_utc_ms=AT - HOUR_MS,
        end_utc_ms=AT + 9 * HOUR_MS,
        most_ug=4_000_000,
        certainty=Certainty.RUNNING,
    )
    found = verdict({"order_id": "second"}, context=Context(AT, Ledger((running,))))
    assert {("S03", "hard"), ("D24", "hard")} <= blocking(found)
