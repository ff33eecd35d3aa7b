"""The parameters of an operator's request: taken strictly, refused with the field's name.

Refuses to know what any method does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pumpctl.core.reason import Reason
from pumpctl.effects import Refuse
from pumpctl.events import Json
from pumpctl.supervision.channel import Channel
from pumpctl.supervision.outbox import Outbox
from pumpctl.supervision.ward import OwedReply, Ward

USAGE, NEEDS_OVERRIDE, REFUSED = 2, 3, 4
LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """A request on its way: who asks (`actor`: a recorded name, not a proof) and with what."""

    request_id: int
    params: Json
    person: str

    @property
    def actor(self) -> str:
        named = self.params.get("person")
        return named if isinstance(named, str) and 0 < len(named) <= LONGEST_TEXT else self.person


class Refusal(Exception):
    """The request is not carried out: every reason, and the exit code of the CLI contract."""

    def __init__(self, exit_code: int, reasons: tuple[Reason, ...], details: Json | None = None) -> None:
        super().__init__("; ".join(reason.message for reason in reasons))
        self.exit_code = exit_code
        self.reasons = reasons
        self.details = details


def take_only(wish: Wish, *known: str) -> None:
    """An unknown parameter is a misunderstanding, not a nuance."""
    unknown = sorted(set(wish.params) - set(known))
    if unknown:
        raise Refusal(USAGE, (Reason("unknown_parameter", f"{', '.join(unknown)}; known: {', '.join(known)}"),))


def text(wish: Wish, name: str) -> str:
    found = wish.params.get(name)
    if not isinstance(found, str) or not found or len(found) > LONGEST_TEXT:
        raise Refusal(USAGE, (Reason("bad_parameter", f"{name} must be a text of 1 to {LONGEST_TEXT} characters"),))
    return found


def optional_text(wish: Wish, name: str) -> str | None:
    return None if wish.params.get(name) is None else text(wish, name)


def whole(wish: Wish, name: str) -> int:
    found = wish.params.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        raise Refusal(USAGE, (Reason("bad_parameter", f"{name} must be a whole number"),))
    return found


def optional_whole(wish: Wish, name: str) -> int | None:
    return None if wish.params.get(name) is None else whole(wish, name)


def people(wish: Wish, name: str) -> list[str]:
    """Distinct names, at least one, at most four."""
    found = wish.params.get(name)
    names = [wish.actor] if found is None else found
    if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):  # pyright: ignore[reportUnknownVariableType]
        raise Refusal(USAGE, (Reason("bad_parameter", f"{name} must be a list of names"),))
    distinct = list({" ".join(str(n).split()).casefold(): str(n) for n in names if str(n).strip()}.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not 1 <= len(distinct) <= 4:
        raise Refusal(USAGE, (Reason("bad_parameter", f"{name} must hold one to four names"),))
    return distinct


def owe(ward: Ward, wish: Wish, out: Outbox, seq: int, result: dict[str, Any]) -> None:
    """Told once it is durable; with a journal that failed it is told now that it is not."""
    if ward.journal_sound:
        ward.waiting[seq] = OwedReply(wish.request_id, result)
    else:
        out.add(Refuse(wish.request_id, 1, ward.journal_reasons(), result))


def channel_named(ward: Ward, wish: Wish) -> Channel:
    """The channel that `channel` names; with one channel only it may be left out."""
    named = optional_text(wish, "channel")
    if named is None and len(ward.channels) == 1:
        return next(iter(ward.channels.values()))
    if named not in ward.channels:
        told = f"{named!r} is not a channel; channels: {', '.join(ward.channels)}"
        raise Refusal(USAGE, (Reason("unknown_channel", told),))
    return ward.channels[named]
