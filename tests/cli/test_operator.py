"""The operator's commands against a daemon of a few lines: what is asked, what is printed, which exit code."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pumpctl.cli.app import main
from pumpctl.core.order_text import parse_order
from pumpctl.shell.journal import Journal
from tests.shell.journal_probe import record

STATE = {
    "channel": "a",
    "state": "infusing",
    "link": "up",
    "flow_ml_h": 10.0,
    "dose_rate_mg_min": 3.333,
    "delivered_least_ml": 0.5,
    "vtbi_ml": 100.0,
    "pressure_mmhg": None,
    "battery_percent": 83.0,
    "alarms": [{"code": "occlusion_downstream", "priority": "high", "message": "occlusion"}],
}
STATUS = {
    "daemon": {"mode": "rig, unsigned", "journal": "sound", "guard": "alive", "library_hash": "ab"},
    "channels": {"a": STATE},
}


class Daemon(threading.Thread):
    """Answers each request with what `answer` says; notes what was asked."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: dict[str, Any] = {"result": {}}
        self.hang_up_after = 1_000_000
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as lines:
                for line in lines:
                    request = json.loads(line)
                    self.asked.append((request["method"], request["params"]))
                    if len(self.asked) > self.hang_up_after:
                        break
                    lines.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], **self.answer}).encode() + b"\n")
                    lines.flush()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join(10)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    subject = Daemon(tmp_path / "control.sock")
    subject.start()
    yield subject
    subject.close()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as a person calls it: exit code, standard output, standard error."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pumpctl", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(ended.value.code or 0), out, err

    return call


@pytest.mark.parametrize(
    ("words", "method", "params"),
    [
        (("pause", "--channel", "a"), "pause", {"channel": "a"}),
        (("resume", "--person", "nurse"), "resume", {"person": "nurse"}),
        (("confirm", "--flow", "10 mL/h", "--channel", "a"), "confirm", {"channel": "a", "flow": "10 mL/h"}),
        (("clear", "--by", "nurse", "--by", "physician"), "clear", {"persons": ["nurse", "physician"]}),
        (("ack", "air_in_line", "--channel", "a"), "ack", {"channel": "a", "code": "air_in_line"}),
        (("away", "2026-12-01T18:00:00+01:00"), "away", {"until_ms": 1_796_144_400_000}),
        (("order", "cancel", "abc"), "order.cancel", {"order": "abc"}),
        (("order", "prepare", "abc", "--person", "nurse"), "order.prepare", {"order": "abc", "person": "nurse"}),
        (("confirm-clock", "--person", "nurse"), "clock.confirm", {"person": "nurse"}),
        (("status",), "status", {}),
        (("order", "list"), "order.list", {}),
    ],
)
def test_each_command_asks_its_method(
    daemon: Daemon, run: Run, words: tuple[str, ...], method: str, params: dict[str, Any]
) -> None:
    daemon.answer = {"result": {"orders": [], "channels": {}, "daemon": {}}}
    code, out, _ = run(*words, "--socket", daemon.path, "--json")
    assert code == 0
    assert daemon.asked == [(method, params)]
    assert json.loads(out) == {"orders": [], "channels": {}, "daemon": {}}


def test_submit_sends_the_text_as_it_is_and_where_it_came_from(daemon: Daemon, run: Run, tmp_path: Path) -> None:
    order = tmp_path / "order.json"
    order.write_text('{"dose": "2 g"}\n')
    daemon.answer = {"result": {"order": "abc", "verdict": "accepted", "prepared": None}}
    code, out, _ = run("order", "submit", order, "--override", "Q31=pharmacist: agreed", "--socket", daemon.path)
    assert (code, out) == (0, "order: abc\nverdict: accepted\nprepared: unknown\n")
    assert daemon.asked == [
        (
            "order.submit",
            {"text": '{"dose": "2 g"}\n', "overrides": ["Q31=pharmacist: agreed"], "source_name": "order.json"},
        )
    ]


def test_a_fhir_order_is_sent_as_the_native_order_that_it_says(daemon: Daemon, run: Run) -> None:
    orders = Path(__file__).resolve().parents[2] / "deploy/examples/orders"
    daemon.answer = {"result": {}}
    assert run("order", "submit", orders / "golden-home-sc.fhir-r4.json", "--socket", daemon.path)[0] == 0
    sent = parse_order(daemon.asked[0][1]["text"], "sent")
    assert sent.digest == parse_order((orders / "golden-home-sc.json").read_bytes(), "native").digest


def test_a_bag_check_goes_with_an_order_and_with_a_preparation(daemon: Daemon, run: Run, tmp_path: Path) -> None:
    order, check = tmp_path / "order.json", tmp_path / "check.toml"
    order.write_text("{}")
    check.write_text('checked_by = "nurse"')
    daemon.answer = {"result": {}}
    assert run("order", "submit", order, "--check", check, "--socket", daemon.path)[0] == 0
    words = ("order", "prepare", "abc", "--check", check, "--occurrence", "3", "--override", "S02=pharmacist: late")
    assert run(*words, "--socket", daemon.path)[0] == 0
    checked = {"check": 'checked_by = "nurse"', "check_name": "check.toml"}
    assert daemon.asked == [
        ("order.submit", {"text": "{}", "overrides": [], "source_name": "order.json", **checked}),
        ("order.prepare", {"order": "abc", "occurrence": 3, "overrides": ["S02=pharmacist: late"], **checked}),
    ]


def refusal(exit_code: int) -> dict[str, Any]:
    reasons = [{"code": "Q31", "message": "not licensed"}, {"code": "D24", "message": "above 24 h"}]
    details = {"exit_code": exit_code, "reasons": reasons, "details": {"verdict": "refused"}}
    return {"error": {"code": -32000, "message": "not licensed", "data": details}}


@pytest.mark.parametrize("exit_code", [1, 2, 3, 4, 5])
def test_a_refusal_prints_every_reason_on_its_line_and_ends_with_its_code(
    daemon: Daemon, run: Run, exit_code: int
) -> None:
    daemon.answer = refusal(exit_code)
    code, out, err = run("pause", "--socket", daemon.path)
    assert (code, out) == (exit_code, "")
    assert err.splitlines() == ["pumpctl: Q31: not licensed", "pumpctl: D24: above 24 h"]


def test_a_refusal_as_json_has_the_same_on_standard_output(daemon: Daemon, run: Run) -> None:
    daemon.answer = refusal(4)
    code, out, _ = run("resume", "--socket", daemon.path, "--json")
    told = json.loads(out)
    assert (code, told["exit_code"], told["details"]) == (4, 4, {"verdict": "refused"})
    assert [reason["code"] for reason in told["reasons"]] == ["Q31", "D24"]


def test_status_is_a_line_a_pump(daemon: Daemon, run: Run) -> None:
    daemon.answer = {"result": STATUS}
    code, out, _ = run("status", "--socket", daemon.path)
    assert code == 0
    assert out.splitlines() == [
        "a: infusing, link up, flow 10 mL/h, 3.333 mg/min, given 0.5 mL of 100 mL; ALARM occlusion_downstream (high)",
        "mode rig, unsigned, journal sound, guard alive",
    ]


def test_what_is_not_known_is_called_unknown(daemon: Daemon, run: Run) -> None:
    unknown = {"channel": "a", "state": "unknown", "link": "down", "alarms": []}
    daemon.answer = {"result": {"daemon": {}, "channels": {"a": unknown}}}
    _, out, _ = run("status", "--socket", daemon.path)
    assert out.startswith("a: unknown, link down, flow unknown, unknown, given unknown of unknown")


def test_watch_prints_a_line_when_there_is_news_and_ends_with_the_daemon(daemon: Daemon, run: Run) -> None:
    daemon.answer = {"result": STATUS}
    daemon.hang_up_after = 3
    code, out, err = run("watch", "--socket", daemon.path)
    assert (code, len(out.splitlines()), len(daemon.asked)) == (5, 1, 4)
    assert "hung up" in err


def test_watch_as_json_is_every_answer(daemon: Daemon, run: Run) -> None:
    daemon.answer = {"result": STATUS}
    daemon.hang_up_after = 2
    _, out, _ = run("watch", "--socket", daemon.path, "--json")
    assert [json.loads(line) for line in out.splitlines()] == [STATUS, STATUS]


@pytest.mark.parametrize("words", [("status",), ("pause",), ("order", "list"), ("watch",)])
def test_without_a_daemon_it_is_one_clear_line_and_5(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, err = run(*words, "--socket", tmp_path / "control.sock")
    assert (code, out, len(err.splitlines())) == (5, "", 1)
    assert "no daemon answers" in err
    assert "pumpctl run --config" in err


def test_the_settings_name_the_socket_and_the_variable_wins(
    daemon: Daemon, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "rig.toml"
    settings.write_text(f'state_dir = "{tmp_path}"\n')
    assert run("pause", "--config", settings)[0] == 0
    settings.write_text('state_dir = "/nowhere"\n')
    assert run("pause", "--config", settings)[0] == 5
    monkeypatch.setenv("PUMPCTL_STATE_DIR", str(tmp_path))
    assert run("pause", "--config", settings)[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status",), "which daemon"),
        (("status", "--config", "/nowhere.toml"), "settings /nowhere.toml: No such file or directory; name a readable"),
        (("status", "--config", __file__), "not TOML: "),
        (("status", "--config", sys.executable), "not UTF-8 text"),
        (("status", "--config", "/dev/null"), "it names no state_dir"),
        (("order", "submit", "/nowhere.json", "--socket", "s"), "No such file"),
        (("order", "submit", "/dev/zero", "--socket", "s"), "longer than"),
        (("order", "prepare", "abc", "--check", "/nowhere.json", "--socket", "s"), "check /nowhere.json: No such file"),
        (("order", "prepare", "abc", "--check", "/dev/zero", "--socket", "s"), "longer than 8192"),
        (("away", "tomorrow", "--socket", "s"), "UNTIL 'tomorrow' is not a date and time"),
        (("away", "2026-12-01T18:00:00", "--socket", "s"), "has no UTC offset"),
        (("confirm", "--socket", "s"), "the flow is not given"),
        (("journal", "verify", "--state-dir", "/nowhere"), "there is no journal"),
        (("journal", "verify"), "which journal; name the state directory with --state-dir D, or the settings with"),
        (("journal", "export"), "which journal"),
        (("journal", "export", "--state-dir", "/nowhere"), "there is no journal"),
    ],
)
def test_a_mistake_is_one_clear_line_and_2(run: Run, words: tuple[str, ...], said: str) -> None:
    code, out, err = run(*words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err


@pytest.fixture
def journal_of_three(tmp_path: Path) -> Path:
    journal, _ = Journal.open(tmp_path)
    journal.start(lambda _event: None)
    for seq in (1, 2, 3):
        journal.append(record(seq))
    journal.close()
    return tmp_path


def test_journal_verify_says_sound_or_what_is_not(run: Run, journal_of_three: Path) -> None:
    code, out, _ = run("journal", "verify", "--state-dir", journal_of_three)
    assert code == 0
    assert out.startswith("sound; 3 records, head 3, anchor 3, hash ")
    (journal_of_three / "journal.anchor").unlink()
    code, out, _ = run("journal", "verify", "--state-dir", journal_of_three, "--json")
    assert (code, json.loads(out)["condition"]) == (6, "damaged")
    (journal_of_three / "journal.sqlite").write_bytes(b"nonsense" * 1000)
    code, _, _ = run("journal", "verify", "--state-dir", journal_of_three)
    assert code == 6


def test_journal_export_is_every_record(run: Run, journal_of_three: Path) -> None:
    code, out, _ = run("journal", "export", "--state-dir", journal_of_three, "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert (code, [each["seq"] for each in told]) == (0, [1, 2, 3])
    assert told[1]["previous"] == told[0]["hash"]
    _, out, _ = run("journal", "export", "--state-dir", journal_of_three)
    assert out.splitlines()[0].endswith('probe {"number":1}')
