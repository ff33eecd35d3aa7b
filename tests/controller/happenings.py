"""Everything that can happen to the controller, one example a kind: each event of events.py, each fact of a driver.

Refuses to know what should follow. Two tables, complete by a test: a kind added to the vocabulary and not here is red.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from protocols.companion.codec import STOPPED_FRAME
from pumpctl.core.delivered import Counters
from pumpctl.core.instant import Now
from pumpctl.drivers.pump import (
    ConfirmationRead,
    Denied,
    Done,
    Driver,
    EventRead,
    Fact,
    Identified,
    LineNoise,
    LoadProgram,
    Noticed,
    Pause,
    ProgramRead,
    PumpActivity,
    ReadStatus,
    Renew,
    Resume,
    SessionLost,
    Start,
    StatusRead,
    StopTaken,
    Unanswered,
)
from pumpctl.events import (
    DeadlineReached,
    Event,
    GuardChanged,
    GuardFired,
    LinkDown,
    LinkUp,
    OperatorRequest,
    PumpBytes,
    Recorded,
    RecordFailed,
    WallClockStepped,
)
from tests.controller.desk import A, Desk

FOREIGN = bytes(range(8))


@dataclass(slots=True)
class Said:
    """A driver that says what it is told to say, once, and is the real one in everything else."""

    real: Driver
    facts: list[Fact] = field(default_factory=list[Fact])

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def receive(self, received: bytes) -> list[Fact]:
        facts, self.facts = self.facts, []
        return facts or self.real.receive(received)


def hear(desk: Desk, fact: Fact) -> None:
    """The driver of channel a reports this fact now."""
    channel = desk.channel
    if not isinstance(channel.driver, Said):
        channel.driver = Said(channel.driver)  # pyright: ignore[reportAttributeAccessIssue]
    said: Any = channel.driver
    said.facts = [fact]
    desk.tell(PumpBytes(A, b"\x00"))


def _our_id(desk: Desk) -> bytes:
    infusion = desk.channel.infusion
    return infusion.program_id if infusion else FOREIGN


def status(desk: Desk, activity: PumpActivity, **changes: object) -> StatusRead:
    """A status asked for now, of a pump that is where the double is."""
    held = activity not in {PumpActivity.IDLE, PumpActivity.STOPPED}
    flow = 10_000 if activity is PumpActivity.INFUSING else 0
    moved = desk.pump.moved_ul
    fields: dict[str, Any] = {
        "asked": Now(desk.link_ns, desk.now.therapy_ns, desk.now.utc_ms),
        "uptime_ms": desk.link_ns // 1_000_000,
        "activity": activity,
        "program_id": _our_id(desk) if held else None,
        "counters": Counters(desk.pump.boot_count, moved, moved, moved),
        "program_ul": 0,
        "commanded_flow_ul_h": flow,
        "measured_flow_ul_h": flow,
        "moving": bool(flow),
        "confirmation_waits": activity is PumpActivity.CONFIRMED,
        "alarms": (),
        "stopping_alarms": (),
        "pressure_mmhg": 8,
        "reservoir_ul": 200_000,
        "battery_permille": 900,
        "event_count": 0,
        "lease_left_ms": 0,
    }
    fields.update(changes)
    return StatusRead(**fields)


def _identified(desk: Desk, serial: str) -> Identified:
    known = desk.channel.identity
    assert known is not None or desk.controller is not None
    capability: Any = known.capability if known else None
    if capability is None:
        from pumpctl.core.capability import COMPANION_REFERENCE as capability  # noqa: N811
    return Identified(serial, "sim-1.0", simulated=True, auto_confirm=False, boot_count=1, uptime_ms=1,
                      capability=capability)  # fmt: skip


_A = PumpActivity
FACTS: dict[str, Callable[[Desk], Fact]] = {
    "identified": lambda d: _identified(d, "SIM-0001"),
    "identified_other": lambda d: _identified(d, "SIM-9999"),
    **{f"status_{a.value}": (lambda d, a=a: status(d, a)) for a in PumpActivity},
    "status_foreign_infusing": lambda d: status(d, _A.INFUSING, program_id=FOREIGN),
    "status_alarm": lambda d: status(
        d, _A.STOPPED, alarms=("door_open",), stopping_alarms=("door_open",), program_id=None
    ),
    "status_other_boot": lambda d: status(d, _A.IDLE, counters=Counters(99, 0, 0, 0)),
    "program_read_ours": lambda d: ProgramRead(_our_id(d), d.channel.infusion and d.channel.infusion.program),
    "program_read_other": lambda _: ProgramRead(FOREIGN, None),
    "confirmation_start": lambda d: ConfirmationRead(_our_id(d), 77, for_resume=False),
    "confirmation_resume": lambda d: ConfirmationRead(_our_id(d), 78, for_resume=True),
    "confirmation_none": lambda _: ConfirmationRead(None, None, for_resume=False),
    "done_start": lambda d: Done(Start(_our_id(d), 7)),
    "done_pause": lambda d: Done(Pause(_our_id(d))),
    "denied_start": lambda d: Denied(Start(_our_id(d), 7), "wrong_token"),
    "denied_resume": lambda d: Denied(Resume(_our_id(d), 7), "wrong_token"),
    "denied_pause": lambda d: Denied(Pause(_our_id(d)), "bad_state"),
    "denied_renew": lambda d: Denied(Renew(_our_id(d), 1), "lease_out_of_range"),
    "denied_status": lambda _: Denied(ReadStatus(), "unknown_request"),
    "unanswered_status": lambda _: Unanswered(ReadStatus()),
    "unanswered_start": lambda d: Unanswered(Start(_our_id(d), 7)),
    "stop_taken": lambda _: StopTaken(),
    "noticed_quiet": lambda _: Noticed(_A.CONFIRMED, ()),
    "noticed_alarm": lambda _: Noticed(_A.STOPPED, ("door_open",)),
    "event_quiet": lambda _: EventRead(0, "started", ()),
    "event_alarm": lambda _: EventRead(0, "alarm_raised", ("air_in_line",)),
    "session_lost": lambda _: SessionLost(),
    "line_noise": lambda _: LineNoise("noise"),
    "denied_load": lambda d: Denied(LoadProgram(d.channel.infusion.program), "door_open")
    if d.channel.infusion
    else LineNoise("nothing loaded"),
}  # fmt: skip


def _request(method: str, **params: object) -> Callable[[Desk], Event]:
    def ask(desk: Desk) -> Event:
        desk.requests += 1
        orders = list(desk.controller.ward.orders)
        named: dict[str, object] = {"order": orders[0]} if method.startswith("order.") and orders else {}
        if method == "order.prepare" and orders:
            named["check"] = desk.check_for(orders[0])
        return OperatorRequest(desk.requests, method, {**params, **named}, "tester")

    return ask


EVENTS: dict[str, Callable[[Desk], Event]] = {
    "link_up": lambda d: LinkUp(A, 4711 + len(d.effects)),
    "link_down": lambda _: LinkDown(A, "unplugged"),
    "bytes_of_nothing": lambda _: PumpBytes(A, b"\x01\x02\x00"),
    "bytes_stopped": lambda _: PumpBytes(A, STOPPED_FRAME),
    "recorded_earlier": lambda _: Recorded(1),
    "record_failed": lambda _: RecordFailed("disk full"),
    "guard_fired": lambda _: GuardFired((A,), "no heartbeat"),
    "guard_lost": lambda _: GuardChanged(alive=False),
    "guard_back": lambda _: GuardChanged(alive=True),
    "wall_step": lambda _: WallClockStepped(200_000),
    "deadline": lambda _: DeadlineReached(),
    "request_stop": _request("stop"),
    "request_pause": _request("pause"),
    "request_resume": _request("resume"),
    "request_confirm": _request("confirm"),
    "request_clear": _request("clear", persons=["nurse", "doctor"]),
    "request_ack": _request("ack", code="start_refused"),
    "request_away": _request("away", until_ms=1),
    "request_status": _request("status"),
    "request_prime": _request("prime", volume="1 mL", flow="100 mL/h", not_connected=True),
    "request_observe": _request("observe", breathing_rate="11 /min"),
    "request_observe_sound": _request("observe", breathing_rate="16 /min", patellar_reflex="present"),
    "request_list": _request("order.list"),
    "request_prepare": _request("order.prepare"),
    "request_cancel": _request("order.cancel"),
    "request_unknown": _request("fly"),
}

HAPPENINGS: dict[str, Callable[[Desk], object]] = {
    **{f"fact_{name}": (lambda d, make=make: hear(d, make(d))) for name, make in FACTS.items()},
    **{f"event_{name}": (lambda d, make=make: d.tell(make(d))) for name, make in EVENTS.items()},
}
