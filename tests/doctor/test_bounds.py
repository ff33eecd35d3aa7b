"""The doctor ends, whatever hangs or fails; it leaves no trace; and it asks a pump nothing but who it is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.companion.codec import decode
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.companion.messages import Identify
from pumpctl.core.instant import NS_PER_S
from pumpctl.doctor.examination import examine
from pumpctl.doctor.finding import Finding, Verdict
from pumpctl.shell.clock import boottime_ns
from pumpctl.shell.journal import Journal
from tests.conftest import PtyPair
from tests.doctor.site import WITHIN_S, Channel, Site
from tests.pty_bytes import read_when


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def finding_of(check: str, found: list[Finding]) -> Finding:
    (hit,) = [finding for finding in found if finding.check == check]
    return hit


def test_a_check_that_hangs_is_left_behind_and_the_others_are_made(site: Site, released: threading.Event) -> None:
    def hangs(_: Path) -> int:
        released.wait()
        return 0

    site.is_seen_by(free_bytes=hangs)
    found = list(examine(site.write_settings(), site.host, 1, 10 * WITHIN_S))
    hung = finding_of("disk", found)
    assert (hung.verdict, hung.cause) == (Verdict.FAULT, "no answer within 1 s")
    assert "dmesg" in hung.next_step
    assert found[-1].check == "broker"


def test_a_broker_that_never_answers_holds_nobody_up(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site.tables = f'[mqtt]\nhost = "127.0.0.1"\nport = {silent.getsockname()[1]}\n'
        found = list(examine(site.write_settings(), site.host, 1, 10 * WITHIN_S))
    assert finding_of("broker", found).cause == "no answer within 1 s"
    assert "does a firewall stand between" in finding_of("broker", found).next_step


def test_a_check_that_fails_by_itself_hides_none_of_the_others(site: Site) -> None:
    def fails(_: Path) -> int:
        raise ZeroDivisionError("nobody thought of it")

    site.is_seen_by(free_bytes=fails)
    found = site.examined()
    assert "ZeroDivisionError: nobody thought of it" in finding_of("disk", found).cause
    assert finding_of("disk", found).verdict is Verdict.FAULT
    assert found[-1].check == "broker"


def test_a_check_that_hangs_gets_no_more_than_is_left_for_all(site: Site, released: threading.Event) -> None:
    """Sixty seconds a check, two for all: the one that hangs takes what is left of the two."""

    def hangs(_: Path) -> int:
        released.wait()
        return 0

    site.is_seen_by(free_bytes=hangs)
    began_ns = boottime_ns()
    found = list(examine(site.write_settings(), site.host, WITHIN_S, 2))
    assert boottime_ns() - began_ns < WITHIN_S * NS_PER_S / 2
    assert "the 2 s for all checks are over" in finding_of("broker", found).cause


def test_when_the_time_for_all_is_over_the_rest_is_named_and_not_looked_at(site: Site) -> None:
    found = list(examine(site.write_settings(), site.host, WITHIN_S, 0))
    assert "the 0 s for all checks are over" in finding_of("broker", found).cause
    assert finding_of("broker", found).verdict is Verdict.WARNING


def test_no_file_of_the_state_directory_changes(site: Site) -> None:
    """Reading a database in WAL mode makes SQLite's own two files for readers; nothing else is new."""
    journal, _ = Journal.open(site.state_dir)
    journal.close()

    def contents() -> dict[str, tuple[bytes, int, int]]:
        files = sorted(site.state_dir.iterdir())
        return {f.name: (f.read_bytes(), f.stat().st_mode, f.stat().st_mtime_ns) for f in files}

    before = contents()
    assert {"journal.sqlite", "journal.anchor", "daemon.lock"} <= set(before)
    assert finding_of("journal", site.examined()).verdict is Verdict.OK
    after = contents()
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {"journal.sqlite-wal", "journal.sqlite-shm"}
    assert after.get("journal.sqlite-wal", (b"", 0, 0))[0] == b""


@pytest.mark.hazard("H47")
def test_a_pump_is_asked_who_it_is_and_nothing_else(site: Site, pty_pair: PtyPair) -> None:
    site.channels = [Channel(pty_pair.slave_path, dialect="companion")]
    site.examined()
    sent = read_when(pty_pair.master_fd, lambda came: came.endswith(b"\0"))
    pieces = [decode(piece) for piece in FrameDecoder().receive(sent) if not isinstance(piece, Garbage)]
    assert pieces
    assert all(isinstance(piece.message, Identify) for piece in pieces)
