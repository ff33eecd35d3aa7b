"""Conditions that answer a question of the order: yes when active and confirmed, no when refuted.

Refuses to read anything between the two, and to take silence for no: a message without a
Condition leaves the question open, and the rules judge that.
"""

from __future__ import annotations

from pumpctl.intake.fhir.codes import CONDITION_CLINICAL, CONDITION_VERIFICATION, CONDITIONS, SNOMED
from pumpctl.intake.fhir.concept import coded, read_code
from pumpctl.intake.fhir.element import Element, FhirRefused
from pumpctl.intake.fhir.message import Message
from pumpctl.intake.fhir.patient import check_subject
from pumpctl.intake.fhir.quantity import Json
from pumpctl.intake.fhir.sheet import Answer, Sheet

FIELD_OF = {code: field for field, code, _ in CONDITIONS}
PRESENT = ("active", "recurrence", "relapse")


def read_conditions(message: Message, sheet: Sheet) -> None:
    for condition in message.all("Condition"):
        check_subject(message, condition, sheet)
        condition.ignore("identifier", "category", "encounter", "recordedDate", "recorder", "asserter", "participant")
        condition.ignore("onsetDateTime")  # since when, for something that holds now
        code = condition.child("code")
        if code is None:
            raise FhirRefused(condition.at("code"), "is missing", "say which condition")
        field = FIELD_OF[read_code(code, SNOMED, FIELD_OF, "a condition")]
        sheet.put(f"assessment.{field}", _holds(condition), condition.path)


def conditions(answers: dict[str, Answer], subject: Json) -> list[Json]:
    """Takes the questions answered yes; a no stays in the form."""
    found: list[Json] = []
    for field, code, display in CONDITIONS:
        if answers.get(f"assessment.{field}") is not True:
            continue
        del answers[f"assessment.{field}"]
        found.append(
            {
                "resourceType": "Condition",
                "id": field.replace("_", "-"),
                "clinicalStatus": coded(CONDITION_CLINICAL, "active", "Active"),
                "verificationStatus": coded(CONDITION_VERIFICATION, "confirmed", "Confirmed"),
                "code": coded(SNOMED, code, display),
                "subject": subject,
            }
        )
    return found


def _holds(condition: Element) -> bool:
    verification = condition.child("verificationStatus")
    if verification is None:
        why = "is missing; an unconfirmed condition is neither yes nor no"
        raise FhirRefused(condition.at("verificationStatus"), why, "state confirmed or refuted")
    verified = read_code(verification, CONDITION_VERIFICATION, ("confirmed", "refuted"), "a verification")
    clinical = condition.child("clinicalStatus")
    if verified == "refuted":
        if clinical is not None:
            raise FhirRefused(clinical.path, "stands beside refuted", "leave the clinical status out")
        return False
    if clinical is None:
        raise FhirRefused(condition.at("clinicalStatus"), "is missing", "state active, or answer in the order form")
    read_code(clinical, CONDITION_CLINICAL, PRESENT, "a condition that holds now")
    return True
