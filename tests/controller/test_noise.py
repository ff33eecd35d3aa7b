"""What a pump sends and nobody believes is counted by reason, changes nothing else, and fills no memory."""

from __future__ import annotations

from pumpctl.drivers.pump import LineNoise
from pumpctl.effects import Publish
from pumpctl.supervision.channel import NOISE_KINDS
from tests.controller.desk import A, Desk
from tests.controller.happenings import hear


def plugged_in() -> Desk:
    desk = Desk()
    desk.plug_in()
    desk.run_for(2_000)
    return desk


def test_noise_is_counted_by_reason_and_channel():
    desk = plugged_in()
    assert desk.controller.noise()[A] == {}
    for reason in ("wrong_crc", "a late reply", "wrong_crc"):
        hear(desk, LineNoise(reason))
    heard = desk.controller.noise()
    assert heard.pop(A) == {"wrong_crc": 2, "a late reply": 1}
    assert not any(heard.values())


def test_damaged_bytes_are_noise_of_their_kind():
    desk = plugged_in()
    desk.say(b"\x05\x01\x02\x03\x04\x00")
    desk.run_for(100)
    assert sum(desk.controller.noise()[A].values()) == 1


def test_noise_leads_to_nothing_but_its_count():
    desk = plugged_in()
    state, before = desk.state, len(desk.records)
    hear(desk, LineNoise("noise"))
    assert (desk.state, len(desk.records), desk.active_alarms()) == (state, before, set())
    assert not [e for e in desk.effects[-3:] if isinstance(e, Publish) and e.leaf == "event"]


def test_a_pump_that_invents_reasons_fills_no_memory():
    desk = plugged_in()
    for number in range(NOISE_KINDS + 5):
        hear(desk, LineNoise(f"kind {number}"))
    hear(desk, LineNoise("kind 0"))
    heard = desk.controller.noise()[A]
    assert len(heard) == NOISE_KINDS + 1
    assert (heard["other"], heard["kind 0"]) == (5, 2)
