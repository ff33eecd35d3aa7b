"""How the demo fails: one line that names what was promised and did not happen.

Refuses to know how the rest of the demo goes on: it does not.
"""

from __future__ import annotations


class Missed(Exception):
    """A promise of the demo that did not hold; the message is for people."""
