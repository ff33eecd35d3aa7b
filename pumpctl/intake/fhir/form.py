"""The order form: a QuestionnaireResponse that answers what FHIR has no element for.

Refuses to know the questions. A link id is the path of the native order, "assessment.dialysis", so
a field that the native order gains needs no mapping; which paths exist is order.py's to say.
"""

from __future__ import annotations

import re

from pumpctl.intake.fhir.codes import ORDER_FORM
from pumpctl.intake.fhir.element import Element, FhirRefused
from pumpctl.intake.fhir.json_text import Number
from pumpctl.intake.fhir.message import Message
from pumpctl.intake.fhir.patient import check_subject
from pumpctl.intake.fhir.quantity import Json, quantity, read_quantity
from pumpctl.intake.fhir.sheet import EMPTY_LIST, Answer, NoFhir, Sheet

MAX_ITEMS = 2000  # order.py's own bounds come to less


def read_form(message: Message, sheet: Sheet) -> None:
    form = message.at_most_one("QuestionnaireResponse")
    if form is None:
        # Without the form the phase has no kind, so the rules refuse it (U05); this lets them say all that is missing.
        sheet.put("version", 1, "a message without an order form")
        return
    check_subject(message, form, sheet)
    form.one_of("status", "completed", "amended")
    form.one_of("questionnaire", ORDER_FORM)
    form.ignore("identifier", "authored", "author", "source", "encounter")  # who typed; the order names who answers
    items = form.children("item")
    if len(items) > MAX_ITEMS:
        raise FhirRefused(form.at("item"), f"has more than {MAX_ITEMS} members", "send one order")
    for item in items:
        item.ignore("text", "definition")  # the link id is what is asked; the text repeats it for people
        path, answer = item.text("linkId"), item.only("answer")
        if path is None:
            raise FhirRefused(item.at("linkId"), "is missing", "name the answer's path in the native order")
        if answer is None:
            continue  # asked and not answered
        sheet.put(path, _read(answer, path), answer.path)


def form(answers: dict[str, Answer], subject: Json, authored: object) -> Json | None:
    """Everything that is left."""
    if not answers:
        return None
    head: Json = {
        "resourceType": "QuestionnaireResponse",
        "id": "order-form",
        "questionnaire": ORDER_FORM,
        "status": "completed",
        "subject": subject,
    }
    if authored is not None:
        head["authored"] = authored
    items = [
        {"linkId": path, "text": _words(path), "answer": [_answer(path, value)]} for path, value in answers.items()
    ]
    return head | {"item": items}


def _read(answer: Element, path: str) -> Answer:
    given = [key for key in _KINDS if key in answer]
    if len(given) != 1:
        why = f"has none or several of {', '.join(_KINDS)}"
        raise FhirRefused(answer.path, why, "answer with one of these")
    key = given[0]
    if path.endswith(EMPTY_LIST) and answer.text("valueString") != "none":
        raise FhirRefused(answer.path, f"{path} asks whether there is none", 'answer with the text "none"')
    match key:
        case "valueBoolean":
            return answer.flag(key) is True
        case "valueInteger":
            return _whole(answer, key)
        case "valueQuantity":
            value = answer.child(key)
            return "" if value is None else read_quantity(value)
        case _:
            return answer.text(key) or ""


_KINDS = ("valueBoolean", "valueInteger", "valueQuantity", "valueString", "valueDateTime", "valueDate", "valueTime")


def _whole(answer: Element, key: str) -> int:
    number = answer.number(key) or ""
    if not _WHOLE.fullmatch(number):
        raise FhirRefused(answer.at(key), f"is {number}, not a whole number", "write digits only")
    return int(number)


_WHOLE = re.compile(r"0|[1-9][0-9]{0,9}")


def _answer(path: str, value: Answer) -> Json:
    match value:
        case bool():
            return {"valueBoolean": value}
        case int():
            return {"valueInteger": Number(value)}
        case str():
            if not value.strip() or not value.isprintable():
                raise NoFhir(f"{path} is {value!a}, which is no text in FHIR")
            measured = quantity(value)
            return {"valueString": value} if measured is None else {"valueQuantity": measured}


def _words(path: str) -> str:
    return path.removesuffix(EMPTY_LIST).replace("_", " ").replace(".", ": ")
