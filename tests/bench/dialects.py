"""What the benchmark asks in each dialect, and the peer in C that answers it.

Refuses to know how long anything takes and what an answer means. A status of MIVA is nine questions one after the
other, of Alaris five, of a stopped New Era pump two; what one question takes is told. The maker's own driver of MIVA
pumps stands in no row: it sleeps 25 ms for every question and then reads until a timeout of 25 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from protocols.alaris import codec as alaris
from protocols.alaris import messages as am
from protocols.alaris import session as alaris_session
from protocols.companion.codec import LAYOUTS
from protocols.companion.messages import GetStatus, Identity, Status
from protocols.companion.session import CompanionSession
from protocols.companion.session import Reply as CompanionReply
from protocols.companion.vocabulary import Alarm, IdentityFlag, PumpState, StatusFlag
from protocols.miva.framing import encode_frame
from protocols.miva.library import SIMULATED
from protocols.miva.record import BatteryState, Record, RecordType, encode_record, payload_of
from protocols.miva.requests import INFUSION_RATE, IS_RUNNING, read_record
from protocols.miva.session import MivaSession
from protocols.miva.session import Reply as MivaReply
from protocols.new_era.framing import Mode, Packet, ReplyDecoder, encode_reply, encode_request
from protocols.new_era.messages import request_payload
from pumpctl.configuration import ChannelConfiguration, NewEraSetup
from tests.bench.harness import compiled
from tests.bench.lines import line_to

CHANNEL, PATIENT, SERIAL, MIVA_SERIAL = "bench", "patient-1", "SIM-0001", "SIM00001"


@dataclass(frozen=True, slots=True)
class Talk:
    """One question, asked again and again with the session that it takes; each thing heard is an `answer` to it."""

    ask: Callable[[], bytes]
    receive: Callable[[bytes], Sequence[object]]
    answer: type


@dataclass(frozen=True, slots=True)
class Dialect:
    """`peer` gives the path of a line, with a pump on that core behind it."""

    name: str
    talk: Callable[[], Talk]
    channel: ChannelConfiguration
    peer: Callable[[Path, int], AbstractContextManager[str]]


def _companion() -> Talk:
    session = CompanionSession(1)
    return Talk(lambda: session.request(GetStatus()), session.receive, CompanionReply)


def _alaris() -> Talk:
    session = alaris_session.AlarisSession()
    return Talk(lambda: session.request(am.Query.RATE), session.receive, alaris_session.Replied)


def _miva() -> Talk:
    session = MivaSession()
    return Talk(lambda: session.ask("Q5"), session.receive, MivaReply)


def new_era_talk(mode: Mode) -> Talk:
    return Talk(lambda: encode_request(request_payload(0, ""), mode), ReplyDecoder(mode).receive, Packet)


IDENTITY = Identity(
    model="companion",
    serial=SERIAL,
    firmware="bench",
    flags=IdentityFlag.SIMULATED | IdentityFlag.CONFIRM_BUTTON,
    boot_count=1,
    uptime_ms=0,
    min_flow_ul_h=100,
    max_flow_ul_h=1_200_000,
    flow_step_ul_h=100,
    reservoir_ul=250_000,
    volume_step_ul=1,
    accuracy_permille=50,
    max_lease_ms=600_000,
    token_life_ms=60_000,
    event_ring=256,
    idle_pressure_mmhg=0,
    kvo_min_ul_h=0,
)
STATUS = Status(
    uptime_ms=0,
    boot_count=1,
    state=PumpState.IDLE,
    flags=StatusFlag(0),
    program_id=bytes(8),
    commanded_flow_ul_h=0,
    measured_flow_ul_h=0,
    motor_ul=0,
    encoder_ul=0,
    flow_ul=0xFFFF_FFFF,
    program_ul=0,
    pressure_mmhg=10,
    reservoir_ul=250_000,
    battery_permille=1000,
    alarms=Alarm(0),
    event_count=1,
    lease_left_ms=0,
    refused_count=0,
    dropped_frames=0,
)
_ALARIS_ANSWERS: dict[am.Request, am.Reply] = {
    am.Query.PROTOCOL: am.ProtocolName("Asena Rev 2.1.5"),
    am.Query.SERIAL: am.Serial(SERIAL),
    am.Query.RATE_MAX: am.RateMax(1_200_000),
    am.Query.SYRINGE: am.Syringe("BD PLASTIPAK", 50, confirmed=True),
    am.Enable(am.Switch.CONTROL, alaris.security_code(SERIAL)): am.Switched(
        am.Switch.CONTROL, enabled=True, permitted=True
    ),
    am.Disable(am.Switch.CONTROL): am.Switched(am.Switch.CONTROL, enabled=False, permitted=None),
    am.Disable(am.Switch.CONFIGURATION): am.Switched(am.Switch.CONFIGURATION, enabled=False, permitted=None),
    am.Query.RATE: am.Rate(0),
    am.Query.VTBI: am.Vtbi(None, None),
    am.Query.ALARM: am.AlarmState("AL_NOALM"),
    am.Query.STATUS: am.Status(SERIAL, False, am.HOLD, 0, "", 0, 1_791, "24+", "EVENT", "1"),  # noqa: FBT003
}
_POWER_ON = encode_record(Record(RecordType.POWER_ON, 0, payload_of(BatteryState.AC, 4.5, 0.0))).hex().upper()
_MIVA_ANSWERS = {
    "RN": f"RN{MIVA_SERIAL}",
    "RS": "RSbench-1.0",
    "RL": f"RL{SIMULATED.title}",
    "RC": "RCF0000000",
    "RI": "RI0000000000000000",
    read_record(0): f"{read_record(0)}{_POWER_ON}",
    IS_RUNNING: "FALSE",
    "Q5": "Q50000",
    INFUSION_RATE: "0.00",
    "R8": "R811F8000000",
    "R3": "R30000",
    "S9": "S90000001C2",
}
# None of these holds 03 but at its end, which is where the peer cuts.
_NEW_ERA_ANSWERS = {
    "VER": b"00SNE1000V3.928",
    "SAF": b"00S200",
    "SAF200": b"00S",
    "": b"00S",
    "DIS": b"00SI0.000W0.000ML",
}
_NEW_ERA_SETUP = NewEraSetup(address=0, diameter_um=26_590, syringe_ul=60_000, safe_s=200, simulated=True)


@contextmanager
def companion_pump(
    build: Path, core: int | None, *other: Status, told: int | None = None
) -> Generator[str, None, None]:
    """It answers as SPEC.md says. With another status: both in turns, and to `told` when each was on the line."""
    bodies = [
        LAYOUTS[message.TYPE].content((1, message.TYPE, 0, 0), message)[10:].hex()
        for message in (IDENTITY, STATUS, *other)
    ]
    with line_to(core, str(compiled("pump_peer.c", build)), "{fd}", *bodies, told=told) as path:
        yield path


@contextmanager
def _answering(end: str, answers: Mapping[bytes, bytes], build: Path, core: int) -> Generator[str, None, None]:
    """A pump of any dialect whose frames end in one byte, in hexadecimal."""
    pairs = [f"{asked.hex()}={answer.hex()}" for asked, answer in answers.items()]
    with line_to(core, str(compiled("answering_peer.c", build)), "{fd}", end, *pairs) as path:
        yield path


COMPANION = Dialect(
    "companion", _companion, ChannelConfiguration(CHANNEL, "companion", SERIAL, PATIENT), companion_pump
)
ALARIS = Dialect(
    "alaris",
    _alaris,
    ChannelConfiguration(CHANNEL, "alaris", SERIAL, PATIENT),
    partial(_answering, "0d", {alaris.encode(asked): alaris.encode(said) for asked, said in _ALARIS_ANSWERS.items()}),
)
MIVA = Dialect(
    "miva",
    _miva,
    ChannelConfiguration(CHANNEL, "miva", MIVA_SERIAL, PATIENT),
    partial(_answering, "03", {encode_frame(asked): encode_frame(said) for asked, said in _MIVA_ANSWERS.items()}),
)
NEW_ERA = Dialect(
    "new era",
    partial(new_era_talk, Mode.SAFE),
    ChannelConfiguration(CHANNEL, "new_era", SERIAL, PATIENT, new_era=_NEW_ERA_SETUP),
    partial(
        _answering,
        "03",
        {
            encode_request(request_payload(0, asked), Mode.SAFE): encode_reply(said, Mode.SAFE)
            for asked, said in _NEW_ERA_ANSWERS.items()
        },
    ),
)
