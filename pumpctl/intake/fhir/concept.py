"""A CodeableConcept: which of its codes are read, and that they agree.

Refuses to interpret text. Codings of other systems than the one asked for are translations by
FHIR's own definition and are passed over; a code of that system that is not known is refused.
"""

from __future__ import annotations

from collections.abc import Collection

from pumpctl.intake.fhir.element import Element, FhirRefused, shown
from pumpctl.intake.fhir.quantity import Json


def read_code(concept: Element, system: str, known: Collection[str], what: str) -> str:
    """The one code of this system, which must be known."""
    found = {code: where for coded_in, code, where in codings(concept) if coded_in == system}
    for code, where in found.items():
        if code not in known:
            why = f"{shown(code)} is not {what} that can be mapped"
            raise FhirRefused(where, why, f"one of {', '.join(sorted(known))} can; nothing near it is guessed")
    if len(found) != 1:
        why = f"has {'several codes' if found else 'no code'} of {system}"
        raise FhirRefused(concept.at("coding"), why, f"give exactly one code for {what}")
    return next(iter(found))


def codings(concept: Element) -> list[tuple[str, str, str]]:
    """System, code, path. Display texts repeat the code for people."""
    concept.ignore("text")
    found: list[tuple[str, str, str]] = []
    for coding in concept.children("coding"):
        coding.ignore("display", "version", "userSelected")
        found.append((coding.text("system") or "", coding.text("code") or "", coding.at("code")))
    return found


def only_text(concept: Element | None) -> str | None:
    """Where the words are what counts, as in a reason or a site."""
    if concept is None:
        return None
    text = concept.text("text")
    if text is None:
        raise FhirRefused(concept.at("text"), "is missing", "say it in words; these codes are not read")
    concept.ignore("coding")
    return text


def coded(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}]}
