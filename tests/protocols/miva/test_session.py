"""Requests, answers and turns of the MIVA link, and the entries of its event log."""

from __future__ import annotations

import pytest

from protocols.errors import LocalProtocolError
from protocols.miva.framing import Garbage, GarbageReason, encode_frame
from protocols.miva.record import (
    Occlusion,
    Record,
    RecordType,
    decode_record,
    encode_record,
    payload_of,
)
from protocols.miva.requests import (
    INFUSION_RATE,
    IS_RUNNING,
    RUN,
    answer_to,
    begin_rx,
    confirm_rx,
    read_record,
    send_block,
)
from protocols.miva.session import STOP_FRAME, STOPPED_FRAME, KeyDone, MivaSession, Reply, Stray, fence
from tests.protocols.miva import golden, naive


@pytest.mark.parametrize(
    ("request_text", "answer", "values"),
    [
        ("RN", "RNSN800008", ("SN800008",)),
        ("RI", "RI000000000000A8FF", ("00000000", "0000A8FF")),
        ("Q5", "Q504D2", ("04D2",)),
        ("R8", "R811F8000102", ("11F8", "000102")),
        (IS_RUNNING, "FALSE", ("FALSE",)),
        (INFUSION_RATE, "10", ("10",)),
        (INFUSION_RATE, "10.25", ("10.25",)),
        (RUN, "WT", ("WT",)),
        (read_record(2), "RE00000002" + "0" * 32, ("0" * 32,)),
        (send_block(7, bytes(64)), "LS00000007", ("00000007",)),
        (begin_rx("SIM00001", 1, 2), "LI5", ("5",)),
        (confirm_rx(bytes(16)), "LC0", ("0",)),
    ],
)
def test_an_answer_is_read_by_its_name(request_text: str, answer: str, values: tuple[str, ...]) -> None:
    assert answer_to(request_text, answer) == values
    for other in ("", "X", answer + "0", "Q6" + answer):
        assert answer_to(request_text, other) != values


@pytest.mark.parametrize(
    ("request_text", "late"),
    [(read_record(2), "RE00000001" + "0" * 32), (send_block(1, bytes(64)), "LS00000000"), ("Q5", "Q604D2"),
     (IS_RUNNING, "10.0"), (INFUSION_RATE, "TRUE"), ("RI", "RN00000000")],
)  # fmt: skip
def test_the_answer_to_another_question_is_none(request_text: str, late: str) -> None:
    assert answer_to(request_text, late) is None


@pytest.mark.parametrize(
    "request_text",
    ["KE40", "WT00", "WK", "WN12345678", "W10001", "WT02", "LI", "REzz", ":PROTOCOL:RATE 20.0"],
)
def test_what_presses_keys_or_changes_the_pump_has_no_form(request_text: str) -> None:
    with pytest.raises(LocalProtocolError):
        MivaSession().ask(request_text)


def test_an_upload_is_asked_for_as_the_makers_driver_does() -> None:
    assert begin_rx(golden.UPLOAD_SERIAL, 0x6B6B8B66, 318) == golden.UPLOAD_BEGIN.upper()
    assert confirm_rx(bytes.fromhex(golden.UPLOAD_SEAL)) == "LC" + golden.UPLOAD_SEAL
    assert send_block(4, golden.UPLOAD_IMAGE[256:320]).startswith("LS0000000405FFFF00")
    with pytest.raises(LocalProtocolError):
        send_block(0, bytes(63))


def test_one_question_at_a_time_and_only_its_own_answer() -> None:
    session = MivaSession()
    assert session.receive(naive.frame("RNSN800008")) == [Stray("RNSN800008")]
    assert session.ask("Q5") == naive.frame("Q5")
    with pytest.raises(LocalProtocolError):
        session.ask("Q6")
    assert session.receive(naive.frame("Q600FF")) == [Stray("Q600FF")]
    assert session.receive(naive.frame("Q504D2") + naive.frame("Q504D2")) == [Reply("Q5", ("04D2",)), Stray("Q504D2")]
    assert session.outstanding is None
    assert session.receive(b"\xff" + naive.frame("0")) == [Garbage(GarbageReason.OUTSIDE, 1), Stray("0")]


@pytest.mark.hazard("H54")
def test_a_late_answer_is_dropped_before_the_answer_to_the_fence() -> None:
    session = MivaSession()
    session.ask(INFUSION_RATE)
    assert session.expire() == INFUSION_RATE
    assert session.expire() is None
    session.ask(fence(INFUSION_RATE))
    assert session.receive(naive.frame("9.5") + naive.frame("RS1.0")) == [Stray("9.5"), Reply("RS", ("1.0",))]
    assert (fence("RS"), fence("RN")) == ("RN", "RS")


def test_wt_belongs_to_run_only_while_run_is_asked() -> None:
    session = MivaSession()
    assert session.receive(naive.frame("WT")) == [KeyDone()]
    session.ask(RUN)
    assert session.receive(STOPPED_FRAME) == [Reply(RUN, ("WT",)), KeyDone()]
    session.ask("Q5")
    assert session.receive(naive.frame("WT")) == [KeyDone()]
    assert session.outstanding == "Q5"


def test_stop_is_whole_behind_any_half_frame_and_twice() -> None:
    """A RUN that lacks but its ETX dies, too."""
    for whole in (encode_frame(send_block(0, bytes(64))), encode_frame(RUN)):
        for cut in range(len(whole)):
            assert naive.texts(whole[:cut] + STOP_FRAME) == ["WT02", "WT02"]
            assert _without_restart(whole[:cut] + STOP_FRAME)[-1] == "WT02"
    assert naive.texts(STOPPED_FRAME) == ["WT", "WT"]


def _without_restart(recording: bytes) -> list[str]:
    """A pump for which STX inside a frame is nothing special: frames end at 03 and are judged whole."""
    found: list[str] = []
    for piece in recording.split(b"\x03")[:-1]:
        body = piece[piece.find(b"\x02") + 1 :]
        found += [body[:-2].decode("ascii")] if body[-2:] == b"%02X" % (sum(body[:-2]) % 256) else []
    return found


def test_a_record_is_sixteen_bytes_and_comes_back() -> None:
    record = Record(RecordType.OCCLUSION, 54_043, payload_of(Occlusion.DOWNSTREAM))
    row = encode_record(record)
    assert row.hex() == "091bd300f00002" + "00" * 9
    assert decode_record(row) == record
    assert record.detail == Occlusion.DOWNSTREAM
    paused = Record(RecordType.PAUSED, 0, payload_of(0, 12.5))
    assert encode_record(paused).hex()[14:22] == "41480000"  # where the maker's driver looks for VINF


@pytest.mark.parametrize("row", [b"", bytes(15), bytes(17), b"\x20" + bytes(15), b"\xff" * 16])
def test_an_entry_that_nobody_has_named_is_none(row: bytes) -> None:
    assert decode_record(row) is None


@pytest.mark.parametrize(
    "record",
    [Record(RecordType.RUN, -1), Record(RecordType.RUN, 1 << 28), Record(RecordType.RUN, 0, b"")],
)
def test_a_record_that_does_not_fit_is_refused(record: Record) -> None:
    with pytest.raises(LocalProtocolError):
        encode_record(record)
