"""The largest answer that there is, the status of every channel, fits what a client may leave unread."""

from __future__ import annotations

from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, JournalCondition, JournalContent, Mode
from pumpctl.controller import Controller
from pumpctl.core.instant import Now
from pumpctl.core.reason import Priority
from pumpctl.effects import Reply
from pumpctl.events import OperatorRequest
from pumpctl.guard.wire import CHANNEL_LIMIT
from pumpctl.shell.control_socket import UNREAD_BYTES
from pumpctl.shell.jsonrpc import result_line
from pumpctl.shell.library_file import read_library
from pumpctl.supervision.channel import ActiveAlarm

ALARMS = 6  # at a time, on each of them
MESSAGE = "a volume counter of the pump fell without a power-on: none of them is believed"


def test_the_status_of_all_channels_in_alarm_reaches_a_client() -> None:
    channels = tuple(
        ChannelConfiguration(f"bed-{number}", "companion", f"SIM-{number:04}", f"patient-{number}")
        for number in range(CHANNEL_LIMIT)
    )
    nothing = JournalContent(JournalCondition.SOUND, "", ())
    controller = Controller(ControllerConfiguration(Mode.RIG, 1, channels), read_library(), nothing)
    now = Now(1, 1, 1_796_148_000_000)
    controller.start(now)
    for channel in controller.ward.channels.values():
        channel.alarms |= {f"alarm_{place}": ActiveAlarm(Priority.HIGH, MESSAGE, 1) for place in range(ALARMS)}
    effects = controller.handle(OperatorRequest(1, "status", {}, "tester"), now)
    (reply,) = (effect for effect in effects if isinstance(effect, Reply))
    assert len(reply.result["channels"]) == CHANNEL_LIMIT
    assert len(result_line(1, reply.result)) < UNREAD_BYTES
