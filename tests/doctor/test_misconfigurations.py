"""Set-ups spoiled one at a time: each is found by its check, with its cause and what to do about it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pumpctl.doctor.finding import Verdict
from pumpctl.guard.slot import StoppedByGuard, rows_of
from pumpctl.guard.wire import SLOT_NAME, encode
from pumpctl.shell.journal import Journal
from tests.doctor.site import Channel, Site, trouble

A_STRANGER = 4_242

Seed = Callable[[Site], None]


def misspelt_key(site: Site) -> None:
    site.top = 'on_allarm = ["true"]'


def no_state_dir(site: Site) -> None:
    site.state_dir.rmdir()


def open_to_all(site: Site) -> None:
    site.state_dir.chmod(0o777)


def looked_into_by_all(site: Site) -> None:
    site.state_dir.chmod(0o755)


def of_somebody_else(site: Site) -> None:
    site.is_seen_by(user_id=A_STRANGER, groups=frozenset[int]())


def on_a_network_disk(site: Site) -> None:
    site.kernel_says("proc", "self/mountinfo", f"25 1 0:23 / {site.folder} rw,relatime - nfs4 server:/x rw\n")


def in_memory(site: Site) -> None:
    site.mode = "therapy"
    site.kernel_says("proc", "self/mountinfo", "25 1 0:23 / / rw,relatime shared:1 - tmpfs tmpfs rw\n")


def full_disk(site: Site) -> None:
    site.is_seen_by(free_bytes=lambda _: 31 * 1024 * 1024)


def nearly_full_disk(site: Site) -> None:
    site.is_seen_by(free_bytes=lambda _: 127 * 1024 * 1024)


def lost_journal(site: Site) -> None:
    journal, _ = Journal.open(site.state_dir)
    journal.close()
    (site.state_dir / "journal.sqlite").unlink()


def journal_of_tomorrow(site: Site) -> None:
    journal, _ = Journal.open(site.state_dir)
    journal.close()
    anchor = site.state_dir / "journal.anchor"
    os.utime(anchor, (anchor.stat().st_atime, anchor.stat().st_mtime + 86_400))


def unreadable_library(site: Site) -> None:
    (site.folder / "library.toml").write_text("[[limit]]\n")
    site.top = 'library = "library.toml"'


def unplugged(site: Site) -> None:
    by_id = site.folder / "by-id"
    by_id.mkdir()
    (by_id / "usb-FTDI_other").symlink_to("/dev/null")
    site.is_seen_by(by_id=by_id)
    site.channels = [Channel(str(site.folder / "ttyUSB9"))]


def not_in_the_group(site: Site) -> None:
    site.state_dir.chmod(0o777)  # so that only the port is closed to the stranger
    Path(site.channels[0].port).chmod(0o620)
    site.is_seen_by(user_id=A_STRANGER, groups=frozenset[int]())


def named_by_plugging(site: Site) -> None:
    by_id = site.folder / "by-id"
    by_id.mkdir()
    (by_id / "usb-FTDI_pump_A").symlink_to(site.channels[0].port)
    site.is_seen_by(by_id=by_id, pty_majors=range(0))


def slow_chip(site: Site) -> None:
    site.kernel_says("sysfs", f"class/tty/{Path(site.channels[0].port).name}/device/latency_timer", "16\n")


def modem_manager(site: Site) -> None:
    site.kernel_says("proc", "77/comm", "ModemManager\n")
    site.is_seen_by(pty_majors=range(0))


def serial_twice(site: Site) -> None:
    site.channels = [Channel(site.channels[0].port, dialect="companion"), Channel("/dev/null", "b", dialect="miva")]


def device_twice(site: Site) -> None:
    second = site.folder / "second-name"
    second.symlink_to(site.channels[0].port)
    site.channels.append(Channel(str(second), "b", "SIM-0002"))


def hung_daemon(site: Site) -> None:
    (site.state_dir / "daemon.lock").write_text("77\n")
    site.kernel_says("proc", "77/cmdline", "python3\0/usr/bin/pumpctl\0run\0")


def stopped_by_the_guard(site: Site) -> None:
    stop = StoppedByGuard("a", "the daemon hung", proven=False, utc_ms=1)
    (site.state_dir / SLOT_NAME).write_bytes(encode({"stopped": rows_of((stop,))}))


def damaged_slot(site: Site) -> None:
    (site.state_dir / SLOT_NAME).write_bytes(b"\0\0")


def without_a_guard_of_its_own_unit(site: Site) -> None:
    site.mode = "therapy"


def no_alarm_program(site: Site) -> None:
    site.top = f'on_alarm = ["{site.folder}/ring"]'


def alarm_program_that_cannot_run(site: Site) -> None:
    (site.folder / "ring").write_text("#!/bin/sh\n")
    no_alarm_program(site)


def clock_of_1970(site: Site) -> None:
    site.is_seen_by(utc_ms=lambda: 86_400_000)


def clock_alone(site: Site) -> None:
    site.is_seen_by(clock_synchronised=lambda: False)


def old_python(site: Site) -> None:
    site.is_seen_by(python=(3, 10))


def untested_python(site: Site) -> None:
    site.is_seen_by(python=(3, 15))


def display_on_the_pump(site: Site) -> None:
    site.tables = f'[status_line]\nport = "{site.channels[0].port}"\n'


def no_display(site: Site) -> None:
    site.tables = f'[status_line]\nport = "{site.folder}/display"\n'


def no_broker(site: Site) -> None:
    site.tables = '[mqtt]\nhost = "127.0.0.1"\nport = 1\n'


def nobody_on_the_line(site: Site) -> None:
    site.channels = [Channel(site.channels[0].port, dialect="companion")]


@dataclass(frozen=True)
class Row:
    """What is spoiled, which check must see it, and words of the cause and of the next step."""

    seed: Seed
    check: str
    verdict: Verdict
    cause: str
    next_step: str


WARNING, FAULT = Verdict.WARNING, Verdict.FAULT
ROWS = [
    Row(misspelt_key, "settings", FAULT, "unknown key on_allarm", "did you mean on_alarm?"),
    Row(no_state_dir, "state_dir", FAULT, "No such file or directory", "sudo install -d -m 0750 -o"),
    Row(open_to_all, "state_dir", FAULT, "everybody can forge the journal", "chmod 0750"),
    Row(looked_into_by_all, "state_dir", WARNING, "everybody may look into it (mode 0755)", "chmod 0750"),
    Row(of_somebody_else, "state_dir", FAULT, f"{A_STRANGER} may not write there", f"chown {A_STRANGER}"),
    Row(of_somebody_else, "state_dir", WARNING, f"{A_STRANGER} is looking", "pumpctl doctor --config F"),
    Row(on_a_network_disk, "state_dir", FAULT, "network file system (nfs4)", "a disk of this host"),
    Row(in_memory, "state_dir", FAULT, "is in memory (tmpfs)", "a disk of this host"),
    Row(full_disk, "disk", FAULT, "31 MiB are free where the journal is, at least 32 are needed", "free some space"),
    Row(nearly_full_disk, "disk", WARNING, "127 MiB are free", "free some space"),
    Row(lost_journal, "journal", FAULT, "the journal is missing although the anchor", "docs/journal.md"),
    Row(journal_of_tomorrow, "journal", WARNING, "in the future by this clock", "set the clock right"),
    Row(unreadable_library, "library", FAULT, "library.toml: ", "correct the file"),
    Row(unplugged, "port a", FAULT, "ttyUSB9: no such device", "usb-FTDI_other"),
    Row(not_in_the_group, "port a", FAULT, f"and {A_STRANGER} is not in it", "sudo usermod -aG"),
    Row(named_by_plugging, "port a", WARNING, "another device may have this name", "usb-FTDI_pump_A"),
    Row(slow_chip, "port a", WARNING, "holds answers back for 16 ms", "99-pumpctl.rules"),
    Row(nobody_on_the_line, "port a", FAULT, "nobody answers in companion at 115200 baud", "is the pump on"),
    Row(modem_manager, "ModemManager", WARNING, "ModemManager runs (pid 77)", "99-pumpctl.rules"),
    Row(serial_twice, "channels", FAULT, "channels a and b both name the serial number SIM-0001", "pumpctl probe"),
    Row(device_twice, "channels", FAULT, "are the same device (channels a and b)", "a port of its own"),
    Row(hung_daemon, "daemon", FAULT, "a daemon (pid 77) holds", "`pumpctl stop` still works"),
    Row(hung_daemon, "port a", WARNING, "not asked: what runs of ours may hold it", "run this again"),
    Row(stopped_by_the_guard, "guard", WARNING, "stopped channel a: the daemon hung; NOT proven", "look at the pump"),
    Row(damaged_slot, "guard", FAULT, "guard.slot: not a slot", "look at every pump"),
    Row(without_a_guard_of_its_own_unit, "guard", WARNING, "nothing waits at guard.sock", "enable --now pumpctl-guard"),
    Row(no_alarm_program, "on_alarm", FAULT, "no such program", "correct `on_alarm`"),
    Row(alarm_program_that_cannot_run, "on_alarm", FAULT, "not executable", "chmod +x"),
    Row(clock_of_1970, "clock", FAULT, "1970-01-02 00:00 UTC: this year is not plausible", "set-ntp"),
    Row(clock_alone, "clock", WARNING, "not synchronised", "set-ntp"),
    Row(old_python, "python", FAULT, "Python 3.10", "newer"),
    Row(untested_python, "python", WARNING, "Python 3.15", "3.14"),
    Row(display_on_the_pump, "status_line", FAULT, "is the port of a pump", "a port of its own"),
    Row(no_display, "status_line", FAULT, "display: no such device", "correct `port`"),
    Row(no_broker, "broker", FAULT, "127.0.0.1:1: nobody listens there", "is the broker running"),
]


def test_a_healthy_site_has_no_finding(site: Site) -> None:
    assert trouble(site.examined()) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.seed.__name__}-{row.verdict.value}")
def test_what_is_spoiled_is_found_with_its_cause_and_a_next_step(row: Row, site: Site) -> None:
    row.seed(site)
    found = site.examined()
    hits = [f for f in found if f.check == row.check and f.verdict is row.verdict and row.cause in f.cause]
    assert hits, found
    assert any(row.next_step in hit.next_step for hit in hits), hits


HOLDS = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(site: Site) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDS, site.channels[0].port]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.stdin.close()
    process.wait()
    process.stdout.close()


@pytest.mark.hazard("H47")
def test_a_port_that_somebody_holds_is_not_asked_and_the_holder_is_named(
    site: Site, holder: subprocess.Popen[str]
) -> None:
    site.channels = [Channel(site.channels[0].port, dialect="companion")]
    hits = [finding for finding in trouble(site.examined()) if finding.check == "port a"]
    assert len(hits) == 1
    assert "in use by " in hits[0].cause
    assert f"pid {holder.pid} (" in hits[0].cause
    assert "end that process" in hits[0].next_step


def test_a_port_of_the_figures_that_is_taken_is_found_and_a_free_one_is_fine(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        site.tables = f"[metrics]\nport = {taken.getsockname()[1]}\n"
        (found,) = trouble(site.examined())
    assert (found.check, found.verdict) == ("metrics", Verdict.WARNING)
    assert "already in use" in found.cause
    assert "another `port`" in found.next_step
    assert trouble(site.examined()) == []
