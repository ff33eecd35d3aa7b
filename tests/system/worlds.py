"""The whole system in virtual time, set up for a test: pumps, a daemon, an order, and the things people do.

Refuses to judge. The World's own truth (the pump's integrator) is what tests compare with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from protocols.companion import messages as wire
from protocols.companion.codec import decode
from protocols.companion.framing import FrameDecoder, Garbage
from pumpctl.configuration import ChannelConfiguration, ControllerConfiguration, Mode
from pumpctl.core.instant import NS_PER_S
from pumpctl.effects import Refuse, Reply
from pumpctl.shell.library_file import read_library
from simulator.faults import Fault, FaultKind
from simulator.instant import SimNow
from simulator.profile import REFERENCE, PumpProfile
from simulator.pump import Button, SimPump
from simulator.rig.bag_check import bag_check
from simulator.rig.world import World, journal_of
from simulator.truth import PumpTruth
from tests.controller.orders import PATIENT, SOUND, START_UTC_MS

S = NS_PER_S
MINUTE, HOUR = 60 * S, 3_600 * S
A, B = "a", "b"
LIBRARY = read_library(None)
OVERRIDE_Q31 = "Q31=pharmacist on call:daily regimen of the case report"
MG_PER_ML = 20


def world(
    seed: int = 1, *, channels: int = 1, profile: PumpProfile = REFERENCE, at_utc_ms: int = START_UTC_MS
) -> World:
    """A daemon with its pumps plugged in, three seconds old."""
    names = (A, B)[:channels]
    configuration = ControllerConfiguration(
        Mode.RIG, 1, tuple(ChannelConfiguration(name, "companion", f"SIM-{name}", PATIENT) for name in names)
    )
    pumps = {name: SimPump(profile, serial=f"SIM-{name}", seed=seed) for name in names}
    made = World(configuration, LIBRARY, pumps, journal_of([]), seed=seed, start_utc_ms=at_utc_ms)
    for name in names:
        made.plug_in(name)
    made.run_for(3 * S)
    return made


def submit(made: World, order: dict[str, Any], channel: str = A) -> dict[str, Any]:
    """The order accepted and, when it is due, loaded; what was answered."""
    number = made.ask(
        "order.submit", text=json.dumps(order), channel=channel, overrides=[OVERRIDE_Q31], check=checked(made, order)
    )
    made.run_for(5 * S)
    return answer(made, number)


def prepare(made: World, **params: object) -> int:
    """The first order's occurrence, with another bag and its check."""
    accepted = next(iter(made.controller.ward.orders.values()))
    order = accepted.order.model_dump(mode="json", exclude_none=True)
    return made.ask("order.prepare", order=accepted.digest, **({"check": checked(made, order)} | params))


def checked(made: World, order: dict[str, Any]) -> str:
    """The check of a bag that hangs for the first time."""
    at = datetime.fromtimestamp(made.utc_ms / 1000, UTC)
    return json.dumps(bag_check(order, at=at, bag=f"BAG-{made.now_ns}-{order['order_id']}"))


def answer(made: World, number: int) -> dict[str, Any]:
    given = made.seen.answers[number]
    assert isinstance(given, Reply), given
    return dict(given.result)


def refusal(made: World, number: int) -> list[str]:
    given = made.seen.answers[number]
    assert isinstance(given, Refuse), given
    return [reason.code for reason in given.reasons]


def infusing(order: dict[str, Any], seed: int = 1, profile: PumpProfile = REFERENCE) -> World:
    """The order runs on channel a."""
    made = world(seed, profile=profile)
    submit(made, order)
    press_and_start(made)
    if order.get("route") == "iv":
        made.observers.append(_nurse(made.now_ns))
    return made


def _nurse(since_ns: int) -> Callable[[World], None]:
    """Somebody looks at the patient every four minutes and says what was seen (Q25, hazard H38)."""
    looked_ns = [since_ns]

    def look(made: World) -> None:
        if made.now_ns - looked_ns[0] >= 4 * MINUTE:
            looked_ns[0] = made.now_ns
            made.ask("observe", channel=A, **SOUND)

    return look


def press_and_start(made: World, channel: str = A) -> None:
    made.press(channel, Button.CONFIRM)
    until(made, lambda: state(made, channel) == "infusing", 5 * S)


def until(made: World, reached: Callable[[], bool], within_ns: int) -> None:
    assert made.run_until(reached, made.now_ns + within_ns), (made.seen.states, made.seen.alarms[-3:])


def state(made: World, channel: str = A) -> str:
    """What the controller believes, not what it last published."""
    return made.controller.ward.channels[channel].state.value


def truth(made: World, channel: str = A) -> PumpTruth:
    return made.pumps[channel].truth(SimNow(made.now_ns, made.now_ns))


def inject(made: World, kind: FaultKind, count: int = 1, *, for_ns: int | None = None, channel: str = A) -> None:
    made.pumps[channel].inject(Fault(kind, count), SimNow(made.now_ns, made.now_ns), for_ns=for_ns)


def heal(made: World, kind: FaultKind, channel: str = A) -> None:
    made.pumps[channel].heal(Fault(kind), SimNow(made.now_ns, made.now_ns))


def latched(made: World, channel: str = A) -> set[str]:
    return {reason.code for reason in made.controller.ward.channels[channel].latched}


def booked_ug(made: World) -> int:
    return sum(s.most_ug for s in made.controller.ward.ledger.segments if s.patient_id == PATIENT)


def ledger_covers_truth(made: World, *channels: str, mg_per_ml: int = MG_PER_ML) -> bool:
    """I3, by the pumps' own integrators."""
    given_ul = sum(truth(made, channel).delivered_ul for channel in channels or (A,))
    return booked_ug(made) >= given_ul * mg_per_ml


def written(made: World, since: int = 0) -> list[wire.Message]:
    """Every frame the daemons wrote, decoded, from the `since`-th write on."""
    decoded: list[wire.Message] = []
    for _, write in made.seen.writes[since:]:
        pieces = FrameDecoder().receive(write.frame)
        decoded += [decode(piece).message for piece in pieces if not isinstance(piece, Garbage)]
    return decoded
