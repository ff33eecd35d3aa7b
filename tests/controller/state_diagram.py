"""The delivery table as a picture: `python tests/controller/state_diagram.py` writes docs/states.md.

Refuses to know any move that the table does not hold.
"""

from __future__ import annotations

from pathlib import Path

from pumpctl.core.delivery import TRANSITIONS, DeliveryState, Trigger

PAGE = Path(__file__).parents[2] / "docs" / "states.md"
EVERYWHERE = (Trigger.STOP_REQUESTED, Trigger.PUMP_LOST_ITS_PAST)
HEAD = """# States of a channel

Written from the table in `pumpctl/core/delivery.py` by `python tests/controller/state_diagram.py`; a test fails when
the two differ. A pair that is not here is refused with a reason.

`stop_requested` is legal in every state and leads to `stopping`. `pump_lost_its_past` (the link is back, or the pump
was switched off and on) leads to `unknown` from every state but `stopping` and `stopped`: a latch survives it. Neither
is drawn.
"""


def page() -> str:
    """The whole file."""
    drawn = [
        f"    {state.value} --> {following.value}: {trigger.value}"
        for (state, trigger), following in TRANSITIONS.items()
        if trigger not in EVERYWHERE
    ]
    first = f"    [*] --> {DeliveryState.UNKNOWN.value}"
    return "\n".join([HEAD, "```mermaid", "stateDiagram-v2", first, *drawn, "```", ""])


if __name__ == "__main__":
    PAGE.write_text(page())
