"""LogLimit in virtual time: what passes, what is held back, and when that is said."""

from __future__ import annotations

from pumpctl.shell.log_limit import ALLOWED_LINES, KINDS, OTHERS, WINDOW_NS, HeldBack, Kind, LogLimit

FLAPS = Kind("port not open", "warning", "a")


def told(limit: LogLimit, kind: Kind, times: int, now_ns: int) -> int:
    """How many of so many lines passed."""
    return sum(limit.passes(kind, now_ns) for _ in range(times))


def test_so_many_a_window_pass_and_the_rest_is_counted_once_when_it_is_over() -> None:
    limit = LogLimit()
    assert told(limit, FLAPS, ALLOWED_LINES + 37, 5) == ALLOWED_LINES
    assert limit.ended(5 + WINDOW_NS - 1) == []
    assert told(limit, FLAPS, 1, 5 + WINDOW_NS - 1) == 0
    assert limit.ended(5 + WINDOW_NS) == [HeldBack(FLAPS, 38)]
    assert limit.ended(5 + WINDOW_NS) == []
    assert told(limit, FLAPS, ALLOWED_LINES + 1, 5 + WINDOW_NS) == ALLOWED_LINES


def test_a_window_in_which_nothing_was_held_back_says_nothing() -> None:
    limit = LogLimit()
    assert told(limit, FLAPS, ALLOWED_LINES, 0) == ALLOWED_LINES
    assert limit.ended(WINDOW_NS) == []


def test_another_level_and_another_channel_are_another_kind() -> None:
    limit = LogLimit()
    told(limit, FLAPS, ALLOWED_LINES, 0)
    for other in (Kind("port not open", "error", "a"), Kind("port not open", "warning", "b"), Kind("port", "warning")):
        assert told(limit, other, 1, 0) == 1
    assert told(limit, FLAPS, 1, 0) == 0


def test_windows_end_in_the_order_in_which_they_began() -> None:
    limit = LogLimit()
    other = Kind("other", "info")
    told(limit, FLAPS, ALLOWED_LINES + 1, 0)
    told(limit, other, ALLOWED_LINES + 2, 10)
    assert limit.ended(WINDOW_NS) == [HeldBack(FLAPS, 1)]
    assert limit.ended(WINDOW_NS + 10) == [HeldBack(other, 2)]


def test_at_the_end_everything_is_said() -> None:
    limit = LogLimit()
    told(limit, FLAPS, ALLOWED_LINES + 1, 0)
    assert limit.ended(None) == [HeldBack(FLAPS, 1)]


def test_kinds_without_end_share_one_place() -> None:
    limit = LogLimit()
    for number in range(KINDS):
        assert limit.passes(Kind(f"event {number}", "info"), 0)
    assert told(limit, Kind("one more", "info"), ALLOWED_LINES, 0) == ALLOWED_LINES
    assert told(limit, Kind("another", "info"), 3, 0) == 0
    assert len(limit._windows) == KINDS + 1
    assert limit.ended(None) == [HeldBack(OTHERS, 3)]
