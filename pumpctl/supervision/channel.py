"""One channel: a pump, the link to it, and everything believed about them now.

Refuses to decide: it is the notebook that the other rooms of this package read and write.
Unknown is None, and nothing here is optimistic by default.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from pumpctl.configuration import ChannelConfiguration
from pumpctl.core.delivered import Counters
from pumpctl.core.delivery import DeliveryState, Trigger, step
from pumpctl.core.instant import NS_PER_MS, NS_PER_S
from pumpctl.core.program import Program
from pumpctl.core.quantity import Quantity
from pumpctl.core.reason import Priority, Reason
from pumpctl.core.repeats import Stops
from pumpctl.drivers.pump import Driver, Identified, StatusRead
from pumpctl.supervision.infusion import Infusion
from pumpctl.supervision.line import SharedLine

NOISE_KINDS = 32  # a driver names fewer; a pump that invents them fills no memory


class Link(Enum):
    """What the daemon can say about the cable."""

    DOWN = "down"  # no open port
    IDENTIFYING = "identifying"  # open; the serial number has not matched yet
    UP = "up"
    SILENT = "silent"  # open, identified, and nothing heard for 3 s
    REFUSED = "refused"  # the wrong pump: closed for good until a person looks

    __hash__ = object.__hash__  # Enum's own is Python, and this is looked up in sets at every event


class IllegalMove(Exception):
    """A transition that the table does not hold was asked for: a bug, not a refusal."""


@dataclass(slots=True)
class StopPursuit:
    """A stop that has been asked for and is not proven yet."""

    reasons: list[Reason]
    latches: bool
    asked_ns: int
    last_sent_ns: int | None = None
    taken_ns: int | None = None  # when the pump said so, unless it was seen moving since
    escalated: bool = False


@dataclass(slots=True)
class Priming:
    """A line that is being filled, or is about to be. `lasts_ns`: link time, with its allowance."""

    volume_ul: int
    flow_ul_h: int
    asked_ns: int
    lasts_ns: int
    durable: bool = False
    sent_ns: int | None = None


@dataclass(slots=True)
class Window:
    """Volume watched over time: where it began, uL and ns of therapy time."""

    largest_ul: int
    began_therapy_ns: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """The newest report of one sign. `by_calendar`: of an earlier life of the daemon, whose clock is gone."""

    value: Quantity | str
    therapy_ns: int
    by_calendar: bool


@dataclass(slots=True)
class ActiveAlarm:
    """An alarm that is on, since when (link time), and until when a person silenced it here."""

    priority: Priority
    message: str
    since_ns: int
    silent_until_ns: int | None = None


@dataclass(slots=True, eq=False)  # a channel is itself: none of two hundred is ever compared field by field
class Channel:
    """See the module docstring. Instants ending in `_ns` are link time."""

    configuration: ChannelConfiguration
    driver: Driver
    line: SharedLine | None = None  # None: nobody else speaks on it
    state: DeliveryState = DeliveryState.UNKNOWN
    link: Link = Link.DOWN
    link_reason: str = "not opened yet"
    identity: Identified | None = None
    known_boot: int | None = None
    clock_base: StatusRead | None = None  # the first status since power-on
    behind_after_ns: int | None = None  # how long it had been silent when its statuses began to be old ones
    reconciled: bool = False
    status: StatusRead | None = None
    unheard_since_ns: int | None = None  # the first question, or loss, since the pump was last heard
    infusion: Infusion | None = None
    last_account: tuple[Program, int, int] | None = None  # the last settled program, least and most uL
    read_back_equal: bool = False
    program_sent: bool = False
    awaiting_since_ns: int | None = None  # since when the program is wanted in the pump, then shown there
    stop: StopPursuit | None = None
    latched: list[Reason] = field(default_factory=list[Reason])
    alarm_stops: Stops = ()  # by the pump's own alarms (H19)
    still_base: Counters | None = None
    loaded_before: bool = False  # by the records of earlier lives, and neither started nor stopped since
    rest_lost: bool = False  # by the same records: what follows the last completed part was neither started nor stopped
    priming: Priming | None = None
    window: Window | None = None
    excess: int = 0  # summed up over the windows, EXCESS_PER_UL a microlitre (core/window.py)
    infusing_since_ns: int = 0
    event_cursor: int | None = None
    status_wanted: bool = False
    pause_wanted: bool = False
    pausing_since_ns: int | None = None
    acknowledge_wanted: bool = False  # until a status shows no stopping alarm; asked at most once a status
    acknowledged: StatusRead | None = None  # the status after which it was last asked
    lease_until_uptime_ms: int | None = None  # by the pump's clock; lease_ends_ns is the same in link time
    lease_ends_ns: int | None = None
    away_until_ms: int | None = None
    observed: dict[str, Sighting] = field(default_factory=dict[str, Sighting])  # by sign of Q25, and the baseline
    # The same as it stood when this program started, once there was a report since.
    observed_at_start: tuple[bytes, dict[str, Sighting]] = (b"", {})
    next_poll_ns: int = 0
    next_identify_ns: int = 0
    deadline_ns: int = 0
    progress_noted_ns: int = 0
    alarms: dict[str, ActiveAlarm] = field(default_factory=dict[str, ActiveAlarm])
    guard_armed_lease: bool | None = None
    published: tuple[object, ...] | None = None
    published_ns: int = -NS_PER_S
    state_seq: int = 0
    noise: dict[str, int] = field(default_factory=dict[str, int])  # how often what was heard was no answer, by reason
    life: int = 0  # the journal sequence number with which this life of the daemon began

    @property
    def name(self) -> str:
        return self.configuration.name

    @property
    def patient_id(self) -> str:
        return self.configuration.patient_id

    @property
    def identified(self) -> bool:
        return self.link is Link.UP or self.link is Link.SILENT

    def move(self, trigger: Trigger) -> None:
        """Take a transition of the table; a pair it does not hold is a bug here."""
        following = step(self.state, trigger)
        if following is None:
            raise IllegalMove(f"{self.name}: {trigger.value} in {self.state.value}")
        self.state = following

    def note_noise(self, reason: str) -> None:
        """What was heard and believed in nothing: counted, no more."""
        kind = reason if reason in self.noise or len(self.noise) < NOISE_KINDS else "other"
        self.noise[kind] = self.noise.get(kind, 0) + 1

    def watch_from(self, link_ns: int) -> None:
        """It runs as from now: what it moves is watched from its next status on."""
        self.infusing_since_ns, self.window, self.excess = link_ns, None, 0

    def want_pause(self, link_ns: int) -> None:
        """The pump is to pause: asked once it has a turn, and proven by a status within its time."""
        self.move(Trigger.PAUSE_REQUESTED)
        self.pause_wanted, self.pausing_since_ns = True, link_ns

    def grant_lease(self, status: StatusRead, until_uptime_ms: int) -> None:
        """The pump stops by itself at this instant of its uptime, `status` being its last word on that."""
        self.lease_until_uptime_ms = until_uptime_ms
        self.lease_ends_ns = status.asked.link_ns + (until_uptime_ms - status.uptime_ms) * NS_PER_MS

    def owes_dose(self) -> bool:
        """A program of this channel may have delivered and is not settled."""
        return self.infusion is not None and self.infusion.may_have_started
