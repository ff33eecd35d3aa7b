"""Laboratory results, body weight and age, each an Observation of one LOINC code.

Refuses what is not a final value of this patient, and a unit that does not suit its code. The
native order has no date for weight and age: theirs is passed over.
"""

from __future__ import annotations

from pumpctl.intake.fhir.codes import LOINC, PERSON, RESULTS, UCUM, UNITS, Measured
from pumpctl.intake.fhir.concept import coded, read_code
from pumpctl.intake.fhir.element import Element, FhirRefused, shown
from pumpctl.intake.fhir.message import Message
from pumpctl.intake.fhir.patient import check_subject
from pumpctl.intake.fhir.quantity import Json, instant, quantity, read_quantity
from pumpctl.intake.fhir.sheet import Answer, NoFhir, Sheet

KNOWN = RESULTS | PERSON
FINAL = ("final", "amended", "corrected")  # each a value that somebody stands by


def read_observations(message: Message, sheet: Sheet) -> None:
    """Results keep the order in which the message gives them."""
    index = 0
    for observation in message.all("Observation"):
        check_subject(message, observation, sheet)
        code, value = _code_and_value(observation)
        if code in PERSON:
            observation.ignore("effectiveDateTime", "effectiveInstant")
            sheet.put(f"patient.{PERSON[code].kind}", value, observation.at("valueQuantity"))
            continue
        path = f"results[{index}]"
        sheet.put(f"{path}.kind", RESULTS[code].kind, observation.at("code"))
        sheet.put(f"{path}.value", value, observation.at("valueQuantity"))
        for key in ("effectiveDateTime", "effectiveInstant"):
            sheet.put(f"{path}.at", observation.text(key), observation.at(key))
        index += 1


def observations(answers: dict[str, Answer], subject: Json) -> list[Json]:
    """Takes from `answers` what Observations carry."""
    found: list[Json] = []
    for code, measured in PERSON.items():
        path = f"patient.{measured.kind}"
        value = quantity(str(answers.get(path, "")))
        if value is not None and value["code"] in measured.units:
            del answers[path]
            found.append(_observation(measured.kind, code, measured, value, subject))
    index = 0
    while f"results[{index}].kind" in answers:  # bounded: the list ends
        found.append(_result(f"results[{index}]", index, answers, subject))
        index += 1
    return found


def _result(path: str, index: int, answers: dict[str, Answer], subject: Json) -> Json:
    """A value that is no quantity stays in the form; its code is then the first of its kind."""
    kind = str(answers.pop(f"{path}.kind"))
    value = quantity(str(answers.get(f"{path}.value", "")))
    suiting = [
        (code, measured)
        for code, measured in RESULTS.items()
        if measured.kind == kind and (value is None or value["code"] in measured.units)
    ]
    if not suiting:
        raise NoFhir(f"{path}: no LOINC code known here measures {kind} as {answers.get(f'{path}.value')}")
    if value is not None:
        del answers[f"{path}.value"]
    observation = _observation(f"result-{index}", *suiting[0], value, subject)
    drawn = instant(answers, f"{path}.at")
    return observation if drawn is None else observation | {"effectiveDateTime": drawn}


def _observation(name: str, code: str, measured: Measured, value: Json | None, subject: Json) -> Json:
    observation: Json = {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": coded(LOINC, code, measured.display),
        "subject": subject,
    }
    return observation if value is None else observation | {"valueQuantity": value}


def _code_and_value(observation: Element) -> tuple[str, str | None]:
    observation.one_of("status", *FINAL)
    observation.ignore("identifier", "category", "issued", "performer", "encounter", "interpretation", "referenceRange")
    code_element = observation.child("code")
    if code_element is None:
        raise FhirRefused(observation.at("code"), "is missing", "say what was measured")
    code = read_code(code_element, LOINC, KNOWN, "a measurement")
    value = observation.child("valueQuantity")
    if value is None:
        return code, None
    unit = value.text("code")
    if value.text("system") == UCUM and unit in UNITS and unit not in KNOWN[code].units:
        why = f"{shown(unit)} does not suit LOINC {code} ({KNOWN[code].display})"
        raise FhirRefused(
            value.at("code"), why, f"correct the unit or the code; {' or '.join(KNOWN[code].units)} suits"
        )
    return code, read_quantity(value)
