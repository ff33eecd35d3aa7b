"""The sheet on which the texts of an order are read: values, and a finding for each that is none.

Refuses to know what the values mean. A text that cannot be read gives None and a HARD finding
(U01, U06, T02), so the rules may pass over None without anything being accepted by it.
"""

from __future__ import annotations

from pumpctl.core.rules.finding import Finding, Severity
from pumpctl.core.schedule import read_instant
from pumpctl.core.units import AnyQuantity, Basis, Misread, read_quantity


def problem(rule: str, path: str, reason: str, value: str | None) -> Finding:
    """A HARD finding on one field."""
    return Finding(
        rule, Severity.HARD, f"{path} {reason}", "missing" if value is None else value, _WANTED.get(rule, ""), "project"
    )


_WANTED = {"U01": "number, one space, unit", "U06": "stated", "T02": "time with UTC offset", "U07": "an end"}
_BASES: dict[str | None, Basis] = {basis.value: basis for basis in Basis}


class Sheet:
    """Collects problems while reading. `past_times`: fields that tell of what has happened (T02), and when.

    `part` begins the path of every field that is read; whoever reads a part sets it. A path is put together only when
    there is something to say about it.
    """

    __slots__ = ("_instants", "part", "past_times", "problems")

    def __init__(self) -> None:
        self.part = ""
        self.problems: list[Finding] = []
        self.past_times: list[tuple[str, str, int]] = []  # part, field, instant
        self._instants: dict[str, int | Misread] = {}  # results of one sample share their time

    def add(self, rule: str, field: str, reason: str, value: str | None) -> None:
        self.problems.append(problem(rule, f"{self.part}{field}", reason, value))

    def quantity(
        self, field: str, text: str | None, kind: type[AnyQuantity], basis: Basis | None = None, missing: str = "U01"
    ) -> AnyQuantity | None:
        if text is None:
            self.add(missing, field, "is missing", None)
            return None
        read = read_quantity(text, kind, basis)
        if isinstance(read, Misread):
            self.add("U01", field, read.reason, text)
            return None
        return read

    def optional(
        self, field: str, text: str | None, kind: type[AnyQuantity], basis: Basis | None = None
    ) -> AnyQuantity | None:
        return None if text is None else self.quantity(field, text, kind, basis)

    def basis(self, field: str, text: str | None) -> Basis | None:
        """A missing basis is reported at each mass that needs one; mmol and mEq need none."""
        basis = _BASES.get(text)
        if basis is None and text is not None:
            self.add("U01", field, "is not heptahydrate, anhydrous or elemental", text)
        return basis

    def instant(self, field: str, text: str | None) -> int | None:
        if text is None:
            self.add("T02", field, "is missing", None)
            return None
        read = self._instants.get(text)
        if read is None:
            read = self._instants[text] = read_instant(text)
        if isinstance(read, int):
            return read
        self.add("T02", field, read.reason, text)
        return None

    def past_instant(self, field: str, text: str | None) -> int | None:
        utc_ms = self.instant(field, text)
        if utc_ms is not None:
            self.past_times.append((self.part, field, utc_ms))
        return utc_ms

    def past_if_told(self, field: str, text: str | None) -> int | None:
        return None if text is None else self.past_instant(field, text)
