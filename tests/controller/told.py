"""All that a controller on a desk has said, to be searched.

Refuses to know what happens to any of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from protocols.companion import messages as wire
from pumpctl.effects import Annunciate, Effect, Record, WritePump
from tests.controller.pump_double import messages_in


@dataclass(slots=True, repr=False)
class Told:
    """The effects, oldest first."""

    effects: list[Effect] = field(default_factory=list[Effect], kw_only=True)

    @property
    def records(self) -> list[Record]:
        return [effect for effect in self.effects if isinstance(effect, Record)]

    def recorded(self, kind: str) -> list[Record]:
        return [record for record in self.records if record.kind == kind]

    def alarms(self, code: str) -> list[Annunciate]:
        return [e for e in self.effects if isinstance(e, Annunciate) and e.code == code]

    def written(self, kind: type, channel: str = "a") -> int:
        """How many frames of this kind the controller wrote, whether they arrived or not."""
        return sum(isinstance(message, kind) for name, message in self.frames() if name == channel)

    def frames(self) -> list[tuple[str, wire.Message]]:
        return [
            (effect.channel, message)
            for effect in self.effects
            if isinstance(effect, WritePump)
            for message in messages_in(effect.frame)
        ]
