"""A watch in virtual time, for the tests of the guard's judgement."""

from __future__ import annotations

from pumpctl.guard.action import Action, Answer, Outcome
from pumpctl.guard.decision import NS_PER_MS, Watch

ASKER = 7


class Run:
    """A watch and its virtual time in ms, ticked whenever it wants to be. `log` is what it did, and when."""

    def __init__(self) -> None:
        self.watch = Watch(0)
        self.ms = 0
        self.log: list[tuple[int, Action]] = []

    def armed(self, channel: str = "a", *, lease: bool) -> Run:
        self.watch.port_opened(channel)
        self.watch.armed(channel, lease, self.ms * NS_PER_MS, proven=True)
        return self

    def armed_anew(self, *, lease: bool, proven: bool) -> Run:
        self.watch.armed("a", lease, self.ms * NS_PER_MS, proven=proven)
        return self.tick()

    def to(self, ms: int) -> Run:
        """Let time pass on time."""
        while self.ms < ms:
            self.ms = min(ms, max(self.ms + 1, -(-self.watch.wake_ns // NS_PER_MS)))
            self.tick()
        return self

    def beating_to(self, ms: int) -> Run:
        """The same with a loop that reports every 50 ms."""
        while self.ms < ms:
            self.watch.heartbeat(self.ms * NS_PER_MS)
            self.to(min(ms, self.ms + 50))
        return self

    def paused_to(self, ms: int) -> Run:
        """The guard itself does not run until then."""
        self.ms = ms
        return self.tick()

    def tick(self) -> Run:
        self.log += [(self.ms, action) for action in self.watch.tick(self.ms * NS_PER_MS)]
        return self

    def ask(self, channel: str | None = "a", asker: int = ASKER) -> Run:
        self.watch.asked(asker, channel, self.ms * NS_PER_MS)
        return self.tick()

    def written(self, channel: str = "a") -> Run:
        self.watch.stop_written(channel, self.ms * NS_PER_MS)
        return self.tick()

    def dead(self) -> Run:
        self.watch.daemon_died()
        return self.tick()

    def stopped(self, channel: str = "a") -> Run:
        self.watch.stopped_seen(channel)
        return self.tick()

    def times(self, kind: type[Action]) -> list[int]:
        return [ms for ms, action in self.log if isinstance(action, kind)]

    def answers(self) -> list[dict[str, Outcome]]:
        return [action.outcomes for _, action in self.log if isinstance(action, Answer)]
