"""docs/rules.md, made from the table of rules, the drug library and the example orders.

`python -m tests.core.rules_document` writes it; test_rules_document.py says when that was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pumpctl.core.limit import Condition, Limit
from pumpctl.core.order_text import parse_order
from pumpctl.core.rules.case import Context
from pumpctl.core.rules.finding import Severity
from pumpctl.core.rules.softening import TO_ADVISORY, TO_SOFT
from pumpctl.core.rules.table import RULES
from pumpctl.core.validation import judge
from tests.core.golden import AT, EXAMPLES, LIBRARY

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "docs/rules.md"
HEAD = """# Rules

Made by `python -m tests.core.rules_document` from the table of rules (`pumpctl/core/rules/`), the drug library
(`protocols/therapy/magnesium_sulfate.toml`) and the example orders. A test fails when it is out of date.

Not a medical device. Where the basis is *project*, the figure is this project's own conservative choice: a pharmacist
must sign it off before any clinical use. *seed-Q* is the review on refractory hypomagnesaemia, *seed-P* the case report
on subcutaneous magnesium at home, *label* US and UK labelling, *reference* published guidance.

- **hard**: refused, nobody can override. **soft**: refused until a named second person overrides that finding, with a
  reason. **advisory** is shown, **schedule** makes a dated task; neither blocks.
- All findings are reported. Nothing is clamped or repaired. A value equal to a limit passes unless the row says
  otherwise. A missing input is never read as normal. A rule that fails, or that is missing from the table, refuses.
- A limit on the serum while running, or on the unobserved time of an infusion, speaks while it runs and refuses no
  order: advisory is an alarm, hard a stop that latches.
- Every mass is magnesium sulfate heptahydrate: 1 g = 4.0573 mmol = 8.1146 mEq.
- A loading dose counts toward the day: 2 g and then 4 mg/min for 24 h is 31.5 mmol, above 24; after 2 g the tail may
  run at most 2.747 mg/min for 23.75 h. 12 mmol is not the 15-minute dose (that would be 197 mg/min). 2 g in 5 min is
  above the label's 150 mg/min and is allowed in an emergency in progress alone. The label allows 20 g in 48 h in severe
  renal failure, seed-Q forbids it (Q01), and seed-Q wins. A pause is never caught up by a higher rate.
"""


def text() -> str:
    """The whole document."""
    return "\n".join((HEAD, *_examples(), *_table(), *_limits())) + "\n"


def _examples() -> Iterator[str]:
    yield "## Example orders\n"
    yield f"Judged at 2026-12-01T18:00:00Z against library {LIBRARY.version}, `{LIBRARY.content_hash[:16]}`.\n"
    yield "| order, in `deploy/examples/orders/` | verdict | hard | soft | advisory | schedule |"
    yield "|---|---|---|---|---|---|"
    for path in example_orders():
        verdict = judge(parse_order(path.read_bytes(), path.name), LIBRARY, Context(AT))
        cells = [
            ", ".join(dict.fromkeys(finding.rule for finding in verdict.findings if finding.severity is severity))
            for severity in Severity
        ]
        yield f"| `{path.relative_to(EXAMPLES)}` | {verdict.decision.value} | {' | '.join(cells)} |"
    yield ""


def example_orders() -> list[Path]:
    """The native ones; those on other paper are read in tests/intake."""
    return [
        path for path in sorted(EXAMPLES.rglob("*")) if path.suffix in {".json", ".toml"} and ".fhir-" not in path.name
    ]


def _table() -> Iterator[str]:
    yield "## The table of rules\n"
    yield f"An emergency in progress (Q10) softens {_ids(TO_SOFT)} to soft (a lost reflex never), {_ids(TO_ADVISORY)}"
    yield "to advisory; every other rule keeps its verdict.\n"
    yield "| rule | what it is about | verdicts | basis | looks at | judged at |"
    yield "|---|---|---|---|---|---|"
    for rule in sorted(RULES, key=lambda rule: rule.id):
        rows = [limit for limit in LIBRARY.limits if limit.rule == rule.id]
        verdicts = {*rule.verdicts, *(limit.severity for limit in rows)}
        bases = dict.fromkeys([*([rule.basis] if rule.basis else []), *(limit.basis for limit in rows)])
        said = ", ".join(severity.value for severity in Severity if severity in verdicts) or "none"
        looks_at = ", ".join(rule.inputs)
        yield f"| {rule.id} | {rule.about} | {said} | {'; '.join(bases)} | {looks_at} | {rule.stage.value} |"
    yield ""


def _ids(rules: frozenset[str]) -> str:
    return ", ".join(sorted(rules))


def _limits() -> Iterator[str]:
    yield "## Limits of the drug library\n"
    yield "| rule | severity | profiles | what | allowed | when | basis |"
    yield "|---|---|---|---|---|---|---|"
    for limit in sorted(LIBRARY.limits, key=lambda limit: limit.rule):
        when = "" if limit.when is Condition.ALWAYS else limit.when.value.replace("_", " ")
        measure = limit.measure.value.replace("_", " ")
        yield (
            f"| {limit.rule} | {limit.severity.value} | {_profiles(limit)} | {measure} | {limit.text} | {when} |"
            f" {limit.basis} |"
        )


def _profiles(limit: Limit) -> str:
    names = [profile.name for profile in LIBRARY.profiles if profile.name in limit.profiles]
    if len(names) == len(LIBRARY.profiles):
        return "all"
    return ", ".join(names)


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
