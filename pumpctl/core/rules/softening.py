"""What an emergency in progress softens (Q10): the whole list, in one place.

Refuses to know why. Every rule that is not named here keeps its verdict.
"""

from __future__ import annotations

from dataclasses import replace

from pumpctl.core.rules.bedside import ABSENT
from pumpctl.core.rules.finding import Finding, Severity

# Q25: pressure, heart rate and breathing; a lost reflex never.
TO_SOFT = frozenset({"Q03", "Q04", "L05", "L05b", "Q25"})
TO_ADVISORY = frozenset({"Q06", "Q09", "Q11", "Q12", "Q13", "Q21", "Q23", "Q24", "Q26"})
SOFTENED_IDS = TO_SOFT | TO_ADVISORY
NEVER = (("Q25", ABSENT),)


def softened(finding: Finding) -> Finding:
    """The finding as an emergency has it."""
    if finding.rule in TO_SOFT and finding.severity is Severity.HARD and (finding.rule, finding.value) not in NEVER:
        return replace(finding, severity=Severity.SOFT, message=f"{finding.message} (emergency: overridable)")
    if finding.rule in TO_ADVISORY and finding.severity in (Severity.HARD, Severity.SOFT):
        return replace(finding, severity=Severity.ADVISORY)
    return finding
