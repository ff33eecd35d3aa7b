"""Replies of several pumps on one line: each goes to its own address, however the bytes come; halves go to nobody."""

from __future__ import annotations

import pytest

from protocols.new_era.chain import ReplySplitter
from protocols.new_era.framing import Mode, encode_reply
from protocols.new_era.messages import AlarmKind, Prompt, Reply, reply_payload

REPLIES = [
    (7, encode_reply(reply_payload(Reply(7, Prompt.STOPPED)), Mode.SAFE)),
    (12, encode_reply(reply_payload(Reply(12, Prompt.INFUSING, "10.00MH")), Mode.SAFE)),
    (99, encode_reply(reply_payload(Reply(99, AlarmKind.STALLED)), Mode.SAFE)),
    (0, encode_reply(reply_payload(Reply(0, Prompt.PAUSED)), Mode.BASIC)),
]
ALL = b"".join(reply for _, reply in REPLIES)


@pytest.mark.parametrize("size", [1, 2, 5, len(ALL)])
def test_each_reply_is_its_pumps_whatever_the_pieces(size: int):
    splitter = ReplySplitter()
    found = [each for at in range(0, len(ALL), size) for each in splitter.receive(ALL[at : at + size])]
    assert found == REPLIES


def test_a_spoilt_reply_is_nobodys_and_the_one_behind_it_is_not_lost():
    (_, first), second = REPLIES[0], REPLIES[1]
    spoilt = bytes([*first[:4], first[4] ^ 1, *first[5:]])
    assert ReplySplitter().receive(b"\xff\xff" + spoilt + second[1]) == [second]


def test_what_is_no_reply_of_such_a_pump_is_nobodys():
    assert ReplySplitter().receive(encode_reply(b"07Q", Mode.SAFE)) == []


def test_a_half_reply_hides_what_came_behind_it_only_until_the_next_question():
    splitter = ReplySplitter()
    long_header = b"\x02\x2a07S"  # claims 42 bytes that never come
    assert splitter.receive(long_header + REPLIES[1][1]) == []
    assert splitter.expire() == [REPLIES[1]]
    assert splitter.receive(REPLIES[2][1]) == [REPLIES[2]]
