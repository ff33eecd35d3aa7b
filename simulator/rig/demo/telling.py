"""What a stranger sees: one sentence at each step, the commands as they are typed, and the pump live.

Refuses to know what is done. On a terminal the live view is a table that stays in its place; elsewhere it is one plain
line every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import cast

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pumpctl.core.instant import NS_PER_S
from simulator.rig.demo.children import Json
from simulator.rig.demo.promises import MAX_DOSE_RATE_MG_MIN
from simulator.rig.demo.stage import Stage

TABLE_PERIOD_S = 0.25
LINE_PERIOD_S = 5.0
PANEL_WIDTH = 100
UNKNOWN, NONE = "unknown", "none"


class Teller:
    """Speaks to the person at `console`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def heading(self, text: str) -> None:
        """Begin an act."""
        self._console.print()
        self._line(Text(text, style="bold"))

    def say(self, text: str) -> None:
        """One sentence: what happens, and why."""
        self._line(Text(f"  {text}"))

    def command(self, *words: str | Path) -> None:
        """A command as somebody would type it."""
        self._line(Text(f"  $ {' '.join(_shown(str(word)) for word in words)}", style="cyan"))

    def told(self, text: str) -> None:
        """What a command or a pump answered."""
        self._line(Text(f"    {text}", style="dim"))

    def figures(self, title: str, rows: Mapping[str, str]) -> None:
        """The end of it, in figures."""
        self._console.print()
        self._line(Text(title, style="bold"))
        widest = max(map(len, rows))
        for name, figure in rows.items():
            self._line(Text(f"  {name:<{widest}}  {figure}"))

    @contextlib.asynccontextmanager
    async def live(self, stage: Stage) -> AsyncGenerator[None, None]:
        """Show the pump of this stage for as long as this lasts."""
        begun_ns = stage.now().therapy_ns
        showing = self._table(stage, begun_ns) if self._console.is_terminal else self._lines(stage, begun_ns)
        task = asyncio.create_task(showing, name="live view")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)

    async def _table(self, stage: Stage, begun_ns: int) -> None:
        with Live(console=self._console, auto_refresh=False) as live:
            try:
                while True:
                    live.update(_panel(stage, begun_ns), refresh=True)
                    await asyncio.sleep(TABLE_PERIOD_S)
            finally:
                live.update(_panel(stage, begun_ns), refresh=True)

    async def _lines(self, stage: Stage, begun_ns: int) -> None:
        while True:
            self.told(_line(stage, begun_ns))
            await asyncio.sleep(LINE_PERIOD_S)


def _panel(stage: Stage, begun_ns: int) -> Panel:
    grid = Table.grid(padding=(0, 2))
    for name, value in _rows(stage, begun_ns).items():
        style = "bold red" if name == "alarms" and value != NONE else ""
        grid.add_row(Text(name, style="dim"), Text(value, style, no_wrap=True, overflow="ellipsis"))
    done = ProgressBar(total=100, completed=stage.state.get("progress_percent") or 0)
    title = f"{stage.role.channel}, {stage.role.serial}"
    return Panel(Group(grid, done), title=title, width=PANEL_WIDTH, padding=(0, 2))


def _line(stage: Stage, begun_ns: int) -> str:
    """Of the last message the topic alone."""
    rows = _rows(stage, begun_ns)
    rows["MQTT"] = rows["MQTT"].partition(" {")[0]
    return ", ".join(f"{name} {value}" for name, value in rows.items())


def _rows(stage: Stage, begun_ns: int) -> dict[str, str]:
    state = stage.state
    hours = (stage.now().therapy_ns - begun_ns) / NS_PER_S / 3600
    mqtt, serial = stage.mqtt, stage.serial
    return {
        "therapy": f"{hours:.1f} h",
        "state": str(state.get("state", UNKNOWN)),
        "flow": _number(state.get("flow_ml_h"), "mL/h"),
        "volume": f"{_number(state.get('delivered_least_ml'), 'mL')} of {_number(state.get('vtbi_ml'), 'mL')}",
        "progress": _number(state.get("progress_percent"), "%"),
        "dose rate": f"{_number(state.get('dose_rate_mg_min'), 'mg/min')} of at most {MAX_DOSE_RATE_MG_MIN}",
        "alarms": ", ".join(f"{alarm['code']} ({alarm['priority']})" for alarm in _alarms(state)) or NONE,
        "serial lines": str(serial.get("count", 0)),
        "MQTT": "no broker" if mqtt is None else f"{mqtt.get('count', 0)}, last {mqtt.get('last') or NONE}",
    }


def _alarms(state: Json) -> list[Json]:
    return cast("list[Json]", state.get("alarms", []))


def _number(value: float | None, unit: str) -> str:
    """Leading zero, no trailing zero."""
    return UNKNOWN if value is None else f"{value:.4g} {unit}"


def _shown(word: str) -> str:
    """Long paths by their last part; quoted where a shell needs it."""
    shown = Path(word).name if word.startswith("/") else word
    return f"'{shown}'" if " " in shown else shown
