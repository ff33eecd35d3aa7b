"""How `pumpsim` fails in front of a person: one clear line and an exit code.

Refuses to know what went wrong; the caller says what, where, why and what to do next. The codes are
those of the command-line contract that `pumpctl` shares.
"""

from __future__ import annotations

USAGE = 2
REFUSED = 4
NOT_CONNECTED = 5


class Failure(Exception):
    """Ends the command with `exit_code`."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
