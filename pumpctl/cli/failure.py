"""How a command fails in front of a person: one clear line and an exit code.

Refuses to know what went wrong; the caller says what, where, why and what to do next.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the README: scripts may rely on these."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    NEEDS_OVERRIDE = 3
    REFUSED = 4
    NOT_CONNECTED = 5
    VERIFICATION_FAILED = 6


class Failure(Exception):
    """Ends the command with `exit_code` and one line: what and where: why; what to do next."""

    def __init__(self, exit_code: ExitCode, what: str, next_step: str) -> None:
        super().__init__(f"{what}; {next_step}" if next_step else what)
        self.exit_code = exit_code
