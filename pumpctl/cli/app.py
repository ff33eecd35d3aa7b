"""The `pumpctl` program: runs the command that is named and turns a Failure into one line.

Refuses to know any command. The parser and its library are only imported when there is something to parse:
`pumpctl --version` is what scripts ask first.
"""

from __future__ import annotations

import os
import sys

from pumpctl import __version__
from pumpctl.cli.failure import Failure


def main() -> None:
    """Run the command line; exit codes are those of ExitCode."""
    if sys.argv[1:] == ["--version"]:
        print(f"pumpctl {__version__}")
        return
    from pumpctl.cli.commands import app

    try:
        app()
    except Failure as failure:
        print(f"pumpctl: {failure}", file=sys.stderr)
        sys.exit(failure.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read has seen enough
