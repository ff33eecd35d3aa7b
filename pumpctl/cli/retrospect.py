"""What the journal alone makes the daemon believe: the state after each record, and at the end.

Refuses to know pumps: nothing here was asked of one. The end is that of a real controller that was given these records
and has not opened a port yet, so it cannot differ from what a restarted daemon believes before it hears its pumps.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pumpctl.configuration import (
    ChannelConfiguration,
    ControllerConfiguration,
    JournalCondition,
    JournalContent,
    Mode,
    PastRecord,
)
from pumpctl.controller import Controller
from pumpctl.core.exposure import Certainty, Ledger
from pumpctl.core.instant import Now
from pumpctl.core.library import Library
from pumpctl.effects import Reply
from pumpctl.events import OperatorRequest
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.remembering import replay
from pumpctl.supervision.ward import Ward

UNKNOWN_PATIENT = "unknown"
NOTHING = JournalContent(JournalCondition.SOUND, "", ())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ASK = OperatorRequest(1, "order.list", {}, "replay")


def configuration_of(records: Iterable[PastRecord]) -> ControllerConfiguration:
    """The channels that the records speak of, each with the patient of its newest order. Serials are not in them."""
    patients: dict[str, str] = {}
    for record in records:
        body: dict[str, Any] = record.body
        if record.kind == "daemon_started":
            patients.update({name: UNKNOWN_PATIENT for name in body["channels"] if name not in patients})
        elif record.kind == "order_accepted":
            patients[body["channel"]] = json.loads(body["text"])["patient"]["id"]
    channels = tuple(ChannelConfiguration(name, "companion", "", patient) for name, patient in patients.items())
    return ControllerConfiguration(Mode.RIG, 1, channels)


def beliefs(
    configuration: ControllerConfiguration, library: Library, records: Iterable[PastRecord], now: Now
) -> Iterator[tuple[PastRecord, str]]:
    """Each record with what had become of orders, channels and ledger after it; an unreadable one says so."""
    ward = Controller(configuration, library, NOTHING).ward
    for record in records:
        try:
            replay(ward, record, Outbox(1, now))
        except Exception as error:  # as the daemon bears it in a damaged past: nothing follows from such a record
            yield record, f"cannot be replayed: {type(error).__name__}: {error}"
            continue
        yield record, _in_words(ward)


def end_state(
    configuration: ControllerConfiguration, library: Library, past: JournalContent, now: Now
) -> dict[str, Any]:
    """What a daemon that starts now believes: JSON. `orders` is the answer to `order list`."""
    controller = Controller(configuration, library, past)
    controller.start(now)
    answers = [effect for effect in controller.handle(_ASK, now) if isinstance(effect, Reply)]
    ward = controller.ward
    return {
        "condition": past.condition.value,
        "reason": past.reason,
        "records": len(past.records),
        "orders": answers[0].result["orders"],
        "channels": {name: _channel(channel) for name, channel in ward.channels.items()},
        "ledger": [_segment(ward.ledger, index) for index in range(len(ward.ledger.segments))],
        "used_bags": len(ward.used_bags),
    }


def history_of(ledger: Ledger, patient_id: str) -> dict[str, Any]:
    """What this patient may have had, as core/history.py reads it."""
    infusions = [
        {
            "route": segment.route,
            "start": _instant(segment.start_utc_ms),
            "end": _instant(segment.end_utc_ms),
            "dose": f"{segment.most_ug} ug",
            "basis": "heptahydrate",
            "uncertain": segment.at_once,
        }
        for segment in sorted(ledger.segments, key=lambda segment: (segment.start_utc_ms, segment.key))
        if segment.patient_id == patient_id and segment.certainty is not Certainty.PLANNED
    ]
    return {"format": 1, "patient": patient_id, "infusions": infusions}


def ledger_of(configuration: ControllerConfiguration, library: Library, past: JournalContent, now: Now) -> Ledger:
    """The dose ledger of a daemon that starts now."""
    controller = Controller(configuration, library, past)
    controller.start(now)
    return controller.ward.ledger


def _instant(utc_ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=utc_ms)).isoformat(timespec="milliseconds")


def _channel(channel: Channel) -> dict[str, Any]:
    infusion, settled = channel.infusion, channel.last_account
    under_way = None
    if infusion is not None:
        under_way = {
            "program_id": infusion.program_id.hex(),
            "order": infusion.program.order_digest,
            "occurrence": infusion.program.occurrence,
            "phase": infusion.program.phase_index,
            "vtbi_ul": infusion.program.vtbi_ul,
            "started_ms": infusion.started_utc_ms,
            "paused": infusion.paused_therapy_ns is not None,
            "to_follow": len(infusion.remaining),
        }
    last = None
    if settled is not None:
        program, least_ul, most_ul = settled
        last = {"program_id": program.program_id.hex(), "least_ul": least_ul, "most_ul": most_ul}
    latched = [reason.code for reason in (channel.stop.reasons if channel.stop else channel.latched)]
    return {"patient": channel.patient_id, "latched": latched, "infusion": under_way, "last_settled": last}


def _segment(ledger: Ledger, index: int) -> dict[str, Any]:
    segment = ledger.segments[index]
    return {
        "key": segment.key,
        "patient": segment.patient_id,
        "order": segment.order_digest,
        "occurrence": segment.occurrence,
        "route": segment.route,
        "start_ms": segment.start_utc_ms,
        "end_ms": segment.end_utc_ms,
        "most_ug": segment.most_ug,
        "certainty": segment.certainty.value,
    }


def _in_words(ward: Ward) -> str:
    cancelled = sum(order.cancelled for order in ward.orders.values())
    booked_ug = sum(segment.most_ug for segment in ward.ledger.segments)
    words = [f"orders {len(ward.orders)}" + (f" ({cancelled} cancelled)" if cancelled else "")]
    for channel in ward.channels.values():
        infusion = channel.infusion
        if infusion is None:
            state = "nothing under way"
        else:
            state = f"{'paused' if infusion.paused_therapy_ns is not None else 'infusing'} {infusion.program_id.hex()}"
        codes = dict.fromkeys(reason.code for reason in channel.latched)
        words.append(f"{channel.name}: {state}" + (f", latched {' '.join(codes)}" if codes else ""))
    return "; ".join([*words, f"ledger {len(ward.ledger.segments)} doses, at most {booked_ug / 1000:.3f} mg"])
