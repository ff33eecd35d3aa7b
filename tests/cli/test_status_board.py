"""StatusBoard in virtual time: what is fresh, what is silence, what is no state of a pump."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from protocols.status_line.framing import Garbage, GarbageReason, State
from pumpctl.cli.status_board import LONGEST_WORD, NS_PER_S, PUMPS, SILENT_NS, StatusBoard
from pumpctl.cli.watch import channel_line, state_table

ALARM = {"code": "occlusion_downstream", "priority": "high", "message": "occlusion"}


def told(channel: str = "a", **more: object) -> State:
    return State({"channel": channel, "state": "infusing", "link": "up", "flow_ml_h": 10.0, **more})


def test_before_anything_is_heard_there_are_no_rows_and_the_silence_counts_from_the_start() -> None:
    board = StatusBoard(7 * NS_PER_S)
    assert board.rows(8 * NS_PER_S) == []
    assert board.silent_ns(12 * NS_PER_S) == 5 * NS_PER_S


def test_the_age_is_what_the_daemon_said_and_what_the_reader_counted() -> None:
    board = StatusBoard(0)
    board.hear([told(status_age_ms=31), told("b", status_age_ms=None)], since_ns=NS_PER_S)
    a, b = board.rows(2 * NS_PER_S + NS_PER_S // 2)
    assert (a["age_ms"], b["age_ms"]) == (1531, None)


@pytest.mark.hazard("H66")
def test_after_three_periods_a_state_is_no_state_any_more() -> None:
    board = StatusBoard(0)
    board.hear([told(alarms=[ALARM])], since_ns=NS_PER_S)
    [row] = board.rows(NS_PER_S + SILENT_NS - 1)
    assert (row["state"], row["flow_ml_h"]) == ("infusing", 10.0)
    [row] = board.rows(NS_PER_S + SILENT_NS)
    assert channel_line(row) == (
        "a: no data for 3 s, last infusing, link unknown, flow unknown, unknown, given unknown of unknown; "
        "ALARM occlusion_downstream (high, last heard)"
    )
    assert board.rows(NS_PER_S + 65 * NS_PER_S)[0]["state"] == "no data for 65 s, last infusing"
    board.hear([told()], since_ns=70 * NS_PER_S)
    assert board.rows(70 * NS_PER_S)[0]["state"] == "infusing"


@pytest.mark.hazard("H66")
def test_one_pump_falls_silent_while_another_speaks() -> None:
    board = StatusBoard(0)
    board.hear([told("a"), told("b")], since_ns=0)
    board.hear([told("b")], since_ns=SILENT_NS)
    assert [row["state"] for row in board.rows(SILENT_NS)] == ["no data for 3 s, last infusing", "infusing"]
    assert board.silent_ns(SILENT_NS) == 0


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"channel": 1, "state": "idle", "link": "up"},
        {"channel": "a", "state": "idle"},
        {"channel": "a", "state": "idle\x1b[2J", "link": "up"},
        {"channel": "a" * (LONGEST_WORD + 1), "state": "idle", "link": "up"},
        {"channel": "a", "state": "idle", "link": "up", "flow_ml_h": "10"},
        {"channel": "a", "state": "idle", "link": "up", "flow_ml_h": True},
        {"channel": "a", "state": "idle", "link": "up", "alarms": {}},
        {"channel": "a", "state": "idle", "link": "up", "alarms": ["air"]},
        {"channel": "a", "state": "idle", "link": "up", "alarms": [{"code": "air"}]},
    ],
)
def test_a_whole_line_of_another_program_is_counted_and_not_shown(payload: dict[str, object]) -> None:
    board = StatusBoard(0)
    assert board.hear([State(payload), Garbage(GarbageReason.WRONG_CRC, 9)], since_ns=0) == []
    assert (board.rows(0), board.strange_lines) == ([], 1)


def test_names_without_end_are_bounded() -> None:
    board = StatusBoard(0)
    board.hear([told(f"pump-{number}") for number in range(PUMPS + 5)], since_ns=0)
    assert (len(board.rows(0)), board.strange_lines) == (PUMPS, 5)
    assert len(board.hear([told("pump-0")], since_ns=0)) == 1


def test_the_table_shows_the_age_and_takes_every_text_as_text() -> None:
    board = StatusBoard(0)
    board.hear([told("a", status_age_ms=31, state="[red]", alarms=[ALARM]), told("b")], since_ns=0)
    shown = io.StringIO()
    Console(file=shown, width=200).print(state_table("port [/x]; no data for 3 s", board.rows(NS_PER_S)))
    text = shown.getvalue()
    assert "port [/x]; no data for 3 s" in text
    assert [row.split("│")[10].strip() for row in text.splitlines() if row.startswith("│")] == ["1.0 s", "unknown"]
    assert "[red]" in text
    assert "occlusion_downstream (high)" in text
