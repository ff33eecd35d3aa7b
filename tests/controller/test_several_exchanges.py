"""A command of several exchanges: each further question is written in its turn, and none after STOP."""

from __future__ import annotations

from protocols.companion import messages as wire
from protocols.companion.codec import encode
from pumpctl.core.instant import Now
from pumpctl.drivers.companion import CompanionDriver
from pumpctl.drivers.pump import Command, Fact
from pumpctl.effects import WritePump
from tests.controller.desk import Desk
from tests.controller.orders import once
from tests.controller.scenes import infusing

FURTHER = encode(wire.GetStatus(), 99, 9)  # of nobody's session: its answer is a stray


class Asking(CompanionDriver):
    """After each answer it has one more question, unless STOP was written since."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._further = b""

    def command(self, command: Command, now: Now) -> bytes:
        self.said.append("command")
        return super().command(command, now)

    def receive(self, received: bytes) -> list[Fact]:
        self._further = FURTHER
        return super().receive(received)

    def outgoing(self, now: Now) -> bytes:  # noqa: ARG002
        further, self._further = self._further, b""
        return further

    def stopping(self, now: Now) -> None:  # noqa: ARG002
        self.said.append("stopping")
        self._further = b""


def _asking() -> tuple[Desk, Asking]:
    desk = infusing(once())
    driver = Asking()
    driver.open(4711)
    desk.channel.driver = driver
    return desk, driver


def _writes(desk: Desk, since: int) -> list[WritePump]:
    return [effect for effect in desk.effects[since:] if isinstance(effect, WritePump)]


def test_a_further_question_is_written_once_after_the_answer_before_it():
    desk, _ = _asking()
    since = len(desk.effects)
    desk.say(b"\x00")
    assert [write.frame for write in _writes(desk, since)] == [FURTHER]
    since = len(desk.effects)
    desk.run_for(1)
    assert FURTHER not in [write.frame for write in _writes(desk, since)]


def test_the_driver_hears_of_a_stop_before_it_is_written_and_follows_it_with_nothing():
    desk, driver = _asking()
    driver.receive(b"\x00")
    since = len(desk.effects)
    desk.ask("stop")
    assert driver.said[0] == "stopping"
    (write, *others) = _writes(desk, since)
    assert write.is_stop
    assert FURTHER not in [other.frame for other in others]


def test_a_port_that_is_closed_gets_no_further_question():
    desk, driver = _asking()
    driver.receive(b"\x00")
    since = len(desk.effects)
    desk.unplug()
    assert _writes(desk, since) == []
