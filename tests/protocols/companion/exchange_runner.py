"""Plays an exchange of vectors.json to a pump and says where the pump's answers differ.

Refuses to know which pump it is: anything with receive and press_confirm. It reads the pump's bytes with the naive
decoder, not with the product's codec. NOTICEs may come at any time; a step asks only for those that must come.
"""

from typing import Protocol

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion.exchange_script import Exchange, Said, Step
from tests.protocols.companion.naive_frames import Fields, Frame, Receiver


class Pump(Protocol):
    """Each call returns all bytes the pump sent since the last call: until its answer has left, 100 ms at most."""

    def receive(self, data: bytes, uptime_ms: int) -> bytes: ...

    def press_confirm(self, uptime_ms: int) -> bytes: ...


def run_exchange(exchange: Exchange, pump: Pump) -> None:
    """Raises AssertionError that names the exchange and the step. The pump must be fresh from power-on."""
    receiver = Receiver()
    saved: dict[str, int | str] = {}
    for index, step in enumerate(exchange["steps"]):
        where = f"{exchange['name']}, step {index} at {step['at_ms']} ms ({step['about']})"
        arrived = receiver.feed(_play(step, pump, saved))
        assert receiver.dropped == 0, f"{where}: the pump sent a broken frame"
        replies = [frame for frame in arrived if frame.type != naive.type_number["NOTICE"]]
        _compare(where, replies, step["expect"], saved)
        notices = [frame for frame in arrived if frame.type == naive.type_number["NOTICE"]]
        for expected in step.get("notices", []):
            said = [naive.unpack("NOTICE", notice.body) for notice in notices]
            assert any(_agrees(fields, expected, saved) for fields in said), f"{where}: no {expected} among {said}"


def _play(step: Step, pump: Pump, saved: dict[str, int | str]) -> bytes:
    at_ms = step["at_ms"]
    if "press" in step:
        assert step["press"] == "confirm"
        return pump.press_confirm(at_ms)
    if "send" in step:
        sent = step["send"]
        fields = {field: _value(value, saved) for field, value in sent["fields"].items()}
        sending = naive.frame(sent["type"], sent["session"], sent["sequence"], fields)
        return pump.receive(sending, at_ms)
    return pump.receive(bytes.fromhex(step.get("send_hex", "")), at_ms)


def _value(value: int | str, saved: dict[str, int | str]) -> int | str:
    return saved[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def _agrees(fields: Fields, expected: Said, saved: dict[str, int | str]) -> bool:
    return all(fields[field] == _value(value, saved) for field, value in expected["fields"].items())


def _compare(where: str, replies: list[Frame], expected: list[Said], saved: dict[str, int | str]) -> None:
    names = [naive.type_name.get(reply.type, hex(reply.type)) for reply in replies]
    assert names == [said["type"] for said in expected], f"{where}: expected {expected}, got {names}"
    for name, reply, said in zip(names, replies, expected, strict=True):
        assert len(reply.body) == naive.body_length(name), f"{where}: {name} has {len(reply.body)} bytes"
        assert (reply.session, reply.sequence) == (said["session"], said["sequence"]), where
        fields = naive.unpack(name, reply.body)
        assert _agrees(fields, said, saved), f"{where}: expected {said}, got {fields}"
        for field, as_name in said.get("save", {}).items():
            assert fields[field] != 0, f"{where}: {field} is 0"
            saved[as_name] = fields[field]
