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
    """Collects problems while reading. `past_times`: fields that tell of what has happened (T02)."""

    def __init__(self) -> None:
        self.problems: list[Finding] = []
        self.past_times: list[tuple[str, int]] = []
        self._instants: dict[str, int | Misread] = {}  # results of one sample share their time

    def add(self, rule: str, path: str, reason: str, value: str | None) -> None:
        self.problems.append(problem(rule, path, reason, value))

    def quantity(
        self, path: str, text: str | None, kind: type[AnyQuantity], basis: Basis | None = None, missing: str = "U01"
    ) -> AnyQuantity | None:
        if text is None:
            self.add(missing, path, "is missing", None)
            return None
        read = read_quantity(text, kind, basis)
        if isinstance(read, Misread):
            self.add("U01", path, read.reason, text)
            return None
        return read

    def optional(
        self, path: str, text: str | None, kind: type[AnyQuantity], basis: Basis | None = None
    ) -> AnyQuantity | None:
        return None if text is None else self.quantity(path, text, kind, basis)

    def basis(self, path: str, text: str | None) -> Basis | None:
        """A missing basis is reported at each mass that needs one; mmol and mEq need none."""
        basis = _BASES.get(text)
        if basis is None and text is not None:
            self.add("U01", path, "is not heptahydrate, anhydrous or elemental", text)
        return basis

    def instant(self, path: str, text: str | None) -> int | None:
        if text is None:
            self.add("T02", path, "is missing", None)
            return None
        read = self._instants.get(text)
        if read is None:
            read = self._instants[text] = read_instant(text)
        if isinstance(read, Misread):
            self.add("T02", path, read.reason, text)
            return None
        return read

    def past_instant(self, path: str, text: str | None) -> int | None:
        utc_ms = self.instant(path, text)
        if utc_ms is not None:
            self.past_times.append((path, utc_ms))
        return utc_ms

    def past_if_told(self, path: str, text: str | None) -> int | None:
        return None if text is None else self.past_instant(path, text)
