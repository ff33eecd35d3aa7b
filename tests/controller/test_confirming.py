"""A pump without a button is confirmed at the daemon's terminal, by the flow, and started through the same door."""

from __future__ import annotations

import pytest

from protocols.companion import messages as wire
from protocols.companion.vocabulary import IdentityFlag
from pumpctl.core.delivery import DeliveryState
from pumpctl.events import GuardChanged
from tests.controller.desk import A, Desk
from tests.controller.orders import once
from tests.controller.pump_double import IDENTITY_FLAGS, PumpDouble
from tests.controller.scenes import load

D = DeliveryState
FLOW = "10 mL/h"


def without_a_button() -> Desk:
    """The order is loaded and waits."""
    return load(Desk(doubles={A: PumpDouble(flags=IDENTITY_FLAGS & ~IdentityFlag.CONFIRM_BUTTON)}), once())


def refused(desk: Desk, **params: object) -> tuple[int, list[str]]:
    refusal = desk.refused(desk.ask_and_wait("confirm", **params))
    return refusal.exit_code, [reason.code for reason in refusal.reasons]


def starts(desk: Desk) -> int:
    return desk.pump.count(wire.Start)


def test_the_flow_typed_starts_what_waits_and_the_journal_says_who_did_it():
    desk = without_a_button()
    given = desk.given(desk.ask_and_wait("confirm", flow=FLOW, person="N. Nurse"))
    assert (given["channel"], given["person"]) == (A, "N. Nurse")
    (told,) = desk.recorded("confirmed_at_terminal")
    assert (told.body["person"], told.body["resume"]) == ("N. Nurse", False)
    (intent,) = desk.recorded("dosing_intent")
    assert intent.seq < told.seq
    assert starts(desk) == 1


@pytest.mark.parametrize(
    ("flow", "refusal"),
    [
        ("9.9 mL/h", (4, ["flow_differs"])),
        ("10.1 mL/h", (4, ["flow_differs"])),
        ("1 mL/h", (4, ["flow_differs"])),
        ("10", (2, ["bad_parameter"])),
        ("ten mL/h", (2, ["bad_parameter"])),
        ("10 mL", (2, ["bad_parameter"])),
        (None, (2, ["bad_parameter"])),
    ],
)
def test_another_flow_starts_nothing(flow: str | None, refusal: tuple[int, list[str]]):
    desk = without_a_button()
    assert refused(desk, flow=flow) == refusal
    assert (desk.state, starts(desk), desk.recorded("dosing_intent")) == (D.AWAITING_CONFIRMATION, 0, [])


def test_ten_thousand_microlitres_an_hour_are_the_same_flow():
    desk = without_a_button()
    desk.given(desk.ask_and_wait("confirm", flow="10.0 mL/h"))
    assert starts(desk) == 1


def test_one_confirmation_is_one_start():
    desk = without_a_button()
    desk.holds_records = True
    desk.ask("confirm", flow=FLOW)
    assert refused(desk, flow=FLOW) == (4, ["nothing_to_confirm"])
    desk.release_records()
    desk.run_for(1_000)
    assert starts(desk) == 1


def test_before_the_intent_is_durable_nothing_is_told_and_nothing_starts():
    desk = without_a_button()
    desk.holds_records = True
    number = desk.ask("confirm", flow=FLOW)
    desk.run_for(1_000)
    assert number not in desk.answers
    assert starts(desk) == 0


def test_what_an_interlock_forbids_no_confirmation_permits():
    desk = without_a_button()
    desk.tell(GuardChanged(alive=False))
    assert refused(desk, flow=FLOW) == (4, ["guard_absent"])
    assert (starts(desk), desk.recorded("confirmed_at_terminal")) == (0, [])


def test_nothing_waits_where_nothing_is_loaded_and_a_button_is_never_replaced():
    desk = Desk(doubles={A: PumpDouble(flags=IDENTITY_FLAGS & ~IdentityFlag.CONFIRM_BUTTON)})
    assert refused(desk, flow=FLOW) == (5, ["identity_unproven"])
    desk.plug_in()
    desk.run_for(1_000)
    assert refused(desk, flow=FLOW) == (4, ["nothing_to_confirm"])
    with_button = load(Desk(), once())
    assert refused(with_button, flow=FLOW) == (4, ["confirm_at_the_pump"])
