"""A daemon that is wrong in one place, for a campaign that must find it. Refuses to be wrong anywhere else."""

from __future__ import annotations

from pumpctl.controller import Controller
from pumpctl.core.instant import Now
from pumpctl.effects import Effect, Record
from pumpctl.events import Event
from tests.rig.broken import is_start


class SendsStartAgain(Controller):
    """A START whose answer did not come is written once more: the bolus that was given twice (H55)."""

    last_start: Effect | None = None

    def handle(self, event: Event, now: Now) -> tuple[Effect, ...]:
        effects = super().handle(event, now)
        self.last_start = next((effect for effect in effects if is_start(effect)), self.last_start)
        is_unconfirmed = any(
            isinstance(effect, Record) and effect.kind == "dosing_outcome" and effect.body["outcome"] == "unconfirmed"
            for effect in effects
        )
        return (*effects, self.last_start) if is_unconfirmed and self.last_start else effects
