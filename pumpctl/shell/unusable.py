"""Something a person gave the daemon cannot be used: what and why, the next step, the exit code of the contract.

Refuses to know who shows it: the command line turns it into one line, a test reads its fields.
"""

from __future__ import annotations

USAGE = 2
REFUSED = 4
NOT_CONNECTED = 5


class Unusable(Exception):
    """One clear line. `exit_code` is one of those in the README."""

    def __init__(self, what: str, next_step: str, exit_code: int = USAGE) -> None:
        super().__init__(f"{what}; {next_step}")
        self.what = what
        self.next_step = next_step
        self.exit_code = exit_code
