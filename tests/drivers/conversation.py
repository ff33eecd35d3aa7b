"""One driver in conversation: a command asked, its answer given. Refuses to say what it should make of it."""

from __future__ import annotations

import json

from protocols.companion import messages as wire
from protocols.companion.codec import decode, encode, sealed
from protocols.companion.framing import FrameDecoder, Garbage
from protocols.companion.vocabulary import (
    LinkLoss,
    Phase,
)
from pumpctl.core.capability import COMPANION_REFERENCE
from pumpctl.core.instant import Now
from pumpctl.core.order_text import parse_order
from pumpctl.core.program import Plan, Program, compile_programs
from pumpctl.drivers import pump
from pumpctl.drivers.companion import REPLY_NS, CompanionDriver
from tests.controller.desk import LIBRARY
from tests.controller.orders import monitored_iv, once

ASKED = Now(5_000_000_000, 7_000_000_000, 9)
LATER = Now(ASKED.link_ns + REPLY_NS, 0, 0)
SESSION = 77


def programs(order: dict[str, object]) -> tuple[Program, ...]:
    plan = compile_programs(parse_order(json.dumps(order), "test"), LIBRARY, COMPANION_REFERENCE, 1, 1)
    assert isinstance(plan, Plan)
    return plan.programs


PROGRAM = programs(once())[0]
LOADING, CONTINUOUS = programs(monitored_iv())
READ_BACK = sealed(
    wire.Program(
        PROGRAM.program_id, bytes(16), Phase.INFUSION, 10_000, 10_000, 12_000, 0, LinkLoss.FINISH_LOADED, 0, 200_000
    )
)


def opened() -> CompanionDriver:
    driver = CompanionDriver()
    driver.open(SESSION)
    return driver


def asked(frame: bytes) -> tuple[int, wire.Message]:
    (envelope,) = [decode(piece) for piece in FrameDecoder().receive(frame) if not isinstance(piece, Garbage)]
    assert envelope.session == SESSION
    return envelope.sequence, envelope.message


def answered(driver: CompanionDriver, command: pump.Command, answer: wire.Message) -> list[pump.Fact]:
    sequence, _ = asked(driver.command(command, ASKED))
    return driver.receive(encode(answer, SESSION, sequence))
