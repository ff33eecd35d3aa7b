"""Writes one exchange of vectors.json: a named list of steps from power-on, each with the replies SPEC.md fixes.

Refuses to know any pump: what it expects is what its author wrote down. It counts uptime and sequence numbers only.
"""

from typing import Final, NotRequired, TypedDict

from tests.protocols.companion import naive_frames as naive
from tests.protocols.companion.naive_frames import Fields
from tests.protocols.companion.refusals import WRONG_SESSION, digest_of
from tests.protocols.companion.tiny_pump import CONFIRMED

STEP_MS: Final = 1_000  # leaves every answer its 100 ms, with room
SESSION: Final = 0x2A2A2A2A
PROGRAM_ID: Final = "0102030405060708"


class Said(TypedDict):
    """A frame sent or expected; `save` names a field's value for later steps, which write it "$name"."""

    type: str
    session: int
    sequence: int
    fields: Fields
    save: NotRequired[dict[str, str]]


STOPPED_REPLY: Final[Said] = {"type": "STOPPED", "session": 0, "sequence": 0, "fields": {}}


class Action(TypedDict, total=False):
    """One of the three; none of them: time passes."""

    send_hex: str
    send: Said
    press: str


class Step(Action):
    at_ms: int
    about: str
    expect: list[Said]
    notices: NotRequired[list[Said]]


class Exchange(TypedDict):
    name: str
    about: str
    auto_confirm: NotRequired[bool]
    steps: list[Step]


def program(**other: int | str) -> Fields:
    """100 mL/h until 1 mL: 36 s. With the right digest, unless another is given."""
    fields: Fields = {
        "program_id": PROGRAM_ID,
        "digest": "00" * 16,
        "phase": 1,
        "flow_ul_h": 100_000,
        "vtbi_ul": 1_000,
        "flow_limit_ul_h": 120_000,
        "kvo_ul_h": 0,
        "link_loss": 0,
        "lease_ms": 0,
        "dose_ug": 500_000,
        **other,
    }
    return fields if "digest" in other else {**fields, "digest": digest_of(fields)}


class Script:
    def __init__(self, name: str, about: str) -> None:
        self.exchange: Exchange = {"name": name, "about": about, "steps": []}
        self.at_ms: int = 0
        self.session: int = SESSION
        self.sequence: int = 0

    def wait(self, milliseconds: int) -> None:
        self.at_ms += milliseconds

    def open(self, session: int = SESSION) -> None:
        self.session, self.sequence = session, 0
        self.ask("IDENTIFY", {}, "IDENTITY", {})

    def ask(self, name: str, fields: Fields, reply: str, expected: Fields, save: str = "", about: str = "") -> None:
        """The next request of this session, and its one reply; `save` keeps the reply's token by that name."""
        self.sequence += 1
        sent: Said = {"type": name, "session": self.session, "sequence": self.sequence, "fields": fields}
        answer: Said = {"type": reply, "session": self.session, "sequence": self.sequence, "fields": expected}
        if save:
            answer["save"] = {"token": save}
        self.step(f"{name}: {about}" if about else name, [answer], _sending(sent))

    def start(self, name: str = "t1", **other: int | str) -> None:
        """Load, press, ask for the token, start; the token is kept by that name."""
        asked = program(**other)
        named: Fields = {"program_id": asked["program_id"]}
        self.ask("LOAD", asked, "LOADED", {**named, "digest": asked["digest"]})
        self.draw(CONFIRMED)
        self.ask("GET_CONFIRMATION", {}, "CONFIRMATION", {**named, "purpose": 1}, save=name)
        self.ask("START", {**named, "token": "$" + name}, "STARTED", named)

    def elsewhere(self, name: str, session: int, sequence: int, about: str) -> None:
        """A request of a session that is not open."""
        fields: Fields = {"request_type": naive.type_number[name], "reason": WRONG_SESSION}
        refused: Said = {"type": "REFUSED", "session": session, "sequence": sequence, "fields": fields}
        self.raw(naive.frame(name, session, sequence, {}), [refused], about)

    def refused(self, name: str, fields: Fields, reason: int, about: str) -> None:
        self.ask(name, fields, "REFUSED", {"request_type": naive.type_number[name], "reason": reason}, about=about)

    def stop(self, about: str = "") -> None:
        self.raw(naive.frame("STOP", 0, 0, {}), [STOPPED_REPLY], about)

    def status(self, about: str = "", **expected: int | str) -> None:
        self.ask("GET_STATUS", {}, "STATUS", dict(expected), about=about)

    def raw(self, sent: bytes, expect: list[Said], about: str) -> None:
        self.step(about, expect, {"send_hex": sent.hex()})

    def press(self, about: str = "") -> None:
        self.step(about, [], {"press": "confirm"})

    def draw(self, state: int, about: str = "") -> None:
        """A press that draws a token, and the NOTICE that says so."""
        self.press(about)
        self.noticed(state=state, cause=2)

    def noticed(self, **expected: int | str) -> None:
        """The pump says so unasked, with the last step, or since the one before it."""
        notice: Said = {"type": "NOTICE", "session": 0, "sequence": 0, "fields": dict(expected)}
        self.exchange["steps"][-1].setdefault("notices", []).append(notice)

    def step(self, about: str, expect: list[Said], action: Action) -> None:
        self.at_ms += STEP_MS
        self.exchange["steps"].append({"at_ms": self.at_ms, "about": about, **action, "expect": expect})


def _sending(sent: Said) -> Action:
    """As bytes, unless a field stands for a value that only the pump knows yet."""
    if "$" in str(sent["fields"].get("token", "")):
        return {"send": sent}
    return {"send_hex": naive.frame(sent["type"], sent["session"], sent["sequence"], sent["fields"]).hex()}
