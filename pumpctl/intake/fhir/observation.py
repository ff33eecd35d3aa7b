"""Laboratory results, bedside observations, body weight and age, each an Observation of one LOINC code.

Refuses what is not a final value of this patient, and a unit that does not suit its code. The
native order has no date for weight and age: theirs is passed over.
"""

from __future__ import annotations

from pumpctl.intake.fhir.codes import LOINC, MEASUREMENTS, UCUM, UNITS, Measured
from pumpctl.intake.fhir.concept import coded, read_code
from pumpctl.intake.fhir.element import Element, FhirRefused, shown
from pumpctl.intake.fhir.message import Message
from pumpctl.intake.fhir.patient import check_subject
from pumpctl.intake.fhir.quantity import Json, instant, quantity, read_quantity
from pumpctl.intake.fhir.sheet import Answer, Sheet

FINAL = ("final", "amended", "corrected")  # each a value that somebody stands by
LISTS = ("results", "observations")


def read_observations(message: Message, sheet: Sheet) -> None:
    """The lists keep the order of the message; the form may go on where they end."""
    lengths = dict.fromkeys(LISTS, 0)
    for observation in message.all("Observation"):
        check_subject(message, observation, sheet)
        measured, value = _measured_value(observation)
        if measured.place not in lengths:
            observation.ignore("effectiveDateTime", "effectiveInstant")
            sheet.put(f"{measured.place}.{measured.kind}", value, observation.at("valueQuantity"))
            continue
        path = f"{measured.place}[{lengths[measured.place]}]"
        lengths[measured.place] += 1
        sheet.put(f"{path}.kind", measured.kind, observation.at("code"))
        sheet.put(f"{path}.value", value, observation.at("valueQuantity"))
        for key in ("effectiveDateTime", "effectiveInstant"):
            sheet.put(f"{path}.at", observation.text(key), observation.at(key))


def observations(answers: dict[str, Answer], subject: Json) -> list[Json]:
    """Takes from `answers` what Observations carry. Of a list that is its beginning, up to what has no code."""
    found: list[Json] = []
    for kind in ("weight", "age"):
        code = _code("patient", kind, answers.get(f"patient.{kind}"))
        if code is not None:
            value = quantity(str(answers.pop(f"patient.{kind}")))
            found.append(_observation(kind, code, value, subject))
    for place in LISTS:
        index = 0
        while (one := _listed(place, index, answers, subject)) is not None:  # bounded: the list ends
            found.append(one)
            index += 1
    return found


def _listed(place: str, index: int, answers: dict[str, Answer], subject: Json) -> Json | None:
    path = f"{place}[{index}]"
    code = _code(place, answers.get(f"{path}.kind"), answers.get(f"{path}.value"))
    if code is None:
        return None
    del answers[f"{path}.kind"]
    value = quantity(str(answers.pop(f"{path}.value")))
    observation = _observation(f"{place.removesuffix('s')}-{index}", code, value, subject)
    seen = instant(answers, f"{path}.at")
    return observation if seen is None else observation | {"effectiveDateTime": seen}


def _code(place: str, kind: object, text: object) -> str | None:
    """The code for a value as it is written, or None when there is none."""
    value = quantity(str(text))
    for code, measured in MEASUREMENTS.items():
        if (measured.place, measured.kind) == (place, kind) and value is not None and value["code"] in measured.units:
            return code
    return None


def _observation(name: str, code: str, value: Json | None, subject: Json) -> Json:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": coded(LOINC, code, MEASUREMENTS[code].display),
        "subject": subject,
        "valueQuantity": value,
    }


def _measured_value(observation: Element) -> tuple[Measured, str | None]:
    observation.one_of("status", *FINAL)
    observation.ignore("identifier", "category", "issued", "performer", "encounter", "interpretation", "referenceRange")
    concept = observation.child("code")
    if concept is None:
        raise FhirRefused(observation.at("code"), "is missing", "say what was measured")
    code = read_code(concept, LOINC, MEASUREMENTS, "a measurement")
    measured, value = MEASUREMENTS[code], observation.child("valueQuantity")
    if value is None:
        return measured, None
    unit = value.text("code")
    if value.text("system") == UCUM and unit in UNITS and unit not in measured.units:
        why = f"{shown(unit)} does not suit LOINC {code} ({measured.display})"
        raise FhirRefused(value.at("code"), why, f"correct the unit or the code; {' or '.join(measured.units)} suits")
    return measured, read_quantity(value)
