"""Somebody who looks at a patient with an intravenous infusion, and says what was seen, every four minutes.

Refuses to look when the test says that nobody does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.controller.orders import SOUND

if TYPE_CHECKING:
    from tests.controller.desk import Desk

LOOK_NS = 240_000_000_000


def look_after(desk: Desk) -> None:
    """Now, and again."""
    desk._later(LOOK_NS, lambda: look_after(desk))
    for name, channel in desk.controller.ward.channels.items() if desk.looked_after else ():
        if channel.infusion and channel.owes_dose() and channel.infusion.program.route == "iv":
            desk.ask("observe", channel=name, **SOUND)
