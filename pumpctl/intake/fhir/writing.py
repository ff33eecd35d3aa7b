"""A native order as a FHIR Bundle, so that reading it gives the same order again.

Refuses what FHIR cannot carry, and to leave anything out: what no element takes goes into the
order form, and the result is read back before anybody gets it.
"""

from __future__ import annotations

import hashlib

from pumpctl.core.order import Order
from pumpctl.intake.fhir.codes import Release
from pumpctl.intake.fhir.condition import conditions
from pumpctl.intake.fhir.element import FhirRefused
from pumpctl.intake.fhir.form import form
from pumpctl.intake.fhir.json_text import read_tree, write_tree
from pumpctl.intake.fhir.medication import medication
from pumpctl.intake.fhir.observation import observations
from pumpctl.intake.fhir.patient import patient
from pumpctl.intake.fhir.quantity import Json
from pumpctl.intake.fhir.reading import read_order
from pumpctl.intake.fhir.request import request
from pumpctl.intake.fhir.sheet import NoFhir, flat


def write_fhir(order: Order, release: Release) -> str:
    """The message as JSON text, or NoFhir."""
    text = write_tree(_bundle(order, release)) + "\n"
    try:
        again = read_order(read_tree(text))
    except FhirRefused as error:
        raise NoFhir(str(error)) from error
    if again != order:
        raise NoFhir("the order would not come back the same; nothing was written")
    return text


def _bundle(order: Order, release: Release) -> Json:
    answers = flat(order)
    del answers["format"]
    names = {kind: _name(order, kind) for kind in ("Patient", "Medication")}
    subject: Json = {"reference": names["Patient"]}
    written = request(answers, release, subject, {"reference": names["Medication"]})
    resources = [
        written,
        medication(answers, release),
        patient(answers),
        *observations(answers, subject),
        *conditions(answers, subject),
    ]
    answered = form(answers, subject, written.get("authoredOn"))
    if answered is not None:
        resources.append(answered)
    entries = [{"fullUrl": _name(order, _label(one)), "resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _label(resource: Json) -> str:
    """There is one Patient and one Medication, which others refer to."""
    kind = str(resource["resourceType"])
    return kind if kind in {"Patient", "Medication"} else f"{kind}/{resource['id']}"


def _name(order: Order, label: str) -> str:
    """A version 8 UUID (RFC 9562) out of the order's digest: the same order has the same names each time."""
    digits = hashlib.sha256(f"{order.digest}/{label}".encode()).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
