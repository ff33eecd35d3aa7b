"""Where a warning begins and ends: the value on either side of each limit."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pumpctl.doctor.finding import Verdict
from pumpctl.shell.journal import Journal
from tests.doctor.site import Site

MIB = 1024 * 1024
OK, WARNING, FAULT = Verdict.OK, Verdict.WARNING, Verdict.FAULT


def verdict_of(check: str, site: Site) -> Verdict:
    """The worst of its lines; there is at least one."""
    return max((f.verdict for f in site.examined() if f.check == check), key=[OK, WARNING, FAULT].index)


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(32 * MIB - 1, FAULT), (32 * MIB, WARNING), (128 * MIB - 1, WARNING), (128 * MIB, OK)],
)
@pytest.mark.hazard("H68")
def test_room_on_the_disk(site: Site, free: int, verdict: Verdict) -> None:
    site.is_seen_by(free_bytes=lambda _: free)
    assert verdict_of("disk", site) is verdict


@pytest.mark.parametrize(("latency_ms", "verdict"), [("1", OK), ("2", WARNING)])
def test_latency_of_an_ftdi_chip(site: Site, latency_ms: str, verdict: Verdict) -> None:
    name = Path(site.channels[0].port).name
    site.kernel_says("sysfs", f"class/tty/{name}/device/latency_timer", f"{latency_ms}\n")
    assert verdict_of("port a", site) is verdict


@pytest.mark.parametrize(("python", "verdict"), [((3, 10), FAULT), ((3, 11), OK), ((3, 14), OK), ((3, 15), WARNING)])
def test_version_of_the_interpreter(site: Site, python: tuple[int, int], verdict: Verdict) -> None:
    site.is_seen_by(python=python)
    assert verdict_of("python", site) is verdict


@pytest.mark.parametrize(
    ("utc_s", "verdict"),
    [(1_767_225_599, FAULT), (1_767_225_600, OK), (4_102_444_799, OK), (4_102_444_800, FAULT), (1 << 60, FAULT)],
)
def test_year_of_the_clock(site: Site, utc_s: int, verdict: Verdict) -> None:
    """2025-12-31T23:59:59Z is before this version was made, and so is its year."""
    site.is_seen_by(utc_ms=lambda: utc_s * 1000)
    assert verdict_of("clock", site) is verdict


@pytest.mark.parametrize(("known", "verdict"), [(True, OK), (None, OK), (False, WARNING)])
def test_a_clock_that_cannot_be_asked_is_not_blamed(site: Site, known: bool | None, verdict: Verdict) -> None:
    site.is_seen_by(clock_synchronised=lambda: known)
    assert verdict_of("clock", site) is verdict


@pytest.mark.parametrize(("ahead_s", "verdict"), [(120, OK), (121, WARNING), (-86_400, OK)])
def test_an_anchor_of_the_future(site: Site, ahead_s: int, verdict: Verdict) -> None:
    journal, _ = Journal.open(site.state_dir)
    journal.close()
    anchor = site.state_dir / "journal.anchor"
    os.utime(anchor, (1_800_000_000 + ahead_s,) * 2)
    site.is_seen_by(utc_ms=lambda: 1_800_000_000_000)
    assert verdict_of("journal", site) is verdict


@pytest.mark.parametrize(("mode", "verdict"), [(0o750, OK), (0o751, WARNING), (0o752, FAULT)])
def test_rights_of_everybody(site: Site, mode: int, verdict: Verdict) -> None:
    site.state_dir.chmod(mode)
    assert verdict_of("state_dir", site) is verdict


def modem_manager_runs(site: Site) -> None:
    site.kernel_says("proc", "77/comm", "ModemManager\n")
    site.is_seen_by(pty_majors=range(0))


@pytest.mark.parametrize("word", ["ID_MM_DEVICE_IGNORE=1", "ID_MM_PORT_IGNORE=1"])
def test_a_modem_manager_that_was_told_to_leave_the_port_alone_is_fine(site: Site, word: str) -> None:
    number = Path(site.channels[0].port).stat().st_rdev
    modem_manager_runs(site)
    assert verdict_of("ModemManager", site) is WARNING
    site.kernel_says("udev", f"c{os.major(number)}:{os.minor(number)}", f"E:{word}\nG:systemd\n")
    assert verdict_of("ModemManager", site) is OK


@pytest.mark.parametrize(
    ("lock", "command", "verdict"),
    [
        ("77", "python3\0/opt/pumpctl/bin/pumpctl\0run\0", FAULT),
        ("77", "python3\0-m\0pumpctl.guard\0--state-dir\0/var/lib/pumpctl\0", OK),  # the number is another's by now
        ("78", "python3\0/opt/pumpctl/bin/pumpctl\0run\0", OK),  # it has ended
        ("", "python3\0/opt/pumpctl/bin/pumpctl\0run\0", OK),
    ],
)
def test_a_lock_file_names_a_daemon_only_while_it_is_one(site: Site, lock: str, command: str, verdict: Verdict) -> None:
    (site.state_dir / "daemon.lock").write_text(f"{lock}\n")
    site.kernel_says("proc", "77/cmdline", command)
    assert verdict_of("daemon", site) is verdict


def stranger(site: Site, groups: Callable[[os.stat_result], frozenset[int]]) -> None:
    port = Path(site.channels[0].port)
    port.chmod(0o620)
    site.state_dir.chmod(0o777)
    site.is_seen_by(user_id=4_242, groups=groups(port.stat()))


def test_who_is_in_the_group_of_a_device_needs_both_rights(site: Site) -> None:
    stranger(site, lambda status: frozenset({status.st_gid}))
    assert verdict_of("port a", site) is FAULT  # it may be written and not read
    Path(site.channels[0].port).chmod(0o660)
    assert verdict_of("port a", site) is OK
