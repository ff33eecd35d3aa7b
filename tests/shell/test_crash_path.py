"""The way down after a bug: every armed pump is stopped and the daemon ends, whatever fails on the way."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pumpctl import daemon as subject
from pumpctl.daemon import CRASHED, Daemon
from pumpctl.shell.clock import Clock
from pumpctl.shell.guard_link import GuardLink
from pumpctl.shell.journal import Journal
from pumpctl.shell.logs import open_log
from pumpctl.shell.settings import load_settings
from tests.system.daemon_process import SETTINGS

NAMES = ("a", "b", "c")


class Ward:
    """A daemon that is not opened, with a guard and three armed pumps. `done` is what it did on its way down."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = folder / "rig.toml"
        config.write_text(SETTINGS.format(state_dir=folder, port=folder / "no-pump", more="", tables=""))
        self.text = io.StringIO()
        self.done: list[str] = []
        log, self._writer = open_log(self.text)
        self._journal, _ = Journal.open(folder)
        self.link = GuardLink.start(folder)
        self.daemon = Daemon(load_settings(config), log, self._writer, Clock(1, 0), self._journal, self.link)
        monkeypatch.setattr(self.daemon, "_links", {name: Pump(name, self.done) for name in NAMES})
        monkeypatch.setattr(subject, "note_crash", lambda *_: self.done.append("noted"))
        for name in NAMES:
            self.daemon._guard.arm(name, b"STOP", b"STOPPED", lease=False, proven=True)

    def loses_its_guard(self) -> None:
        self.link._end()

    def crashes(self) -> str:
        """What is in its log then."""
        self.daemon._crashed(ArithmeticError("a bug"))
        self._writer.close()
        return self.text.getvalue()

    def close(self) -> None:
        if self.link.alive:
            self.link._end()
        self.daemon._annunciator.close()
        self.daemon._systemd.close()
        self._writer.close()
        self._journal.close()


class Pump:
    """Its link. That of b is broken."""

    def __init__(self, name: str, done: list[str]) -> None:
        self._name = name
        self._done = done

    def write(self, frame: bytes, *, is_stop: bool) -> None:
        self._done.append(f"{frame.decode()} {self._name} {is_stop}")
        if self._name == "b":
            raise ArithmeticError("the bug is in the link")

    def close_for_good(self) -> None:
        self._done.append(f"closed {self._name}")


@pytest.fixture
async def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ward]:
    opened = Ward(tmp_path, monkeypatch)
    yield opened
    opened.close()


@pytest.mark.hazard("H51")
async def test_without_a_guard_a_link_that_raises_keeps_no_other_pump_from_its_stop(ward: Ward) -> None:
    ward.loses_its_guard()
    said = ward.crashes()
    assert ward.done[:3] == ["STOP a True", "STOP b True", "STOP c True"]
    assert ward.daemon._ended.is_set()
    assert ward.daemon._code == CRASHED
    assert "STOP cannot be written" in said
    assert "the bug is in the link" in said
    assert "uncaught exception: stopping" in said


@pytest.mark.hazard("H51")
async def test_without_a_guard_the_crash_is_noted_after_the_stops(ward: Ward) -> None:
    ward.loses_its_guard()
    ward.crashes()
    assert ward.done.index("noted") == len(NAMES)


async def test_with_a_guard_the_crash_is_noted_before_it_is_asked_to_stop(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ward.daemon._guard, "_guard_took_it", told(ward.done))
    ward.crashes()
    assert ward.done == ["noted", "asked"]


async def test_the_daemon_ends_even_when_stopping_itself_fails(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ArithmeticError("another bug")

    monkeypatch.setattr(ward.daemon._guard, "stop_armed", fail)
    with pytest.raises(ArithmeticError, match="another bug"):
        ward.crashes()
    assert ward.daemon._ended.is_set()


async def test_no_descriptor_left_to_ask_the_guard_with_is_a_reason_to_write(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pumpctl.shell.kept_guard.socket.socket", none_left)
    ward.crashes()
    assert ward.done == ["noted", "STOP a True", "STOP b True", "STOP c True"]


def told(done: list[str]) -> Callable[[], bool]:
    def asked() -> bool:
        done.append("asked")
        return True

    return asked


def none_left(*_: object) -> None:
    raise OSError(24, "Too many open files")
