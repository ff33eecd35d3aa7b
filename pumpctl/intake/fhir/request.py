"""The MedicationRequest itself: that it is an order in force, whose, by whom, what for.

Refuses every status and intent but an active order, and what would make it another order than
it seems: do not perform, an earlier prescription, a note.
"""

from __future__ import annotations

from pumpctl.intake.fhir.codes import CATEGORY_OF, REQUEST_CATEGORY, Release
from pumpctl.intake.fhir.concept import coded, codings, only_text
from pumpctl.intake.fhir.dosage import dosage, read_dosage
from pumpctl.intake.fhir.element import Element, FhirRefused
from pumpctl.intake.fhir.message import Message
from pumpctl.intake.fhir.patient import SEPARATOR, identifier, only_identifier
from pumpctl.intake.fhir.quantity import Json, instant
from pumpctl.intake.fhir.sheet import Answer, NoFhir, Sheet

CONDITION_TEXT = "indication.condition"


def read_request(message: Message, sheet: Sheet) -> None:
    request = message.request
    request.one_of("status", "active")
    request.one_of("intent", "order")
    request.one_of("priority", None, "routine")  # haste has no place in a native order
    if request.flag("doNotPerform") is True:
        raise FhirRefused(request.at("doNotPerform"), "forbids what the rest describes", "send an order to be given")
    # Supply, cost and the visit: none of them changes what is infused.
    request.ignore("dispenseRequest", "insurance", "courseOfTherapyType", "encounter", "recorder")
    sheet.put("order_id", only_identifier(request), request.at("identifier[0]"))
    sheet.put("authored_at", request.text("authoredOn"), request.at("authoredOn"))
    _read_requester(message, sheet)
    reason = "reasonCode" if message.release is Release.R4 else "reason"
    sheet.put(CONDITION_TEXT, _reason(request, message.release), request.at(reason))
    for reference in request.children("supportingInformation"):
        message.resolve(reference)  # every resource of the message is read anyway
    instruction = request.only("dosageInstruction")
    if instruction is None:
        raise FhirRefused(request.at("dosageInstruction"), "is missing", "give exactly one")
    read_dosage(instruction, message.release, sheet)


def check_category(request: Element, sheet: Sheet) -> None:
    """Where it is given is answered in the form; a category that says otherwise is a contradiction."""
    for category in request.children("category"):
        found = codings(category)
        if not found:
            raise FhirRefused(category.at("coding"), "is missing; words are not read here", "give its code")
        for system, code, where in found:
            area = CATEGORY_OF.get(code) if system == REQUEST_CATEGORY else None
            stated = sheet.get("care_area")
            if area is None or stated not in {None, area}:
                why = f"is {code!a}, and the care area is {stated or 'not stated'}"
                raise FhirRefused(where, why, f"{' or '.join(CATEGORY_OF)} can stand there, to match the care area")


def request(answers: dict[str, Answer], release: Release, subject: Json, medication: Json) -> Json:
    """Takes from `answers` what a MedicationRequest carries. `subject` and `medication` are references."""
    if any(path.startswith("phases[1]") for path in answers):
        raise NoFhir("phases: a FHIR order here is one phase, since a MedicationRequest describes one bag")
    if answers.get("status", "active") != "active":
        raise NoFhir(f"status is {answers['status']}; only an active order is sent")
    written: Json = {
        "resourceType": "MedicationRequest",
        "id": "order",
        "identifier": [identifier(_named(answers, "order_id"))],
        "status": "active",
        "intent": "order",
    }
    area = answers.get("care_area")
    for code, meant in CATEGORY_OF.items():
        if area == meant:
            written["category"] = [coded(REQUEST_CATEGORY, code, code.capitalize())]
    match release:
        case Release.R4:
            written["medicationReference"] = medication
        case Release.R5:
            written["medication"] = {"reference": medication}
    written["subject"] = subject
    authored = instant(answers, "authored_at")
    if authored is not None:
        written["authoredOn"] = authored
    written["requester"] = {"display": answers.pop("prescriber")}
    if CONDITION_TEXT in answers:
        reason: Json = {"text": answers.pop(CONDITION_TEXT)}
        written |= {"reasonCode": [reason]} if release is Release.R4 else {"reason": [{"concept": reason}]}
    written["dosageInstruction"] = [dosage(answers, release)]
    return written


def _named(answers: dict[str, Answer], path: str) -> str:
    name = str(answers.pop(path))
    if name.startswith(SEPARATOR) or name.endswith(SEPARATOR) or name.count(SEPARATOR) > 1:
        raise NoFhir(f"{path} has a {SEPARATOR} that FHIR would read as the end of a system")
    return name


def _read_requester(message: Message, sheet: Sheet) -> None:
    requester = message.request.child("requester")
    if requester is None:
        raise FhirRefused(message.request.at("requester"), "is missing", "say who ordered it")
    display = requester.text("display")
    practitioner = message.resolve(requester, "Practitioner")
    if practitioner is None:
        sheet.put("prescriber", display, requester.at("display"))
        return
    practitioner.ignore("identifier", "active", "telecom", "address", "gender", "birthDate", "qualification", "photo")
    name = practitioner.only("name")
    text = None if name is None else name.text("text")
    if name is None or text is None or display not in {None, text}:
        why = "gives no name as text, or another than the display"
        raise FhirRefused(practitioner.at("name"), why, "give one name with its text, and the same in the display")
    name.ignore("use", "family", "given", "prefix", "suffix")
    sheet.put("prescriber", text, name.at("text"))


def _reason(request: Element, release: Release) -> str | None:
    match release:
        case Release.R4:
            return only_text(request.only("reasonCode"))
        case Release.R5:
            reason = request.only("reason")
            return None if reason is None else only_text(reason.child("concept"))
