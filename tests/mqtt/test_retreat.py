"""How long the link stays away: both sides of each edge, by a clock in the test's hand."""

from __future__ import annotations

import aiomqtt
import pytest

from pumpctl.shell import mqtt_retreat
from pumpctl.shell.mqtt_retreat import LONGEST_WAIT_S, SHORT_ONES, SHORT_S, TAKEN_OVER_WAIT_S, Retreat

REFUSED = aiomqtt.MqttError("[Errno 111] Connection refused")
LOST = aiomqtt.MqttCodeError(0x80, "lost")
TAKEN_OVER = aiomqtt.MqttCodeError(0x8E, "taken over")


class Clock:
    """Stands until it is set on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mqtt_retreat, "spread", lambda delay_s: delay_s)
        self.now_s = 100.0
        self.retreat = Retreat("pumpctl-rig", lambda: self.now_s)

    def lost_after(self, lasted_s: float, error: Exception = LOST) -> tuple[float, str]:
        self.retreat.connected()
        self.now_s += lasted_s
        return self.retreat.after(error)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_each_refused_attempt_waits_longer_up_to_a_minute_and_a_connection_begins_anew(clock: Clock):
    waits_s = [clock.retreat.after(REFUSED)[0] for _ in range(8)]
    assert waits_s == [1, 2, 4, 8, 16, 32, LONGEST_WAIT_S, LONGEST_WAIT_S]
    assert clock.lost_after(SHORT_S) == (1, "the connection was lost")
    assert clock.retreat.after(REFUSED) == (2, str(REFUSED))


def test_a_broker_that_names_another_client_is_left_alone_for_minutes(clock: Clock):
    wait_s, why = clock.lost_after(1, TAKEN_OVER)
    assert wait_s == TAKEN_OVER_WAIT_S
    assert why == "another daemon seems to connect as pumpctl-rig: give each its own `instance`"


def test_so_is_one_that_hangs_up_soon_again_and_again(clock: Clock):
    told = [clock.lost_after(SHORT_S - 1) for _ in range(SHORT_ONES)]
    assert [wait_s for wait_s, _ in told] == [1] * (SHORT_ONES - 1) + [TAKEN_OVER_WAIT_S]
    assert told[-1][1].endswith(f"{SHORT_ONES} connections were lost soon after they were made")
    assert clock.lost_after(1)[0] == 1, "and then it counts from the beginning"


def test_a_broker_that_was_away_or_stayed_for_a_while_is_no_other_daemon(clock: Clock):
    for between in (lambda: clock.retreat.after(REFUSED), lambda: clock.lost_after(SHORT_S)):
        for _ in range(3):
            for _ in range(SHORT_ONES - 1):
                assert clock.lost_after(1)[0] == 1
            assert between()[0] < TAKEN_OVER_WAIT_S


def test_what_is_wrong_is_said_in_words(clock: Clock):
    assert "not authorized" in clock.lost_after(1, aiomqtt.MqttCodeError(0x87, "denied"))[1]
    assert clock.lost_after(1, OSError("no route"))[1] == "OSError: no route"
