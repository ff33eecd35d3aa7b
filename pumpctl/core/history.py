"""What a patient has had before, as a person writes it down: the past that `pumpctl check` judges against.

Refuses to guess: a dose, a basis or a time that cannot be read ends the reading, since an infusion left out would
make room for another. The daemon needs no such paper; its own ledger comes from its journal.
"""

from __future__ import annotations

from typing import Literal, NoReturn

from pydantic import Field

from pumpctl.core.exposure import MAX_SEGMENTS, Certainty, Ledger, Segment
from pumpctl.core.order import Name, Part, Text
from pumpctl.core.order_text import OrderUnreadable, parse_strictly
from pumpctl.core.quantity import Mass
from pumpctl.core.schedule import read_instant
from pumpctl.core.units import Basis, Misread, read_quantity

_EXAMPLES = "deploy/examples/history"


class Infusion(Part):
    """`uncertain`: it may have run, nobody knows when or how much; it counts in full wherever it does most harm."""

    route: Literal["sc", "iv"]
    start: Text
    end: Text
    dose: Text
    basis: Text | None = None
    uncertain: bool = False


class History(Part):
    """`patient` is the id of the order's patient."""

    format: Literal[1]
    patient: Name
    infusions: tuple[Infusion, ...] = Field(strict=False, max_length=MAX_SEGMENTS)


def parse_history(text: str | bytes, name: str, patient_id: str) -> Ledger:
    """The ledger of this patient's past from JSON or TOML. Raises OrderUnreadable, also when it is another's."""
    history = parse_strictly(text, name, History, _EXAMPLES)
    if history.patient != patient_id:
        what = f"{name}: the history of patient {history.patient}, the order is for {patient_id}"
        raise OrderUnreadable(what, "give the history of the order's patient")
    segments = [_segment(history, index, f"{name}: infusions[{index}]") for index in range(len(history.infusions))]
    return Ledger(tuple(segments))


def _segment(history: History, index: int, where: str) -> Segment:
    infusion = history.infusions[index]
    start, end = (_instant(f"{where}.{key}", text) for key, text in (("start", infusion.start), ("end", infusion.end)))
    if end < start:
        _refuse(f"{where}.end", f"{infusion.end} is before its start")
    return Segment(
        key=f"history:{index}",
        patient_id=history.patient,
        order_digest="",
        occurrence=index,
        route=infusion.route,
        start_utc_ms=start,
        end_utc_ms=end,
        most_ug=_dose(infusion, where).ceiling(),
        certainty=Certainty.UNCERTAIN if infusion.uncertain else Certainty.COMMITTED,
    )


def _instant(where: str, text: str) -> int:
    read = read_instant(text)
    if isinstance(read, Misread):
        _refuse(where, f"{text} {read.reason}")
    return read


def _dose(infusion: Infusion, where: str) -> Mass:
    basis: Basis | None = None
    if infusion.basis is not None:
        try:
            basis = Basis(infusion.basis)
        except ValueError:
            known = ", ".join(each.value for each in Basis)
            _refuse(f"{where}.basis", f"{infusion.basis} is none of {known}")
    read = read_quantity(infusion.dose, Mass, basis)
    if isinstance(read, Misread):
        _refuse(f"{where}.dose", f"{infusion.dose} {read.reason}")
    return read


def _refuse(where: str, why: str) -> NoReturn:
    raise OrderUnreadable(f"{where}: {why}", f"correct it; see {_EXAMPLES}")
