"""docs/mqtt.md's generated parts: `python -m tests.mqtt.mqtt_document` writes them anew.

Refuses to write prose: it replaces the table of topics and the list of events, and nothing else.
"""

from __future__ import annotations

import re
from pathlib import Path

from protocols.mqtt.contract import topic_table
from protocols.mqtt.events import TOLD

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/mqtt.md"


def renewed(text: str) -> str:
    """The document with the contract as it is."""
    text = re.sub(r"(?ms)^\| topic \|.*?\n\n", lambda _: topic_table() + "\n", text)
    listed = ", ".join(f"`{kind}`" for kind in TOLD)
    return re.sub(
        r"(?s)`event_type` is the kind of record:\n.*?\.\n", f"`event_type` is the kind of record:\n{listed}.\n", text
    )


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text()))
