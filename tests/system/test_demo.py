"""The demo keeps its promises, says so when it does not, and leaves nothing behind however it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pumpctl.core.order_text import parse_order
from pumpctl.core.schedule import expand
from simulator.rig.demo import broker
from simulator.rig.demo.acts import GOLDEN_ORDER
from simulator.rig.demo.children import Children
from simulator.rig.demo.dated_order import due_now, ordered
from simulator.rig.demo.failing import Missed
from simulator.rig.demo.picture import curve, duration_h
from simulator.rig.demo.promises import Result, SecondAct, ThirdAct, missed

WHOLE_DEMO_S = 280
ENDS_WITHIN_S = 40
MARK = "DEMO_TEST_MARK"
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a demo runs: what it leaves, and how its processes are known."""

    output: Path
    temporary: Path

    def start(self, **more: str) -> subprocess.Popen[str]:
        environment = {**os.environ, MARK: str(self.output), "TMPDIR": str(self.temporary), **more}
        return subprocess.Popen(
            [sys.executable, "-m", "simulator.rig.demo", "--output", str(self.output)],
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def left_over(self) -> list[str]:
        """Processes that carry the mark or name one of the folders, and whatever is still in the temporary one."""
        places = (str(self.output).encode(), str(self.temporary).encode())
        found: list[str] = []
        for process in Path("/proc").glob("[0-9]*"):
            command = _read(process / "cmdline")
            told = command + _read(process / "environ")
            if int(process.name) != os.getpid() and any(place in told for place in places):
                found.append(f"{process.name}: {command!r}")
        return found + [str(path) for path in self.temporary.iterdir()]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The temporary folder has a short path: a socket's path must not be longer than 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="d-", dir="/tmp") as temporary:
        yield Desk(tmp_path / "demo", Path(temporary))


HELD = Result(
    ordered_ml=100.0,
    delivered_ml=99.9,
    delivered_mg=1998.0,
    max_dose_rate_mg_min=3.33,
    duration_h=10.0,
    mqtt_messages=100,
    serial_status_lines=100,
    journal_ok=True,
    last_state="completed",
    second_act=SecondAct("occlusion", stopped=True, alarm="occlusion", reason="blocked", reaction_s=0.001),
    third_act=ThirdAct(stopped=True, reaction_s=0.5),
)
NAN = float("nan")


@pytest.mark.parametrize(
    "result",
    [
        HELD,
        replace(HELD, delivered_ml=100.0),
        replace(HELD, delivered_ml=99.0),
        replace(HELD, max_dose_rate_mg_min=4.0),
        replace(HELD, mqtt_messages=None),
        replace(HELD, second_act=replace(HELD.second_act, reaction_s=1.0)),
        replace(HELD, third_act=replace(HELD.third_act, reaction_s=3.0)),
    ],
)
def test_a_promise_holds_up_to_its_edge(result: Result) -> None:
    assert missed(result) == ()


@pytest.mark.parametrize(
    ("result", "named"),
    [
        (replace(HELD, ordered_ml=99.9), "ordered 99.9 mL"),
        (replace(HELD, delivered_ml=100.000001), "above"),
        (replace(HELD, delivered_ml=98.999999), "below"),
        (replace(HELD, delivered_ml=NAN), "nan mL, above"),
        (replace(HELD, max_dose_rate_mg_min=4.000001), "dose rate 4.000001"),
        (replace(HELD, max_dose_rate_mg_min=0.0), "dose rate 0.0"),
        (replace(HELD, max_dose_rate_mg_min=NAN), "dose rate nan"),
        (replace(HELD, duration_h=None), "duration"),
        (replace(HELD, mqtt_messages=99), "99 MQTT messages"),
        (replace(HELD, serial_status_lines=99), "99 serial status lines"),
        (replace(HELD, journal_ok=False), "journal"),
        (replace(HELD, last_state="stopped"), "last state stopped"),
        (replace(HELD, second_act=replace(HELD.second_act, stopped=False)), "second act: the pump was not stopped"),
        (replace(HELD, second_act=replace(HELD.second_act, alarm=None)), "second act: no alarm"),
        (replace(HELD, second_act=replace(HELD.second_act, reason="")), "second act: no reason"),
        (replace(HELD, second_act=replace(HELD.second_act, reaction_s=None)), "second act: reaction None"),
        (replace(HELD, second_act=replace(HELD.second_act, reaction_s=1.001)), "second act: reaction 1.001"),
        (replace(HELD, second_act=replace(HELD.second_act, reaction_s=-0.001)), "second act: reaction -0.001"),
        (replace(HELD, third_act=replace(HELD.third_act, stopped=False)), "third act: the guard did not stop"),
        (replace(HELD, third_act=replace(HELD.third_act, reaction_s=None)), "third act: reaction None"),
        (replace(HELD, third_act=replace(HELD.third_act, reaction_s=3.001)), "third act: reaction 3.001"),
    ],
)
def test_a_promise_that_does_not_hold_is_named(result: Result, named: str) -> None:
    assert any(named in line for line in missed(result)), missed(result)


def test_the_golden_order_is_due_when_it_is_dated() -> None:
    golden = json.loads(GOLDEN_ORDER.read_text())
    due = datetime(2027, 3, 27, 23, 59, tzinfo=UTC)  # the night of a clock change, just before midnight
    dated = due_now(golden, due=due, patient_id="patient-0002")
    occurrences = expand(parse_order(json.dumps(dated), "demo").schedule).occurrences
    assert [each.due_utc_ms for each in occurrences] == [
        int(due.timestamp() * 1000) + n * 86_400_000 for n in range(14)
    ]
    assert ordered(dated) == (100.0, 2000.0)
    assert dated["phases"] == golden["phases"]
    assert dated["patient"] == {**golden["patient"], "id": "patient-0002"}


def test_findings_keep_their_age_in_a_dated_order() -> None:
    golden = json.loads(GOLDEN_ORDER.read_text())
    golden_due = datetime.fromisoformat("2026-12-01T20:00:00+01:00")
    due = datetime(2028, 2, 29, 12, 0, tzinfo=UTC)
    dated = due_now(golden, due=due, patient_id="p")
    ages = [due - datetime.fromisoformat(each["at"]) for each in dated["results"]]
    assert ages == [golden_due - datetime.fromisoformat(each["at"]) for each in golden["results"]]
    assert due - datetime.fromisoformat(dated["valid_from"]) == golden_due - datetime.fromisoformat(
        golden["valid_from"]
    )


def test_an_order_due_at_no_whole_minute_is_refused() -> None:
    golden = json.loads(GOLDEN_ORDER.read_text())
    with pytest.raises(ValueError, match="whole minute"):
        due_now(golden, due=datetime(2028, 2, 29, 12, 0, 1, tzinfo=UTC), patient_id="p")


def test_the_duration_runs_from_the_first_drop_to_the_last() -> None:
    trace = [
        (0, 0.0, 0.0),
        (3_600_000, 0.0, 0.0),
        (5_400_000, 5.0, 10.0),
        (7_200_000, 10.0, 10.0),
        (9_000_000, 10.0, 0),
    ]
    assert duration_h(trace) == 1.0
    assert curve(trace, "").points[0] == (0.0, 0.0, 0.0)
    assert duration_h(trace[:2]) is None


async def test_without_mosquitto_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert await broker.start_broker(Children(), tmp_path) == "the package mosquitto is not installed"


async def test_a_broker_that_ends_at_once_is_no_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/bin/false")
    assert await broker.start_broker(Children(), tmp_path) == "mosquitto ended at once with exit code 1"


async def test_a_lost_process_ends_every_wait() -> None:
    children = Children()
    try:
        watch = await children.start("watch", sys.executable, "-c", "import time; time.sleep(60)", log=None)
        await children.start("pump", sys.executable, "-c", "print('the motor burnt')", log=None)
        with pytest.raises(Missed, match="pump ended by itself with exit code 0: the motor burnt"):
            await watch.until(lambda _: False, 30, "anything")
        with pytest.raises(Missed, match="the motor burnt"):
            await watch.until(lambda _: False, 30, "anything")
    finally:
        await children.end()


@pytest.mark.timeout(300)
def test_the_demo_keeps_its_promises(desk: Desk) -> None:
    demo = desk.start()
    try:
        said, errors = demo.communicate(timeout=WHOLE_DEMO_S)
    finally:
        demo.kill()
    assert (demo.returncode, errors) == (0, ""), said
    result: dict[str, Any] = json.loads((desk.output / "result.json").read_text())
    assert set(result) == {
        *("ordered_ml", "delivered_ml", "delivered_mg", "max_dose_rate_mg_min", "duration_h", "mqtt_messages"),
        *("serial_status_lines", "journal_ok", "last_state", "second_act", "third_act"),
    }
    assert result["ordered_ml"] == 100
    assert 99 <= result["delivered_ml"] <= 100
    assert result["delivered_mg"] == pytest.approx(20 * result["delivered_ml"])
    assert 3 < result["max_dose_rate_mg_min"] <= 4
    assert 9.9 < result["duration_h"] < 10.1
    assert result["mqtt_messages"] >= 100
    assert result["serial_status_lines"] >= 100
    assert result["journal_ok"] is True
    assert result["last_state"] == "completed"
    second = result["second_act"]
    assert (second["fault"], second["stopped"], second["alarm"]) == ("occlusion", True, "occlusion_downstream")
    assert "occlusion" in second["reason"]
    assert 0 <= second["reaction_s"] <= 1
    assert result["third_act"]["stopped"] is True
    assert 0 < result["third_act"]["reaction_s"] <= 3
    assert (desk.output / "infusions.png").read_bytes().startswith(PNG_HEAD)
    assert "therapy 5.0 h, state infusing" in said
    assert desk.left_over() == []


@pytest.mark.parametrize(("number", "folder"), [(signal.SIGINT, "near"), (signal.SIGTERM, "far" * 40)])
def test_nothing_is_left_running_when_it_is_interrupted(desk: Desk, number: signal.Signals, folder: str) -> None:
    """`far` is a path too long for sockets: they are reached through a short link."""
    desk = replace(desk, output=desk.output.with_name(folder))
    demo = desk.start(PYTHONUNBUFFERED="1")
    try:
        assert demo.stdout is not None
        assert any("The motor runs" in line for line in demo.stdout)
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=ENDS_WITHIN_S)
    finally:
        demo.kill()
    assert errors == f"demo: ended by {number.name}; nothing is left running\n"
    assert demo.returncode == 128 + number
    assert desk.left_over() == []


def test_a_pump_that_dies_is_a_promise_missed(desk: Desk) -> None:
    desk.output.mkdir()
    (desk.output / "result.json").write_text("an earlier run's success")
    demo = desk.start(PYTHONUNBUFFERED="1")
    try:
        assert demo.stdout is not None
        assert any("The motor runs" in line for line in demo.stdout)
        _kill_pump(desk)
        _, errors = demo.communicate(timeout=ENDS_WITHIN_S)
    finally:
        demo.kill()
    assert demo.returncode == 1
    assert errors.startswith("demo: MISSED: pumpsim ended by itself with exit code -9")
    assert errors.count("\n") == 1
    assert not (desk.output / "result.json").exists()
    assert desk.left_over() == []


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "simulator.rig.demo", "--output", str(tmp_path / "file" / "demo")]
    demo = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False
    )
    assert demo.returncode == 1
    assert demo.stderr.endswith("name another folder with --output\n")
    assert demo.stderr.count("\n") == 1


def _read(path: Path) -> bytes:
    """Empty when the process has ended meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _kill_pump(desk: Desk) -> None:
    for found in desk.left_over():
        process_id, _, command = found.partition(": ")
        if "pumpsim" in command and "serve" in command:
            os.kill(int(process_id), signal.SIGKILL)
            return
    raise AssertionError("no pump runs")
