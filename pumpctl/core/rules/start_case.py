"""One start before the rules: which program is about to run, from which bag, after what.

Refuses to judge. The order itself, the ledger and the time are the Case's; here is what only a start has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pumpctl.core.exposure import Certainty, Segment
from pumpctl.core.figures import figure_against
from pumpctl.core.library import Library
from pumpctl.core.limit import Limit, Measure
from pumpctl.core.program import Program
from pumpctl.core.rules.case import Case
from pumpctl.core.rules.finding import Finding
from pumpctl.core.schedule import Occurrence
from pumpctl.core.starting import BagCheck, StartCheck
from pumpctl.core.units import FlowRate, Quantity, Volume, time_to_give

# An occurrence of an order: its digest and the number.
Occasion: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Start:
    """`programs` are still to run, the first of them now; `check` has a bag for each, and for those that have run.

    `paused_ms` is None unless this is a resume; `left_ul` is then what the first program has still to give.
    `used_bags`: the bags from which something was started, by their folded() id.
    """

    occurrence: Occurrence
    programs: tuple[Program, ...]
    check: StartCheck
    paused_ms: int | None = None
    left_ul: int | None = None
    used_bags: Mapping[str, Occasion] = field(default_factory=dict[str, Occasion])
    sites_in_use: frozenset[str] = frozenset()

    @property
    def program(self) -> Program:
        return self.programs[0]

    @property
    def begins_occurrence(self) -> bool:
        """Not a resume, a later phase or a further container: S01 to S03 are about this."""
        return self.paused_ms is None and self._is_first_program

    @property
    def _is_first_program(self) -> bool:
        return self.program.phase_index == 0 and self.program.container == 0

    @property
    def bags(self) -> tuple[tuple[str, Program, BagCheck], ...]:
        """Path, program and bag of each part that is still to run and has a bag."""
        given = list(enumerate(self.check.bags))
        done = 0 if self._is_first_program else max(0, len(given) - len(self.programs))
        pairs = zip(given[done:], self.programs, strict=False)  # too few and too many are B01's and B02's to report
        return tuple((f"bags[{place}]", program, bag) for (place, bag), program in pairs)

    def ends_utc_ms(self, at_utc_ms: int) -> tuple[int, ...]:
        """When each program will have ended at the earliest, started now and each followed at once by the next."""
        ends: list[int] = []
        end = at_utc_ms
        for place, program in enumerate(self.programs):
            left_ul = program.vtbi_ul if place or self.left_ul is None else self.left_ul
            end += time_to_give(Volume(left_ul), FlowRate(program.flow_rate_ul_h)).ceiling()
            ends.append(end)
        return tuple(ends)


StartJudge: TypeAlias = Callable[[Start, Case], Iterable[Finding]]


def begun_before(start: Start, case: Case) -> list[Segment]:
    """What of this very occurrence is in the ledger and is not of these programs."""
    own = {program.program_id.hex() for program in start.programs}
    return [
        segment
        for segment in case.ledger.segments
        if (segment.order_digest, segment.occurrence) == (case.order.digest, start.occurrence.number)
        and segment.certainty is not Certainty.PLANNED
        and segment.key not in own
    ]


def folded(name: str) -> str:
    """Two ways of writing one bag's number, or one site's name, are the same."""
    return " ".join(name.split()).casefold()


def against_limits(
    case: Case, start: Start, rule: str, measure: Measure, value: Quantity
) -> Iterator[tuple[Limit, str]]:
    """The rows of this rule and measure that the value breaks, and the value as text.

    A library without such a row for the program's profile has no limit, which must not read as "no limit": the
    error makes the rule deny.
    """
    profile = next(profile for profile in case.library.profiles if profile.name == start.program.profile)
    rows = [limit for limit in profile.limits.get(rule, ()) if limit.measure is measure]
    if not rows:
        raise LookupError(f"the library has no limit on {measure.value} for {profile.name}")
    for limit in rows:
        if limit.when in case.conditions and limit.is_broken(value, value):
            yield limit, figure_against(value, limit.bound, limit.unit)


def tightest_ms(library: Library, profile: str, rule: str, measure: Measure) -> int:
    """The least upper bound of this rule for a profile, for who must act at it; 0, nothing at all, where none is."""
    return min(
        (
            limit.above.floor()
            for limit in library.limits
            if limit.rule == rule and limit.measure is measure and profile in limit.profiles and limit.above is not None
        ),
        default=0,
    )
