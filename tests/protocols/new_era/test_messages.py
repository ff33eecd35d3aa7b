"""Requests as the pump reads them and replies as we do: every state, every refusal, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.new_era.messages import (
    AlarmKind,
    Prompt,
    Refusal,
    Reply,
    Request,
    parse_reply,
    parse_request,
    reply_payload,
    request_payload,
)

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())["vectors"]


@pytest.mark.parametrize(
    ("payload", "request_"),
    [
        (b"", Request(0, "")),
        (b"5", Request(5, "")),
        (b"12RUN", Request(12, "RUN")),
        (b"RUN1", Request(0, "RUN1")),
        (b"0RAT25.5MH", Request(0, "RAT25.5MH")),
        (b" 1 rat 2.5 mm\t", Request(1, "RAT2.5MM")),
        (b"\x03\x000STP", Request(0, "STP")),
        (b"*ADR7", Request(0, "ADR7", for_all=True)),
        (b"99*", Request(99, "*")),
    ],
)
def test_as_the_pump_reads_it(payload: bytes, request_: Request) -> None:
    assert parse_request(payload) == request_


def test_three_digits_are_no_address() -> None:
    with pytest.raises(RemoteProtocolError):
        parse_request(b"100RUN")


@pytest.mark.parametrize(("address", "command"), [(-1, "RUN"), (100, "RUN"), (0, "1RUN")])
def test_no_request_is_made_that_would_be_read_as_another(address: int, command: str) -> None:
    with pytest.raises(LocalProtocolError):
        request_payload(address, command)


@pytest.mark.parametrize("address", [0, 5, 99])
@pytest.mark.parametrize("state", [*Prompt, *AlarmKind])
def test_every_state_there_and_back(address: int, state: Prompt | AlarmKind) -> None:
    assert parse_reply(reply_payload(Reply(address, state))) == Reply(address, state)


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal(refusal: Refusal) -> None:
    assert parse_reply(f"00S?{refusal.value}".encode()).refusal is refusal


def test_a_body_that_is_no_refusal_is_none_and_an_unheard_one_is_not_taken_for_consent() -> None:
    assert parse_reply(b"00S25.50MH").refusal is None
    assert parse_reply(b"00S").refusal is None
    assert parse_reply(b"00S?XYZ").refusal is Refusal.UNKNOWN


@pytest.mark.parametrize(
    "payload", [b"", b"00", b"0S", b"00Z", b"00A?Z", b"00A", b"00A?R1.0", b"00s", b"ABS", b"00\xd3"]
)
def test_no_reply(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_reply(payload)


def test_the_golden_replies_mean_what_the_other_client_made_of_them() -> None:
    for vector in VECTORS:
        said = vector["nesp_lib"]
        if said is None:
            continue
        reply = parse_reply(bytes.fromhex(vector["basic_reply"])[1:-1])
        if said.startswith("raises"):
            assert reply.refusal is not None
            continue
        status, alarm, body = said.split(" ", 2)
        assert reply.body == body.strip("'")
        expected = status if alarm == "None" else "STOPPED"
        assert (reply.state.name if isinstance(reply.state, Prompt) else "STOPPED") == expected
        assert isinstance(reply.state, AlarmKind) == (alarm != "None")
