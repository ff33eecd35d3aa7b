"""All checks in their order, each with a bound on its time, and what they found.

Refuses to look at anything itself. A check that hangs (a dead disk, a name server that does not answer) is left
behind in its thread and said to hang; one that fails in a way nobody thought of is a fault, never the end of the rest.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pumpctl.core.instant import NS_PER_S
from pumpctl.doctor import broker, certificates, past, ports, programs, running, state_dir
from pumpctl.doctor.finding import Finding, Verdict, doubt, fault, fine
from pumpctl.doctor.host import Host
from pumpctl.doctor.running import Running, running_daemon
from pumpctl.shell.clock import boottime_ns
from pumpctl.shell.settings import Settings, load_settings
from pumpctl.shell.unusable import Unusable

CHECK_S = 2
ALL_S = 20


@dataclass(frozen=True, slots=True)
class Check:
    """`overdue`: what to do when it does not end."""

    name: str
    look: Callable[[], Iterable[Finding]]
    overdue: str


def examine(config: Path, host: Host, check_s: int = CHECK_S, all_s: int = ALL_S) -> Iterator[Finding]:
    """Each finding as it comes. Without usable settings only what needs none of them."""
    end_ns = boottime_ns() + all_s * NS_PER_S
    of_host = (
        Check("python", partial(programs.python, host), "run it again"),
        Check("clock", partial(programs.clock, host), "run it again"),
    )
    loaded: list[Settings] = []
    reading = Check("settings", partial(_settings, config, loaded), "is the file on a disk that hangs?")
    for check in (reading, *of_host):
        yield from _bounded(check, check_s)
    if not loaded:
        yield doubt("all others", "not looked at: they need the settings", "correct the settings first")
        return
    settings, seen = loaded[0], list[Running]()
    asking = Check("daemon", partial(_daemon, settings, host, seen), "`pumpctl stop` still works; look at its log")
    yield from _bounded(asking, check_s)
    for check in _checks(settings, seen[0] if seen else Running(), host):
        left_ns = end_ns - boottime_ns()
        if left_ns > 0:
            yield from _bounded(check, min(check_s, left_ns / NS_PER_S))
        else:
            yield doubt(check.name, f"not looked at: the {all_s} s for all checks are over", "mend the others first")


def exit_code(findings: Iterable[Finding]) -> int:
    """As in the README: 6 is `verification failed`; a warning alone fails nothing."""
    return 6 if any(finding.verdict is Verdict.FAULT for finding in findings) else 0


def _checks(settings: Settings, daemon: Running, host: Host) -> Iterator[Check]:
    again, disk = "run it again", "look at the disk (dmesg)"
    yield Check("guard", partial(running.guard, settings, daemon), again)
    yield Check("state_dir", partial(state_dir.state_dir, settings, host), disk)
    yield Check("disk", partial(state_dir.disk, settings, host), disk)
    yield Check("journal", partial(past.journal, settings, host), "a long one needs longer: `pumpctl journal verify`")
    yield Check("library", partial(past.library, settings, daemon), disk)
    yield Check("on_alarm", partial(programs.on_alarm, settings), disk)
    yield Check("channels", partial(ports.pumps_told_apart, settings), again)
    for channel in settings.channel:
        look = partial(ports.channel_port, channel, settings, daemon, host)
        yield Check(f"port {channel.name}", look, "the driver or the network hangs: unplug it and plug it in again")
    yield Check("status_line", partial(ports.status_line_port, settings, daemon, host), again)
    yield Check("metrics", partial(programs.metrics, settings, daemon), again)
    yield Check("ModemManager", partial(ports.modem_manager, settings, host), again)
    yield Check("certificates", partial(certificates.certificates, settings, host), disk)
    network = "is it the right host, does a firewall stand between, is the network slow?"
    yield Check("broker", partial(broker.broker, settings, host), network)


def _settings(config: Path, loaded: list[Settings]) -> Iterator[Finding]:
    try:
        settings = load_settings(config)
    except Unusable as unusable:
        yield fault("settings", unusable.what.removeprefix("settings "), unusable.next_step)
        return
    loaded.append(settings)
    yield fine("settings", f"{config}: mode {settings.mode.value}, {len(settings.channel)} channel(s)")


def _daemon(settings: Settings, host: Host, seen: list[Running]) -> Iterator[Finding]:
    seen.append(running_daemon(settings.state_dir, host))
    yield from running.daemon(settings, seen[0])


def _bounded(check: Check, limit_s: float) -> Iterator[Finding]:
    """What it found, all at once. Its thread is not waited for longer."""
    answers: queue.Queue[tuple[Finding, ...]] = queue.Queue()

    def look() -> None:
        try:
            answers.put(tuple(check.look()))
        except Exception as error:  # a bug of one check must not hide what the others see
            told = f"this check itself failed: {type(error).__name__}: {error}"
            answers.put((fault(check.name, told, "please report it"),))

    threading.Thread(target=look, name=check.name, daemon=True).start()
    try:
        yield from answers.get(timeout=limit_s)
    except queue.Empty:
        yield fault(check.name, f"no answer within {limit_s:.2g} s", check.overdue)
