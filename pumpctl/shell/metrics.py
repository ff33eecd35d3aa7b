"""The metrics: figures counted turn by turn, and the page that Prometheus gets of them.

Refuses to know what they say (shell/witness.py does). Refuses to matter: what goes wrong in here is logged once, the
page is gone, and supervision goes on. The figures are taken in one go, once a second at most however many ask, and
written slice by slice with the loop's turn between: a thread would hold the interpreter against the loop for longer.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import Metric as MetricFamily
from structlog.typing import FilteringBoundLogger

import pumpctl
from pumpctl.effects import Effect
from pumpctl.events import Event
from pumpctl.shell import metric_table as m
from pumpctl.shell.clock import boottime_ns, wall_ms
from pumpctl.shell.event_loop import ControllerSurface
from pumpctl.shell.figures import Figures
from pumpctl.shell.metrics_port import MetricsPort
from pumpctl.shell.metrics_settings import MetricsSettings
from pumpctl.shell.settings import Settings
from pumpctl.shell.witness import MqttFigures, Sources, Witness

LAG_EVERY_S = 0.25
PAGE_LIFE_S = 1.0
HEAD_LINES = 2  # HELP and TYPE stand once, above the first slice of a metric


@dataclass(frozen=True, slots=True)
class _Alone:
    """A slice of one metric as all that there is to write."""

    family: MetricFamily

    def collect(self) -> tuple[MetricFamily, ...]:
        return (self.family,)


def metrics_of(
    settings: Settings, controller: ControllerSurface, mqtt: MqttFigures | None, log: FilteringBoundLogger
) -> Metrics | None:
    """None unless the settings ask for them."""
    if settings.metrics is None:
        return None
    dialects = {channel.name: channel.dialect for channel in settings.channel}
    return Metrics(settings.metrics, dialects, Sources(controller.noise, mqtt), log)


class Metrics:
    """`observe` is called by the loop after each turn; `page` is what a scraper gets. All on the loop's thread."""

    def __init__(
        self,
        settings: MetricsSettings,
        dialects: Mapping[str, str],
        sources: Sources,
        log: FilteringBoundLogger,
        boottime: Callable[[], int] = boottime_ns,
    ) -> None:
        self._figures = Figures()
        self._witness = Witness(self._figures, dialects, sources, boottime)
        self._port = MetricsPort(settings, self.page, log)
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._broken = False
        self._timer: asyncio.TimerHandle | None = None
        self._one_at_a_time = asyncio.Lock()
        self._page: bytes | None = None
        self._page_s = 0.0
        self._figures.set(m.BUILD_INFO, 1, pumpctl.__version__, platform.python_version())
        self._figures.set(m.START_TIME, wall_ms() / 1000)

    def start(self) -> None:
        """Begin to listen, and to watch the loop's own timers."""
        self._port.start()
        self._look_later()

    def close(self) -> None:
        """Hang up; no timer is left."""
        self._port.close()
        if self._timer is not None:
            self._timer.cancel()

    def observe(self, event: Event | None, effects: tuple[Effect, ...], began_s: float) -> None:
        """One turn of the loop, when it is over: what came (None at the start), what went out, when it began."""
        if self._broken:
            return
        try:
            self._witness.note(event, effects, began_s, self._loop.time())
        except Exception as error:  # telling must never end what it tells of
            self._give_up(error)

    async def page(self) -> bytes | None:
        """The text of all metrics, at most PAGE_LIFE_S old; None when they can no longer be relied on."""
        async with self._one_at_a_time:
            is_old = self._page is None or self._loop.time() - self._page_s >= PAGE_LIFE_S
            if is_old and not self._broken:
                try:
                    self._page = await self._written()
                except Exception as error:  # the same
                    self._give_up(error)
                self._page_s = self._loop.time()
            return None if self._broken else self._page

    async def _written(self) -> bytes:
        self._witness.look()
        self._figures.take()
        page, last = bytearray(), ""
        for family in self._figures.registry.collect():
            text = generate_latest(_Alone(family))
            page += text if family.name != last else text.split(b"\n", HEAD_LINES)[HEAD_LINES]
            last = family.name
            await asyncio.sleep(0)  # whatever is due on the loop goes first
        return bytes(page)

    def _give_up(self, error: Exception) -> None:
        self._broken = True
        self._log.error("metrics: a fault of ours; not served until a restart", error=repr(error))

    def _look_later(self) -> None:
        due_s = self._loop.time() + LAG_EVERY_S
        self._timer = self._loop.call_at(due_s, self._look, due_s)

    def _look(self, due_s: float) -> None:
        self._figures.observe(m.LOOP_LAG, self._loop.time() - due_s)
        self._look_later()
