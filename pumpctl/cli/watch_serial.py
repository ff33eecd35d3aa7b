"""`pumpctl watch --serial PORT`: every pump as its status line tells it, on a machine that needs no daemon.

Refuses to ask or to write anything: it listens. What it shows is as old as its own clock says, three periods without a
state are told as what they are, and a damaged line is counted and told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from pumpctl.cli.failure import ExitCode, Failure
from pumpctl.cli.status_board import NS_PER_S, SILENT_NS, StatusBoard
from pumpctl.cli.watch import PERIOD_S, channel_line, state_table

if TYPE_CHECKING:
    from pumpctl.shell.status_reader import Heard, StatusReader

Show = Callable[["Heard", StatusBoard, int, int], None]
TELL_AGAIN_S = (3, 10, 30)  # how long a silence is when a line says so again; from then on each minute


def watch_serial(port: str, baud: int, as_json: bool) -> NoReturn:
    """Until Ctrl-C. A port that cannot be opened ends the command; one that vanishes later is waited for."""
    from pumpctl.shell.listening_port import speed_of
    from pumpctl.shell.port import PortUnusable
    from pumpctl.shell.status_reader import StatusReader

    if "://" in port:
        raise Failure(ExitCode.USAGE, f"--serial {port}: only a tty can be listened to", "name the path of a device")
    if speed_of(baud) is None:
        raise Failure(ExitCode.USAGE, f"--baud {baud}: no standard rate", "name that of the daemon's [status_line]")
    try:
        reader = StatusReader(port, baud)
    except PortUnusable as unusable:
        raise Failure(ExitCode.NOT_CONNECTED, str(unusable), "") from None
    try:
        if not as_json and sys.stdout.isatty():
            _show_table(reader, port)
        else:
            _watch(reader, _Lines(port, as_json).show)
    finally:
        reader.close()


def _watch(reader: StatusReader, show: Show) -> NoReturn:
    from pumpctl.shell.clock import boottime_ns

    board = StatusBoard(boottime_ns())
    while True:
        heard = reader.receive(PERIOD_S)
        show(heard, board, boottime_ns(), reader.damaged_lines)


def _show_table(reader: StatusReader, port: str) -> NoReturn:
    from rich.live import Live

    with Live(auto_refresh=False) as live:

        def show(heard: Heard, board: StatusBoard, now_ns: int, damaged_lines: int) -> None:
            board.hear(heard.pieces, heard.since_ns)
            told = [port, *_troubles(heard.away, board, now_ns, damaged_lines)]
            live.update(state_table("; ".join(told), board.rows(now_ns)), refresh=True)

        _watch(reader, show)


def _troubles(away: str, board: StatusBoard, now_ns: int, damaged_lines: int) -> list[str]:
    """What is wrong with the line, in words."""
    silent_ns = board.silent_ns(now_ns)
    silent = [f"no data for {silent_ns // NS_PER_S} s"] if silent_ns >= SILENT_NS else []
    away_told = [away] if away else []
    return [*away_told, *silent, *_damage(damaged_lines, board.strange_lines)]


def _damage(damaged_lines: int, strange_lines: int) -> list[str]:
    told = ((damaged_lines, "damaged"), (strange_lines, "of another program"))
    return [f"{count} line{'s' if count > 1 else ''} {what}" for count, what in told if count]


class _Lines:
    """Lines for a pipe: a line when it says something new, ages alone are no news. With --json every state is one."""

    def __init__(self, port: str, as_json: bool) -> None:
        self._port = port
        self._as_json = as_json
        self._shown: dict[str, str] = {}
        self._noted_ns = 0

    def show(self, heard: Heard, board: StatusBoard, now_ns: int, damaged_lines: int) -> None:
        """Take what was heard, tell what is new."""
        states = board.hear(heard.pieces, heard.since_ns)
        rows = [] if self._as_json else board.rows(now_ns, _step)
        if self._as_json:
            self._echo_fresh(states, now_ns - heard.since_ns)
        for row in rows:
            self._tell(f"pump {row['channel']}", channel_line(row))
        silent_s = 0 if rows else _step(board.silent_ns(now_ns) // NS_PER_S)  # a row says so itself
        self._tell("port", heard.away and f"pumpctl: {heard.away}", to_stderr=True)
        self._tell("silence", f"pumpctl: {self._port}: no data for {silent_s} s" if silent_s else "", to_stderr=True)
        if now_ns - self._noted_ns >= NS_PER_S:  # a line that is all noise is told once a second
            self._noted_ns = now_ns
            damage = ", ".join(_damage(damaged_lines, board.strange_lines))
            self._tell("damage", damage and f"pumpctl: {self._port}: {damage} so far", to_stderr=True)

    def _echo_fresh(self, states: list[Mapping[str, Any]], age_ns: int) -> None:
        for state in states if age_ns < SILENT_NS else ():
            typer.echo(json.dumps(state))

    def _tell(self, what: str, line: str, *, to_stderr: bool = False) -> None:
        if self._shown.get(what, "") != line:
            self._shown[what] = line
            if line:
                typer.echo(line, err=to_stderr)


def _step(silent_s: int) -> int:
    """The length of a silence at which a line is due, 0 for none."""
    if silent_s >= 60:
        return silent_s // 60 * 60
    return max((step for step in TELL_AGAIN_S if step <= silent_s), default=0)
