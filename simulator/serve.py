"""Simulated pumps in real or scaled time: one loop between lines, a control socket and each pump's next wake-up.

Refuses to know how a pump behaves. This is the one place of the simulator that reads a clock. Link time is
CLOCK_BOOTTIME; therapy time is `speed` times what has passed of it since `epoch_ns`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time  # noqa: TID251 - the simulator's one door for clocks
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simulator.control import Answer, Command, ControlServer
from simulator.failure import USAGE, Failure
from simulator.faults import ScheduledFault, parse_fault
from simulator.firmware.registry import dialect_at
from simulator.instant import NS_PER_MS, NS_PER_S, SimNow
from simulator.port import Port, PtyPort, TcpPort
from simulator.profile import PROFILES
from simulator.pump import NEVER_NS, Button, SimPump
from simulator.rfc2217_port import Rfc2217Port
from simulator.served_pump import LineKind, NetLine, PtyLine, ServedPump, SharedLine

LONGEST_SLEEP_S = 3_600.0  # CLOCK_BOOTTIME runs while the host sleeps, the loop's clock does not


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """At least one pump. Each has the scenario for itself; the seed of each is one more than that of the one before."""

    pumps: tuple[ServedPump, ...]
    control: Path
    seed: int
    speed: int
    auto_confirm: bool
    epoch_ns: int | None
    scenario: tuple[ScheduledFault, ...]


class Clock:
    """Both clocks from one."""

    def __init__(self, speed: int, epoch_ns: int | None) -> None:
        self._speed = speed
        self._epoch_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) if epoch_ns is None else epoch_ns

    def now(self) -> SimNow:
        """The present instant."""
        link_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return SimNow(link_ns, self._speed * (link_ns - self._epoch_ns))


class Station:
    """One pump, its line and its alarm clock. On the line of another, `head`, it hears and speaks as that one does."""

    def __init__(
        self, served: ServedPump, seed: int, options: ServeOptions, clock: Clock, head: Station | None = None
    ) -> None:
        self._clock = clock
        self.pump = _pump(served, seed, options, clock.now())
        self._head = head
        self._on_the_line: list[Station] = [self]
        self.port = head.share(self) if head is not None else _port(served.line, self._receive)
        self._alarm_clock: asyncio.TimerHandle | None = None

    def share(self, station: Station) -> Port:
        """It hangs on this line, too."""
        self._on_the_line.append(station)
        return self.port

    def open(self) -> None:
        """The line is there and time runs."""
        if self._head is None:
            self.port.open()
        self._advance()

    def close(self) -> None:
        """Nothing of it is left."""
        if self._alarm_clock is not None:
            self._alarm_clock.cancel()
        self.port.close()

    def answer(self, command: Command) -> Answer:
        """Carry out a command of the control socket. Raises ValueError with a line for people."""
        now = self._clock.now()
        match command.get("command"):
            case "state":
                answer = self._state(now, with_trace=command.get("trace") is True)
            case "inject":
                fault = parse_fault(_text(command, "fault"), _text(command, "by") if "by" in command else None)
                for_ns = _span_ns(command, "for_ns") if "for_ns" in command else None
                self.pump.inject(fault, now, after_ns=_span_ns(command, "after_ns"), for_ns=for_ns)
                answer = {"injected": str(fault)}
            case "heal":
                fault = parse_fault(_text(command, "fault"))
                self.pump.heal(fault, now)
                answer = {"healed": fault.kind.value}
            case "press":
                button = _button(_text(command, "button"))
                self.pump.press(button, now)
                answer = {"pressed": button.value}
            case unknown:
                raise ValueError(f"unknown command {unknown!r}")
        self._advance()
        return answer

    def _receive(self, received: bytes) -> None:
        for station in self._on_the_line:
            station.hear(received)

    def hear(self, received: bytes) -> None:
        """Bytes on the line."""
        self.port.write(self.pump.receive(received, self._clock.now()))
        self._arrange()

    def _advance(self) -> None:
        self.port.write(self.pump.advance(self._clock.now()))
        self._arrange()

    def _arrange(self) -> None:
        """After every step: the cable as the faults have it, the alarm clock for the next wake-up."""
        if self._head is None and self.pump.is_unplugged == self.port.is_open:
            self.port.close() if self.pump.is_unplugged else self.port.open()
        if self._alarm_clock is not None:
            self._alarm_clock.cancel()
        due_ns = self.pump.call_at()
        wait_s = (due_ns - self._clock.now().link_ns) / NS_PER_S if due_ns < NEVER_NS else LONGEST_SLEEP_S
        wait_s = min(max(wait_s, 0.0), LONGEST_SLEEP_S)
        self._alarm_clock = asyncio.get_running_loop().call_later(wait_s, self._advance)

    def _state(self, now: SimNow, *, with_trace: bool) -> dict[str, Any]:
        state = asdict(self.pump.truth(now))
        if with_trace:
            points = self.pump.trace.points
            state["trace"] = [
                [point.therapy_ns // NS_PER_MS, round(point.delivered_ul, 3), round(point.flow_ul_h)]
                for point in points
            ]
        return state


class Ward:
    """All pumps of this process. Whoever asks names one by its serial number; a single one need not be named."""

    def __init__(self, options: ServeOptions) -> None:
        clock = Clock(options.speed, options.epoch_ns)
        self.stations: dict[str, Station] = {}
        heads_first = sorted(enumerate(options.pumps), key=lambda placed: isinstance(placed[1].line, SharedLine))
        for place, served in heads_first:
            head = self.stations[served.line.behind] if isinstance(served.line, SharedLine) else None
            self.stations[served.serial] = Station(served, options.seed + place, options, clock, head)

    def open(self) -> None:
        for station in self.stations.values():
            station.open()

    def close(self) -> None:
        for station in self.stations.values():
            station.close()

    def answer(self, command: Command) -> Answer:
        """Of the pump that the command names."""
        known = ", ".join(self.stations)
        if "serial" not in command and len(self.stations) > 1:
            raise ValueError(f"which pump? name its serial number: {known}")
        serial = _text(command, "serial") if "serial" in command else next(iter(self.stations))
        if serial not in self.stations:
            raise ValueError(f"no pump {serial!r} here; there are {known}")
        return self.stations[serial].answer(command)


async def serve(options: ServeOptions) -> None:
    """Until SIGINT or SIGTERM. Prints one JSON line when all is ready."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    failures: list[BaseException] = []

    def end_with(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A step that fails ends the simulator: half a pump proves nothing."""
        failures.append(context.get("exception") or RuntimeError(str(context["message"])))
        ended.set()

    loop.set_exception_handler(end_with)
    ward = Ward(options)
    control = ControlServer(options.control, ward.answer)
    await control.open()
    try:
        ward.open()
        _say_ready(options, ward)
        await ended.wait()
    finally:
        ward.close()
        await control.close()
    if failures:
        raise failures[0]


def _say_ready(options: ServeOptions, ward: Ward) -> None:
    """One pump stands in the line itself; all of them, however many, under `pumps`."""
    pumps = [{"serial": serial, station.port.scheme: station.port.where} for serial, station in ward.stations.items()]
    ready = {"ready": True, "control": str(options.control), "speed": options.speed, "seed": options.seed}
    only = pumps[0] if len(pumps) == 1 else {}
    sys.stdout.write(json.dumps(ready | only | {"pumps": pumps}) + "\n")
    sys.stdout.flush()


def _pump(served: ServedPump, seed: int, options: ServeOptions, now: SimNow) -> SimPump:
    try:
        return SimPump(
            PROFILES[served.profile],
            serial=served.serial,
            seed=seed,
            speed=options.speed,
            auto_confirm=options.auto_confirm,
            now=now,
            scenario=options.scenario,
            dialect=dialect_at(served.dialect, served.address),
        )
    except ValueError as error:  # a scenario that such a pump cannot suffer
        raise Failure(USAGE, f"{served.serial}: {error}") from None


def _port(line: PtyLine | NetLine | SharedLine, on_bytes: Callable[[bytes], None]) -> Port:
    match line:
        case PtyLine(link=link):
            return PtyPort(link, on_bytes)
        case NetLine(kind=LineKind.RFC2217, host=host, port=port):
            return Rfc2217Port(host, port, on_bytes)
        case NetLine(host=host, port=port):
            return TcpPort(host, port, on_bytes)
        case SharedLine(behind=behind):
            raise AssertionError(f"a pump behind {behind} has no port of its own")


def _text(command: Command, key: str) -> str:
    value = command.get(key)
    if not isinstance(value, str):
        raise ValueError(f"no {key}")  # noqa: TRY004 - one kind of error for one caller
    return value


def _span_ns(command: Command, key: str) -> int:
    value = command.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{key} is nanoseconds of therapy time, not {value!r}")
    return value


def _button(text: str) -> Button:
    try:
        return Button(text)
    except ValueError:
        raise ValueError(f"no button {text!r}; there are {', '.join(button.value for button in Button)}") from None
