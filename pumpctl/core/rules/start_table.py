"""The rules on a start, one row an id of clinical.md: what each says at every check, and what at the start alone.

table.py takes the first half into its own rows; start_verdict.py adds the second when something is about to start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pumpctl.core.rules import start_bag, start_person, start_time
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.rules.start_case import StartJudge


@dataclass(frozen=True, slots=True)
class StartRule:
    """`at_check` speaks at every check, `at_start` only when a program is about to be loaded, started or resumed."""

    id: str
    at_start: tuple[StartJudge, ...]
    at_check: tuple[Callable[[Case], Iterable[Finding]], ...] = ()


START_RULES: tuple[StartRule, ...] = (
    StartRule("Q27", (start_person.home_questions_are_answered,)),
    StartRule("P11", (start_person.site_is_sound,)),
    StartRule("S01", (start_time.occurrence_is_new,)),
    StartRule("S02", (start_time.occurrence_is_due, start_time.nothing_else_runs)),
    StartRule("S03", (start_time.long_enough_since_the_last,), (start_time.occurrences_lie_apart,)),
    StartRule("S04", (start_time.phases_follow_each_other,), (start_time.loading_comes_first,)),
    StartRule("S05", (start_time.pause_was_short, start_time.ends_within_the_order)),
    StartRule("S06", (), (start_person.no_stop_is_uncleared,)),
    StartRule(
        "B01",
        (
            start_bag.every_program_has_its_bag,
            start_bag.label_is_the_ordered_bag,
            start_bag.bag_outlasts_the_infusion,
        ),
    ),
    StartRule("B02", (start_bag.bag_is_new, start_bag.no_program_has_two_bags)),
    StartRule("B03", (start_bag.bag_holds_the_program,)),
)
