"""ControlSocket over a real socket: who is answered, who is refused, who is dropped; and nobody else is disturbed."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pumpctl.core.reason import Reason
from pumpctl.effects import Refuse, Reply
from pumpctl.events import OperatorRequest
from pumpctl.shell.control_client import ControlClient, NoDaemon, Refused
from pumpctl.shell.control_socket import CLIENTS, UNANSWERED, ControlSocket
from pumpctl.shell.jsonrpc import BUSY, INVALID_PARAMS, INVALID_REQUEST, MESSAGE_LIMIT_BYTES, PARSE_ERROR
from pumpctl.shell.unusable import Unusable
from tests.shell.waiting import until

WAIT_S = 10.0
USER = pwd.getpwuid(os.getuid()).pw_name


class Bench:
    """The socket, and a daemon that echoes unless told to hold its answers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requests: list[OperatorRequest] = []
        self.room = True
        self.echo = True
        self.control = ControlSocket(path, self.submit)

    def submit(self, request: OperatorRequest) -> bool:
        if not self.room:
            return False
        self.requests.append(request)
        if self.echo:
            self.control.answer(Reply(request.request_id, {"method": request.method, **request.params}))
        return True


class Line:
    """A client that says exactly the bytes it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            line = await self.reader.readline()
        assert line, "hung up"
        answer: dict[str, Any] = json.loads(line)
        assert answer["jsonrpc"] == "2.0"
        return answer

    async def say(self, content: bytes) -> dict[str, Any]:
        self.writer.write(content)
        return await self.read()

    async def ask(self, method: str = "status", request_id: int | str = 1, **params: object) -> dict[str, Any]:
        return await self.say(request(method, request_id, **params))

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


def request(method: str = "status", request_id: int | str = 1, **params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}).encode() + b"\n"


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    subject = Bench(tmp_path / "control.sock")
    await subject.control.open()
    yield subject
    subject.control.close()
    for _ in range(3):
        await asyncio.sleep(0)


async def connected(bench: Bench) -> Line:
    return Line(*await asyncio.open_unix_connection(bench.path, limit=2**22))


async def test_a_request_is_answered_under_its_own_id(bench: Bench) -> None:
    line = await connected(bench)
    assert await line.ask("pause", "mine", channel="a") == {
        "jsonrpc": "2.0",
        "id": "mine",
        "result": {"method": "pause", "channel": "a"},
    }
    assert bench.requests == [OperatorRequest(1, "pause", {"channel": "a"}, USER)]
    await line.close()


async def test_a_refusal_carries_exit_code_reasons_and_details(bench: Bench) -> None:
    bench.echo = False
    line = await connected(bench)
    line.writer.write(request())
    await until(lambda: bench.requests)
    reasons = (Reason("Q31", "not licensed"), Reason("D24", "too much"))
    bench.control.answer(Refuse(1, 3, reasons, {"verdict": "needs_override"}))
    error = (await line.read())["error"]
    assert error["message"] == "not licensed"
    assert error["data"] == {
        "exit_code": 3,
        "reasons": [{"code": "Q31", "message": "not licensed"}, {"code": "D24", "message": "too much"}],
        "details": {"verdict": "needs_override"},
    }
    await line.close()


async def test_the_actor_is_the_peers_user_or_the_person_it_names(bench: Bench) -> None:
    line = await connected(bench)
    await line.ask()
    await line.ask(person="nurse on duty")
    await line.ask(person="   ")
    assert [asked.actor for asked in bench.requests] == [USER, "nurse on duty", USER]
    assert "person" not in bench.requests[1].params
    await line.close()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"garbage\n", PARSE_ERROR),
        (b"\xff\xfe\x00\n", PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"flow":NaN}}\n', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","method":"y"}\n', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"x"}\n', PARSE_ERROR),
        (b"[" * 60_000 + b"\n", PARSE_ERROR),
        (b"[]\n", INVALID_REQUEST),
        (b"7\n", INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","method":"x"}\n', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":true,"method":"x"}\n', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"x"}\n', INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":1,"method":"x"}\n', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":7}\n', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}\n', INVALID_PARAMS),
        (b"x" * (MESSAGE_LIMIT_BYTES + 1) + b"\n", INVALID_REQUEST),
    ],
)
async def test_a_malformed_line_is_answered_and_closes_nothing(bench: Bench, content: bytes, code: int) -> None:
    line, other = await connected(bench), await connected(bench)
    assert (await line.say(content))["error"]["code"] == code
    assert bench.requests == []
    assert "result" in await line.ask()
    assert "result" in await other.ask()
    await line.close()
    await other.close()


async def test_a_message_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(bench: Bench) -> None:
    line = await connected(bench)
    filler = MESSAGE_LIMIT_BYTES - len(request(text="")) + 1  # the line break is not part of the message
    assert "result" in await line.ask(text="x" * filler)
    assert (await line.ask(text="x" * (filler + 1)))["error"]["code"] == INVALID_REQUEST
    await line.close()


async def test_megabytes_without_a_line_break_are_answered_once_and_not_kept(bench: Bench) -> None:
    line = await connected(bench)
    for _ in range(64):
        line.writer.write(b"x" * 65_536)
        await line.writer.drain()
    assert (await line.read())["error"]["code"] == INVALID_REQUEST
    assert "result" in await line.say(b"\n" + request())
    await line.close()


async def test_a_request_may_arrive_in_any_pieces_and_empty_lines_are_nothing(bench: Bench) -> None:
    line = await connected(bench)
    for byte in b"\n  \n" + request("piecewise"):
        line.writer.write(bytes([byte]))
        await line.writer.drain()
        await asyncio.sleep(0)
    assert (await line.read())["result"] == {"method": "piecewise"}
    await line.close()


@pytest.mark.hazard("H49")
async def test_the_33rd_client_is_told_so_and_the_others_go_on(bench: Bench) -> None:
    lines = [await connected(bench) for _ in range(CLIENTS)]
    assert "result" in await lines[-1].ask()
    late = await connected(bench)
    answer = await late.read()
    assert (answer["error"]["code"], "stop.sock" in answer["error"]["message"]) == (BUSY, True)
    assert await late.reader.read() == b""
    assert "result" in await lines[0].ask()
    await lines.pop().close()
    await until(lambda: len(bench.control._clients) < CLIENTS)
    again = await connected(bench)
    assert "result" in await again.ask()
    for line in (*lines, late, again):
        await line.close()


@pytest.mark.hazard("H49")
async def test_a_client_with_too_many_unanswered_requests_is_refused_the_next(bench: Bench) -> None:
    bench.echo = False
    line = await connected(bench)
    line.writer.write(b"".join(request(request_id=number) for number in range(UNANSWERED + 1)))
    answer = await line.read()
    assert (answer["id"], answer["error"]["code"]) == (UNANSWERED, BUSY)
    assert len(bench.requests) == UNANSWERED
    bench.control.answer(Reply(bench.requests[0].request_id, {}))
    assert (await line.read())["id"] == 0
    bench.echo = True
    assert "result" in await line.ask()
    await line.close()


async def test_a_full_inbox_is_a_refusal(bench: Bench) -> None:
    bench.room = False
    line = await connected(bench)
    error = (await line.ask())["error"]
    assert (error["code"], error["data"]["exit_code"]) == (BUSY, 5)
    bench.room = True
    assert "result" in await line.ask()
    await line.close()


@pytest.mark.hazard("H49")
async def test_a_client_that_never_reads_is_dropped_and_never_waited_for(bench: Bench) -> None:
    slow, other = await connected(bench), await connected(bench)
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined] # asyncio's stream hides it; it is there
    started_s = asyncio.get_running_loop().time()
    for number in range(400):
        slow.writer.write(request(text="x" * 4000))
        if number % 20 == 0:
            assert "result" in await other.ask()
    await until(lambda: len(bench.control._clients) == 1, "the slow client was kept")
    assert asyncio.get_running_loop().time() - started_s < WAIT_S
    assert "result" in await other.ask()
    slow.writer.transport.abort()
    await other.close()


async def test_an_answer_for_a_client_that_left_goes_nowhere(bench: Bench) -> None:
    bench.echo = False
    line = await connected(bench)
    line.writer.write(request())
    await until(lambda: bench.requests)
    await line.close()
    await until(lambda: not bench.control._clients)
    bench.control.answer(Reply(1, {}))
    assert bench.control._waiting == {}


async def test_the_socket_belongs_to_user_and_group_and_replaces_a_dead_daemons(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    for _ in range(2):
        control = ControlSocket(path, lambda _request: True)
        await control.open()
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        control._server.close()  # type: ignore[union-attr] # a daemon that died: its socket file stays
    control.close()
    assert not path.exists()


async def test_a_path_too_long_for_a_socket_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="too long"):
        await ControlSocket(tmp_path / ("x" * 120), lambda _request: True).open()


async def test_the_command_lines_end_asks_and_hears_the_same(bench: Bench) -> None:
    def ask() -> tuple[object, object]:
        with ControlClient(bench.path) as client:
            result = client.call("pause", {"channel": "a"})
            bench.room = False
            with pytest.raises(Refused) as caught:
                client.call("pause", {})
            return result, (caught.value.exit_code, caught.value.reasons[0][0])

    assert await asyncio.to_thread(ask) == ({"method": "pause", "channel": "a"}, (5, "busy"))


async def test_the_command_lines_end_gives_up_on_silence_and_on_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.echo = False

    def ask() -> None:
        with ControlClient(bench.path, wait_s=0.05) as client:
            client.call("status", {})

    with pytest.raises(NoDaemon, match="does not answer"):
        await asyncio.to_thread(ask)
    with pytest.raises(NoDaemon, match="no daemon answers"):
        ControlClient(tmp_path / "nothing.sock")
