"""How much a pump has delivered of one program: an interval, because nobody knows exactly.

Refuses to know where the counters come from. `least` is what is certainly in the patient (for
"finished"); `most` is what may be (for every limit). A reading that is out of order, repeated or
lower than the last one changes nothing; silence only widens (ADR 0007). Counters are believed as far as they do
not show less than the flow at which the pump itself says that it ran: a fall that nobody saw makes no dose smaller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pumpctl.core.instant import MS_PER_H, NS_PER_MS

NS_PER_H = MS_PER_H * NS_PER_MS


@dataclass(frozen=True, slots=True)
class Counters:
    """Volumes since the pump was switched on, uL; `flow_ul` is None without a flow sensor."""

    boot_count: int
    motor_ul: int
    encoder_ul: int
    flow_ul: int | None

    def fell_since(self, before: Counters) -> bool:
        """One of them shows less than before without a power-on between: it cannot be believed any more (H13)."""
        pairs = [(self.motor_ul, before.motor_ul), (self.encoder_ul, before.encoder_ul)]
        if self.flow_ul is not None and before.flow_ul is not None:
            pairs.append((self.flow_ul, before.flow_ul))
        return self.boot_count == before.boot_count and any(now < then for now, then in pairs)

    def since(self, base: Counters) -> tuple[int, int]:
        """(smallest, largest) volume moved since `base` over all counters, uL."""
        moved = [self.motor_ul - base.motor_ul, self.encoder_ul - base.encoder_ul]
        if self.flow_ul is not None and base.flow_ul is not None:
            moved.append(self.flow_ul - base.flow_ul)
        return min(moved), max(moved)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The interval as last read, and what it takes to widen it.

    Volumes in uL, flows in uL/h; `volume_step_ul` is the counters' increment; `asked_therapy_ns` is when the last
    counted status was asked for; `moving_ul_h` the higher of the commanded and the reported flow then. `timed_ul_ns_h`
    is flow times the time in which it said that it ran; `hidden_ul` by how much the counters were ever behind that.
    """

    base: Counters
    vtbi_ul: int
    volume_step_ul: int
    accuracy_permille: int
    asked_therapy_ns: int
    moving_ul_h: int
    smallest_ul: int = 0
    largest_ul: int = 0
    timed_ul_ns_h: int = 0
    hidden_ul: int = 0

    def read(
        self, counters: Counters, asked_therapy_ns: int, moving_ul_h: int, *, completed: bool = False
    ) -> Delivered:
        """The interval after a status. Late, repeated, regressing or another power-on: unchanged."""
        if counters.boot_count != self.base.boot_count or asked_therapy_ns <= self.asked_therapy_ns:
            return self
        smallest, largest = counters.since(self.base)
        if smallest < self.smallest_ul or largest < self.largest_ul:
            return self
        # It does not start by itself: moving then and now, or through now, it moved all the while. When it stopped amid
        # its volume, the counters alone tell.
        throughout_ul_h = self.moving_ul_h if moving_ul_h or completed else 0
        timed = self.timed_ul_ns_h + throughout_ul_h * (asked_therapy_ns - self.asked_therapy_ns)
        return replace(
            self,
            asked_therapy_ns=asked_therapy_ns,
            moving_ul_h=moving_ul_h,
            smallest_ul=smallest,
            largest_ul=largest,
            timed_ul_ns_h=timed,
            hidden_ul=max(self.hidden_ul, min(-(-timed // NS_PER_H), self.vtbi_ul) - largest - self.volume_step_ul),
        )

    def set_moving(self, therapy_ns: int, flow_ul_h: int) -> Delivered:
        """A flow was commanded at this instant: from here silence widens at no less than that."""
        since_ns = self.asked_therapy_ns if self.moving_ul_h else therapy_ns
        return replace(self, asked_therapy_ns=since_ns, moving_ul_h=max(self.moving_ul_h, flow_ul_h))

    @property
    def least_ul(self) -> int:
        return max(0, self.smallest_ul)

    def most_ul(self, therapy_ns: int) -> int:
        """The worst case at this instant: moved, widened by silence, times the declared accuracy, up."""
        moved = self._moved_ul()
        return self._at_worst_ul(moved + self._widening_ul(therapy_ns, moved))

    @property
    def most_unread_ul(self) -> int:
        """The worst case when these counters can be read no more: all that was loaded.

        The flow last read says nothing of it: keys change a flow, and what was changed out of sight is forgotten.
        """
        return self._at_worst_ul(max(self._moved_ul(), self.vtbi_ul))

    def _at_worst_ul(self, volume_ul: int) -> int:
        return -(-volume_ul * (1000 + self.accuracy_permille) // 1000)

    def _moved_ul(self) -> int:
        """What is counted, and what the counters hide: but the pump stops itself at its VTBI.

        A counter that fell while the pump was silent, or by less than its increment, or that stood while the motor
        turned (H13), is behind the time at the pump's own flow, and goes on from there: nobody ever sees it fall.
        """
        return max(self.largest_ul, min(self.largest_ul + self.hidden_ul, self.vtbi_ul))

    def _widening_ul(self, therapy_ns: int, moved_ul: int) -> int:
        silent_ns = max(0, therapy_ns - self.asked_therapy_ns)
        # A counter says what was completed: up to one increment more has moved.
        widening = -(-self.moving_ul_h * silent_ns // NS_PER_H) + self.volume_step_ul
        # The pump stops itself at VTBI; what it counted beyond that is already counted.
        return max(0, min(widening, self.vtbi_ul - moved_ul))
