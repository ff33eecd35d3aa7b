"""Who the order is for: Patient, identifiers, age, sex.

Refuses to choose between two identifiers, and to take a resource about one person for another's.
"""

from __future__ import annotations

import re
from datetime import date

from pumpctl.intake.fhir.element import Element, FhirRefused, shown
from pumpctl.intake.fhir.message import Message
from pumpctl.intake.fhir.quantity import Json
from pumpctl.intake.fhir.sheet import Answer, Sheet

SEPARATOR = "|"  # as FHIR searches write it: system|value


def read_patient(message: Message, sheet: Sheet) -> None:
    """After the request, whose date the age is counted at."""
    patient = message.at_most_one("Patient")
    subject = _required(message.request)
    if patient is None:
        message.resolve(subject, "Patient")
        identifier = subject.child("identifier")
        if identifier is None:
            raise FhirRefused(subject.at("identifier"), "is missing, and no Patient is there", "say who the patient is")
        sheet.put("patient.id", read_identifier(identifier), identifier.path)
        return
    _read_resource(patient, sheet)
    check_subject(message, message.request, sheet)


def check_subject(message: Message, about: Element, sheet: Sheet) -> None:
    """Its subject is the patient of the order."""
    subject = _required(about)
    identifier = subject.child("identifier")
    patient = message.resolve(subject, "Patient")
    said = None if identifier is None else read_identifier(identifier)
    if patient is None and said is None:
        raise FhirRefused(subject.path, "has neither a reference nor an identifier", "say who the patient is")
    if said is not None and said != sheet.get("patient.id"):
        why = f"is about {shown(said)}, the order about {shown(sheet.get('patient.id'))}"
        raise FhirRefused(subject.path, why, "send one order of one patient in a message")


def read_identifier(identifier: Element) -> str:
    """ "system|value", or the value alone when there is no system: a number means little without who gave it."""
    identifier.ignore("type", "assigner")
    identifier.one_of("use", None, "usual", "official")  # a temporary or old one is not who it was
    system, value = identifier.text("system"), identifier.text("value")
    if value is None:
        raise FhirRefused(identifier.at("value"), "is missing", "give the identifier")
    if SEPARATOR in (system or value):
        raise FhirRefused(identifier.path, f"has a {SEPARATOR} in it, which could name another", "use another one")
    return value if system is None else f"{system}{SEPARATOR}{value}"


def only_identifier(element: Element) -> str:
    identifier = element.only("identifier")
    if identifier is None:
        raise FhirRefused(element.at("identifier"), "is missing", "give exactly one identifier")
    return read_identifier(identifier)


def identifier(text: str) -> Json:
    system, separator, value = text.partition(SEPARATOR)
    return {"system": system, "value": value} if separator else {"value": text}


def patient(answers: dict[str, Answer]) -> Json:
    """Takes from `answers` what a Patient carries."""
    resource: Json = {"resourceType": "Patient", "id": "patient", "identifier": [identifier(_id(answers))]}
    if answers.get("patient.sex") in GENDERS:
        resource["gender"] = answers.pop("patient.sex")
    return resource


GENDERS = ("female", "male")
UNKNOWN = "unknown"  # as good as not stated


def _id(answers: dict[str, Answer]) -> str:
    return str(answers.pop("patient.id"))


def _required(about: Element) -> Element:
    subject = about.child("subject")
    if subject is None:
        raise FhirRefused(about.at("subject"), "is missing", "say who the patient is")
    return subject


def _read_resource(patient: Element, sheet: Sheet) -> None:
    patient.ignore("name", "telecom", "address", "contact", "communication", "photo", "maritalStatus")
    patient.ignore("managingOrganization", "generalPractitioner", "multipleBirthBoolean", "multipleBirthInteger")
    sheet.put("patient.id", only_identifier(patient), patient.at("identifier[0]"))
    for key, living in (("active", True), ("deceasedBoolean", False)):
        if patient.flag(key) not in {None, living}:
            raise FhirRefused(patient.at(key), "says that this record is not to be used", "send the living record")
    gender = patient.one_of("gender", None, *GENDERS, UNKNOWN)
    sheet.put("patient.sex", None if gender == UNKNOWN else gender, patient.at("gender"))
    born = patient.text("birthDate")
    if born is not None:
        age = _years(born, str(sheet.get("authored_at") or ""), patient.at("birthDate"))
        sheet.put("patient.age", age, patient.at("birthDate"))


def _years(born: str, authored: str, where: str) -> str:
    """Completed years on the calendar day on which the order was written."""
    birth, day = _day(born), _day(authored[:10])
    if birth is None or day is None or birth > day:
        why = f"{shown(born)} and the order's date {shown(authored)} do not give an age"
        raise FhirRefused(where, why, "write both with year, month and day")
    return f"{day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))} y"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
