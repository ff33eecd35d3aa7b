"""One line that several channels share (a daisy chain): whose turn it is, and who is to have the next one.

Refuses to ask anything, and to hold a question back: a channel that has no turn has not decided what to ask. A turn is
one command with all its questions. All instants are link time (docs/adr/0022).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from pumpctl.core.instant import NS_PER_MS, NS_PER_S

# A STOP of a New Era pump and its two answers, at 19200 baud with 10 ms for the pump to think: 41 and 16 bytes.
STOP_NS = 40 * NS_PER_MS
# However many STOPs follow one another, the others have a turn so long after the last one ended, at the latest.
LONGEST_QUIET_NS = 250 * NS_PER_MS
# A pump that did not answer holds the line for a whole time-out: while others want it, so long until the next such.
MUTE_EVERY_NS = 2 * NS_PER_S
LONGEST_TURNS_NS = NS_PER_S  # a load, its read-back and the statuses around them: 0.9 s of the line


@dataclass(slots=True)
class SharedLine:
    """`channels` in the order of their turns: who had it last is last."""

    channels: list[str]
    holder: str | None = None
    overdue_ns: int = 0  # when the holder's question has been without an answer for too long
    freed_ns: int = 0  # when the last turn ended
    quiet_until_ns: int | None = None  # answers to STOPs are on their way
    quiet_from_ns: int = 0
    mute: set[str] = field(default_factory=set[str])  # had no answer in their last turn
    mute_from_ns: int = 0
    favoured: bool = False  # the last turn was out of order
    stop_pace_ns: int = 0  # between two STOPs for one channel, so that they leave the line to others, too

    @property
    def longest_round_ns(self) -> int:
        """What a program waits for when all others are being programmed, too."""
        return (len(self.channels) - 1) * LONGEST_TURNS_NS

    def stops_written(self, count: int, now_ns: int) -> None:
        """A STOP waits for no turn. Its answers are awaited in peace, if the others need not wait too long for it."""
        if self.quiet_until_ns is None:
            self.quiet_from_ns = self.quiet_until_ns = now_ns
        self.quiet_until_ns = max(self.quiet_until_ns, now_ns) + count * STOP_NS

    @property
    def quiet_end_ns(self) -> int | None:
        """When the turn that nobody holds may be given again. None: at any time, or when it ends."""
        if self.holder is not None or self.quiet_until_ns is None:
            return None
        return min(self.quiet_until_ns, max(self.quiet_from_ns, self.freed_ns) + LONGEST_QUIET_NS)

    def is_free(self, now_ns: int) -> bool:
        """Whether somebody may have the turn now."""
        end_ns = self.quiet_end_ns
        if end_ns is not None and now_ns >= end_ns:
            self.quiet_until_ns = end_ns = None
        return self.holder is None and end_ns is None

    def begun(self, channel: str, overdue_ns: int, *, favoured: bool) -> None:
        """It has the turn, and is the last to have the next one."""
        self.holder, self.overdue_ns, self.favoured = channel, overdue_ns, favoured
        self.channels.remove(channel)
        self.channels.append(channel)

    def ended(self, now_ns: int, *, answered: bool | None) -> None:
        """The turn is over: carried out, without an answer, or cut short by a STOP for the same pump (None)."""
        if self.holder is None:
            return
        if answered:
            self.mute.discard(self.holder)
        elif answered is not None and self.holder in self.mute:
            self.mute_from_ns = now_ns + MUTE_EVERY_NS
        elif answered is not None:
            self.mute.add(self.holder)  # one reply is easily lost: it is asked again soon
        self.holder, self.freed_ns = None, now_ns

    def order(self, proving: Collection[str], now_ns: int) -> Iterable[str]:
        """Whom to offer the turn, one after the other.

        A pump that has taken its STOP is asked first whether it is still (H56), but every other turn goes round. Pumps
        that do not answer come when no other wants the line, and one of them each two seconds in any case.
        """
        first = [] if self.favoured else [name for name in self.channels if name in proving]
        mute = [name for name in self.channels if name in self.mute]
        others = [name for name in self.channels if name not in self.mute]
        return [*first, *(mute + others if now_ns >= self.mute_from_ns else others + mute)]
