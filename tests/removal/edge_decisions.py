"""The decisions at the edge: bytes, ports, files, clocks and what is told to the world.

Refuses to know medicine. Each row is what keeps one hazard of the list from the rooms that decide.
"""

# pyright: reportPrivateUsage=false
# (a stand-in does what the method of that class does, but for the one thing)
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from protocols.companion.session import Reply, Stray
from pumpctl.core.instant import Now
from pumpctl.core.reason import Reason
from pumpctl.effects import WritePump
from pumpctl.shell import anchor
from pumpctl.shell.event_loop import EventLoop
from pumpctl.shell.inbox import InboxOverflow
from pumpctl.shell.port import OpenPort
from pumpctl.shell.serial_link import SerialLink
from pumpctl.shell.unusable import Unusable
from pumpctl.supervision.channel import Channel, Link
from tests.removal.control import Anything
from tests.removal.decided import Decision, always, instead_of, undone, unless_raised

SETTINGS = "pumpctl/configuration.py"  # the list of firmware that may be driven; identity.py holds it against the pump


def _taken_for_the_answer(stray: Stray, session: Anything, _content: bytes) -> Anything:
    request = session.outstanding
    answer: Anything = stray.envelope.message
    return stray if request is None else Reply(request, answer)


def _shown_as_live(original: Anything, status: Anything, channel: Channel, now: Now) -> Anything:
    seen = SimpleNamespace(
        link=Link.UP, infusion=channel.infusion, configuration=channel.configuration, identity=channel.identity
    )
    return original(status, seen, now)


def _never_too_old(original: Anything, state: Anything, _since_ns: int, told_s: Anything) -> Anything:
    return original(state, 0, told_s)


def _in_its_turn(_original: Anything, loop: EventLoop, effects: tuple[Anything, ...]) -> None:
    for effect in effects:
        loop._carry_out_one(replace(effect, is_stop=False) if isinstance(effect, WritePump) else effect)


def _behind_whatever_is_half_written(_original: Anything, link: SerialLink, port: OpenPort, frame: bytes) -> None:
    link._wrote_stop_last = link._stop_waits = True
    link._send(port, frame)


def _flushed_away(original: Anything, link: SerialLink, port: OpenPort, frame: bytes) -> None:
    link._stops_leave_s = 0.0
    original(link, port, frame)


def _whatever_its_checksum(_original: Anything, content: bytes) -> Anything:
    body = content[: anchor._LAYOUT.size]
    if len(body) < anchor._LAYOUT.size:
        return None
    _, generation, seq, digest, epoch = anchor._LAYOUT.unpack(body)
    return generation, anchor.Head(seq, digest, epoch)


def _shared(original: Anything, url: str, *args: Anything, **kwargs: Anything) -> Anything:
    return original(url, *args, **{**kwargs, "exclusive": False})


def _any_firmware(refusal: Reason, *_args: Anything) -> Reason | None:
    return None if refusal.code == "unknown_firmware" else refusal


EDGE = (
    Decision("protocols.companion.framing", "_flaw", always(None)),
    Decision("protocols.companion.session", "CompanionSession._hear", instead_of(Stray, _taken_for_the_answer)),
    Decision("pumpctl.telemetry", "_read", _shown_as_live, acts=True),
    Decision("pumpctl.shell.clock", "Clock.wall_step", always(None)),
    Decision("pumpctl.shell.crash_record", "crashes_too_often", always(answer=False)),
    Decision("pumpctl.shell.inbox", "Inbox.request", always(answer=True)),
    Decision("pumpctl.shell.inbox", "Inbox._append", unless_raised(InboxOverflow)),
    Decision("pumpctl.shell.event_loop", "EventLoop._carry_out", _in_its_turn, acts=True),
    Decision("pumpctl.shell.serial_link", "SerialLink._write_stop", _behind_whatever_is_half_written, acts=True),
    Decision("pumpctl.shell.serial_link", "SerialLink._write_stop", _flushed_away, acts=True, what="of another pump"),
    Decision("pumpctl.shell.line_settings", "why_not_together", always(None)),
    Decision("pumpctl.shell.chain", "_verdict", always("")),
    Decision("pumpctl.shell.anchor", "_slot", _whatever_its_checksum),
    Decision("pumpctl.shell.journal", "lock_state_dir", unless_raised(Unusable, otherwise=0)),
    Decision("pumpctl.shell.control_socket", "ControlSocket.admit", always(answer=True)),
    Decision("serial", "serial_for_url", _shared, acts=True, file="pumpctl/shell/port.py"),
    Decision(
        "pumpctl.supervision.identity", "_not_ours", instead_of(Reason, _any_firmware), file=SETTINGS, what="firmware"
    ),
    *undone("pumpctl.shell.event_loop", "EventLoop._crash", "EventLoop._watch_guard_slot"),
    *undone("pumpctl.shell.journal", "Journal._look_at_space", "Journal._fail"),
    *undone("pumpctl.shell.annunciator", "Annunciator.ring"),
    *undone("pumpctl.shell.mqtt_live", "LiveValues.renew"),
    *undone("pumpctl.shell.mqtt_outbox", "EventOutbox._deliver"),
    *undone("pumpctl.shell.mqtt_client", "Connection._on_message"),
    *undone("pumpctl.shell.status_line", "StatusLine._discard_output"),
    Decision("pumpctl.cli.status_board", "_row", _never_too_old, acts=True),
)
