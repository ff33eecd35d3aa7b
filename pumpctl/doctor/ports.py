"""Each port of the settings: is it there, may it be opened, who has it, does the right pump answer.

Refuses to ask a pump anything while somebody has its port, and more than who it is at any time. A New Era pump is not
asked even that: it takes every question for the acknowledgement of an alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pumpctl.configuration import Mode
from pumpctl.doctor.device import Device, by_id, device_at
from pumpctl.doctor.finding import Finding, Verdict, doubt, fault, fine
from pumpctl.doctor.host import Host
from pumpctl.doctor.running import Running
from pumpctl.drivers.probes import Found, probes
from pumpctl.shell.chance import fresh_session
from pumpctl.shell.holders import Holder, holders_of, named
from pumpctl.shell.port import PortUnusable, open_port
from pumpctl.shell.probing import probe_port
from pumpctl.shell.settings import ChannelSettings, Settings

READ_WRITE = 0o6
GOOD_LATENCY_MS = 1  # the FTDI driver's own 16 ms are longer than a whole exchange (docs/install-raspberry-pi.md)
ASKED_TIMES = 2  # 0.6 s each: a busy pump may be late once
BY_ID_STEP = "name it by its entry in /dev/serial/by-id, or install deploy/udev/99-pumpctl.rules"


def channel_port(channel: ChannelSettings, settings: Settings, running: Running, host: Host) -> Iterator[Finding]:
    """The port of one pump, and the pump."""
    name = f"port {channel.name}"
    trouble = tuple(_line(name, channel.port, host))
    yield from trouble
    link = running.links.get(channel.name)
    if _is_closed(trouble):
        return
    if running.answers and link is not None:
        yield from _of_the_daemon(name, channel.port, link, host)
        return
    if holders := _holders(channel.port, host):
        yield _held(name, channel.port, holders)
        return
    if running.may_hold_ports:
        told = f"{channel.port}: not asked: what runs of ours may hold it"
        yield doubt(name, told, "see daemon and guard above, then run this again")
        return
    yield from _pump(name, channel, settings)


def status_line_port(settings: Settings, running: Running, host: Host) -> Iterator[Finding]:
    """The display's port. Nothing is written to it, and it is not opened."""
    if settings.status_line is None:
        return
    port = settings.status_line.port
    if any(_same(port, channel.port) for channel in settings.channel):
        yield fault("status_line", f"{port} is the port of a pump", "give the display a port of its own")
        return
    trouble = tuple(_line("status_line", port, host))
    yield from trouble
    if _is_closed(trouble):
        return
    holders = _holders(port, host)
    if holders and not running.answers:
        yield _held("status_line", port, holders)
    elif not trouble:
        yield fine("status_line", f"{port}: may be opened")


def pumps_told_apart(settings: Settings) -> Iterator[Finding]:
    """One pump under two names would be driven twice (H47)."""
    channels = settings.channel
    pairs = [(a, b) for place, a in enumerate(channels) for b in channels[place + 1 :]]
    trouble = False
    for a, b in pairs:
        if a.serial == b.serial and a.dialect != "new_era":
            trouble = True
            told = f"channels {a.name} and {b.name} both name the serial number {a.serial}"
            yield fault("channels", told, "read it from each pump: `pumpctl probe PORT`")
        if a.port != b.port and _same(a.port, b.port):
            trouble = True
            told = f"{a.port} and {b.port} are the same device (channels {a.name} and {b.name})"
            yield fault("channels", told, "each pump has a port of its own: `pumpctl probe PORT` says who is where")
    if not trouble:
        yield fine("channels", ", ".join(f"{channel.name} ({channel.dialect})" for channel in channels))


def modem_manager(settings: Settings, host: Host) -> Iterator[Finding]:
    """It sends AT commands to whatever serial device it finds: a pump may take them for its own."""
    pid = next((pid for pid, name in host.processes() if name == "ModemManager"), None)
    if pid is None:
        yield fine("ModemManager", "does not run")
        return
    urls = [channel.port for channel in settings.channel]
    urls += [settings.status_line.port] if settings.status_line is not None else []
    exposed = [str(device.path) for device in _devices(urls, host) if not device.left_by_modem_manager]
    if exposed:
        told = f"ModemManager runs (pid {pid}) and may send AT commands to {', '.join(exposed)}"
        step = "install deploy/udev/99-pumpctl.rules, or sudo systemctl disable --now ModemManager"
        yield doubt("ModemManager", told, step)
    else:
        yield fine("ModemManager", f"runs (pid {pid}) and leaves the ports alone")


def _line(name: str, port: str, host: Host) -> Iterator[Finding]:
    """What is wrong with the device; a fault: it cannot be opened at all."""
    if "://" in port:
        return
    try:
        device = device_at(port, host)
    except PermissionError:
        yield fault(name, f"{port}: the way to it is closed to {host.user_name()}", "look at the directories above it")
        return
    except OSError as error:
        yield fault(name, f"{port}: {_absence(error)}", _what_is_there(host))
        return
    if device is None:
        yield fault(name, f"{port}: this is no serial device", "correct `port` in the settings")
        return
    if not host.may(device.status, READ_WRITE):
        yield _not_allowed(name, port, device, host)
        return
    yield from _doubts(name, device)


def _is_closed(found: tuple[Finding, ...]) -> bool:
    return any(finding.verdict is Verdict.FAULT for finding in found)


def _doubts(name: str, device: Device) -> Iterator[Finding]:
    if not device.is_pty and device.may_change_name:
        step = f'write port = "{device.stable}"' if device.stable else BY_ID_STEP
        yield doubt(name, f"{device.path}: at the next plugging another device may have this name", step)
    if device.latency_ms is not None and device.latency_ms > GOOD_LATENCY_MS:
        told = f"{device.path}: its FTDI chip holds answers back for {device.latency_ms} ms"
        yield doubt(name, told, "install deploy/udev/99-pumpctl.rules, which sets its latency timer to 1 ms")


def _pump(name: str, channel: ChannelSettings, settings: Settings) -> Iterator[Finding]:
    wanted = [probe for probe in probes(fresh_session()) if probe.dialect == channel.dialect]
    found = None
    try:
        if channel.dialect == "new_era":
            open_port(channel.port, channel.baud).close()
            yield fine(name, f"{channel.port}: can be opened; not asked: a question would acknowledge an alarm")
            return
        for _ in range(ASKED_TIMES):
            found = found or probe_port(channel.port, wanted, channel.baud)
    except PortUnusable as unusable:
        cause, _, step = str(unusable).partition("; ")
        yield fault(name, cause, step)
        return
    if found is None:
        told = f"{channel.port}: nobody answers in {channel.dialect} at {channel.baud} baud"
        yield fault(name, told, "is the pump on, is it the right cable? `pumpctl probe PORT` tries every dialect")
    else:
        yield from _identity(name, channel, settings.mode, found)


def _identity(name: str, channel: ChannelSettings, mode: Mode, found: Found) -> Iterator[Finding]:
    runs = f"{found.model} {found.firmware}"
    if found.serial != channel.serial:
        told = f"{channel.port}: the pump there has the serial number {found.serial!r}, not {channel.serial!r}"
        yield fault(name, told, "connect the right pump, or correct `serial`: it may be another patient's")
    elif found.simulated and mode is Mode.THERAPY:
        yield fault(name, f"{channel.port}: a simulated pump, and mode is therapy", 'write mode = "rig"')
    elif found.simulated is False and mode is Mode.RIG:
        told = f"{channel.port}: a real pump, and mode is rig: the daemon will not drive it"
        yield fault(name, told, "this version drives simulated pumps alone (README, Limits)")
    elif channel.firmware is not None and found.model and runs not in channel.firmware:
        told = f"{channel.port}: the pump runs {runs!r}, which the settings do not allow"
        yield fault(name, told, "have the new firmware assessed, then add it to `firmware`")
    else:
        yield fine(name, f"{channel.port}: pump {found.serial} answers")


def _of_the_daemon(name: str, port: str, link: str, host: Host) -> Iterator[Finding]:
    """The port is its own: nobody else is asked, and nothing is opened."""
    if link == "up":
        yield fine(name, f"{port}: the daemon has it open, and its pump answers")
        return
    holders = _holders(port, host)
    told = f"{port}: the daemon's link to this pump is {link}"
    step = "is the pump on and plugged in? the daemon tries again by itself; its log says why"
    yield fault(name, f"{told}; open in {named(holders)}" if holders else told, step)


def _holders(port: str, host: Host) -> tuple[Holder, ...]:
    """Of a real device. A pty is always open at its other end too; there the lock tells, when it is opened."""
    device = None if "://" in port else device_at(port, host)
    return () if device is None or device.is_pty else holders_of(port)


def _held(name: str, port: str, holders: tuple[Holder, ...]) -> Finding:
    return fault(name, f"{port}: held by {named(holders)}", "end that process; the pump is not asked meanwhile")


def _not_allowed(name: str, port: str, device: Device, host: Host) -> Finding:
    user = host.user_name()
    told = f"{port}: permission denied; it belongs to the group {device.group}, and {user} is not in it"
    return fault(name, told, f"sudo usermod -aG {device.group} {user}, then log in again or restart the daemon")


def _absence(error: OSError) -> str:
    return "no such device" if isinstance(error, FileNotFoundError) else error.strerror or str(error)


def _what_is_there(host: Host) -> str:
    there = ", ".join(str(entry) for entry in by_id(host))
    return f"plug it in, or correct `port`; there is {there}" if there else "plug it in, or correct `port`"


def _devices(urls: Sequence[str], host: Host) -> Iterator[Device]:
    for url in urls:
        try:
            device = device_at(url, host)
        except OSError:
            device = None  # its own check says so
        if device is not None and not device.is_pty:
            yield device


def _same(a: str, b: str) -> bool:
    return a == b or ("://" not in a + b and Path(a).resolve() == Path(b).resolve())
