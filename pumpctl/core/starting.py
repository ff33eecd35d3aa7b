"""What people found at the bag and at the patient right before a start, as they entered it.

Refuses to judge: values stay the text they arrived as, absent ones are None, and rules/start_table.py decides. A
file that is not a start check at all (a wrong shape, an unknown key, a wrong type) is refused like an order's.
"""

from __future__ import annotations

from pydantic import Field

from pumpctl.core.order import Name, Part, Text
from pumpctl.core.order_text import parse_strictly

MAX_BAGS = 128  # every phase of an order in as many containers as a program may have (core/program.py)


class Label(Part):
    """What is printed on the bag; `basis` as in an order, for a content in g or mg."""

    patient: Text | None = None
    drug: Text | None = None
    content: Text | None = None
    basis: Text | None = None
    final_volume: Text | None = None
    diluent: Text | None = None


class BagCheck(Part):
    """One bag in the hand. `priming_volume` and `residual_volume` may be "0 mL"; they never default to it."""

    bag_id: Text | None = None
    label: Label = Label()
    beyond_use_at: Text | None = None
    priming_volume: Text | None = None
    residual_volume: Text | None = None


class SiteCheck(Part):
    """The subcutaneous site of this infusion. `reaction`: redness, swelling, pain or abscess is seen there."""

    site: Text | None = None
    needle_placed_at: Text | None = None
    reaction: bool | None = None


class HomeAnswers(Part):
    """The questions of Q27; None is "not asked"."""

    drowsy: bool | None = None
    weak: bool | None = None
    flushed: bool | None = None
    breathless: bool | None = None
    faint: bool | None = None
    diarrhoea: bool | None = None
    missed_antiepileptic: bool | None = None


class StartCheck(Part):
    """One bag for each program of the occurrence, in the order in which they run."""

    checked_by: Name
    bags: tuple[BagCheck, ...] = Field(default=(), strict=False, max_length=MAX_BAGS)
    site: SiteCheck = SiteCheck()
    answers: HomeAnswers = HomeAnswers()


def parse_check(text: str | bytes, name: str) -> StartCheck:
    """Read JSON or TOML strictly, or raise OrderUnreadable. `name` is where the text came from."""
    return parse_strictly(text, name, StartCheck, "deploy/examples/checks")
