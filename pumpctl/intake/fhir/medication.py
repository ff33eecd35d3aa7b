"""What is in the bag: one active ingredient, its strength for the whole bag, and the diluent.

Refuses to read a strength as a mere concentration, to choose among ingredients, and to take a
mass of "magnesium sulfate" for a mass of one salt: a code that names the salt does, or the form.
"""

from __future__ import annotations

from pumpctl.intake.fhir.codes import (
    DILUENT_TEXTS,
    DILUENTS,
    MAGNESIUM_SULFATE,
    RXNORM,
    SUBSTANCES,
    Release,
    Substance,
)
from pumpctl.intake.fhir.concept import codings, only_text
from pumpctl.intake.fhir.element import Element, FhirRefused, shown
from pumpctl.intake.fhir.message import Message
from pumpctl.intake.fhir.quantity import Json, quantity, read_ratio
from pumpctl.intake.fhir.sheet import Answer, NoFhir, Sheet

BAG = "phases[0].bag"


def read_medication(message: Message, sheet: Sheet) -> None:
    """From the request's code alone, or from the Medication that it refers to."""
    request = message.request
    match message.release:
        case Release.R4:
            concept, reference = request.child("medicationCodeableConcept"), request.child("medicationReference")
        case Release.R5:
            medication = request.child("medication")
            concept = None if medication is None else medication.child("concept")
            reference = None if medication is None else medication.child("reference")
    if concept is not None:
        _put_substance(*_substance(concept), concept.path, sheet)
    resource = None if reference is None else message.resolve(reference, "Medication")
    if resource is not None:
        _read_resource(resource, message.release, sheet)
    elif reference is not None:
        raise FhirRefused(reference.at("reference"), "is missing", "refer to a Medication in the message")


def medication(answers: dict[str, Answer], release: Release) -> Json:
    """Takes from `answers` what a Medication carries."""
    drug = answers.pop("product.drug", None)
    if drug != MAGNESIUM_SULFATE:
        raise NoFhir(f"product.drug is {drug or 'missing'}, for which no code is known here")
    active: Json = {_ITEM[release]: _item(release, _drug(answers)), "isActive": True}
    content, final = answers.get(f"{BAG}.content"), answers.get(f"{BAG}.final_volume")
    numerator, denominator = quantity(str(content)), quantity(str(final))
    if numerator is not None and denominator is not None:
        active[_STRENGTH[release]] = {"numerator": numerator, "denominator": denominator}
        del answers[f"{BAG}.content"], answers[f"{BAG}.final_volume"]
    ingredients = [active]
    diluent = answers.get(f"{BAG}.diluent")
    if diluent in DILUENT_TEXTS:
        del answers[f"{BAG}.diluent"]
        ingredients.append({_ITEM[release]: _item(release, {"text": DILUENT_TEXTS[str(diluent)]}), "isActive": False})
    return {"resourceType": "Medication", "id": "bag", "ingredient": ingredients}


_ITEM = {Release.R4: "itemCodeableConcept", Release.R5: "item"}
_STRENGTH = {Release.R4: "strength", Release.R5: "strengthRatio"}


def _item(release: Release, concept: Json) -> Json:
    return concept if release is Release.R4 else {"concept": concept}


def _drug(answers: dict[str, Answer]) -> Json:
    """The code that names the salt where the order does, beside the one that names the drug."""
    basis = answers.get("product.basis")
    chosen = [
        (key, substance)
        for key, substance in SUBSTANCES.items()
        if key[0] == RXNORM or (basis is not None and substance.basis == basis)
    ]
    if any(substance.basis is not None for _, substance in chosen):
        del answers["product.basis"]
    coding = [{"system": system, "code": code, "display": known.display} for (system, code), known in chosen]
    return {"coding": coding}


def _read_resource(resource: Element, release: Release, sheet: Sheet) -> None:
    resource.one_of("status", None, "active")
    resource.ignore("identifier", "form", "doseForm")  # a solution, which every bag holds
    active: list[Element] = []
    for ingredient in resource.children("ingredient"):
        is_active = ingredient.flag("isActive")
        if is_active is None:
            raise FhirRefused(ingredient.at("isActive"), "is missing", "say which ingredient is the drug")
        if is_active:
            active.append(ingredient)
        else:
            _read_diluent(ingredient, release, sheet)
    if len(active) != 1:
        why = f"has {len(active)} active members"
        raise FhirRefused(resource.at("ingredient"), why, "describe the bag with magnesium sulfate as its one drug")
    _read_active(active[0], resource.child("code"), release, sheet)


def _read_active(ingredient: Element, named: Element | None, release: Release, sheet: Sheet) -> None:
    concept = _concept(ingredient, release)
    drug, basis = _substance(concept)
    if named is not None and _substance(named)[1] not in {None, basis}:
        raise FhirRefused(named.path, f"names another salt than {concept.path}", "give both the same codes")
    _put_substance(drug, basis, concept.path, sheet)
    strength = ingredient.child(_STRENGTH[release])
    if strength is not None:
        content, final = read_ratio(strength)
        sheet.put(f"{BAG}.content", content, strength.at("numerator"))
        sheet.put(f"{BAG}.final_volume", final, strength.at("denominator"))


def _read_diluent(ingredient: Element, release: Release, sheet: Sheet) -> None:
    concept = _concept(ingredient, release)
    text = only_text(concept)
    if text not in DILUENTS:  # water passed on as an unknown text would be judged more mildly than water (P02)
        why = f"{shown(text)} is not a diluent that can be mapped"
        raise FhirRefused(concept.at("text"), why, f"one of {'; '.join(DILUENT_TEXTS.values())} can")
    sheet.put(f"{BAG}.diluent", DILUENTS[text], concept.at("text"))


def _concept(ingredient: Element, release: Release) -> Element:
    item = ingredient.child(_ITEM[release])
    concept = item if item is None or release is Release.R4 else item.child("concept")
    if concept is None:
        raise FhirRefused(ingredient.at(_ITEM[release]), "is missing or no concept", "name the ingredient by its code")
    return concept


def _substance(concept: Element) -> tuple[str, str | None]:
    """The drug and its basis. Every code must be known here: one that is not might name another drug."""
    found: list[Substance] = []
    for system, code, where in codings(concept):
        substance = SUBSTANCES.get((system, code))
        if substance is None:
            known = ", ".join(f"{each[0]} {each[1]}" for each in SUBSTANCES)
            raise FhirRefused(where, f"{shown(f'{system} {code}')} is not a drug given here", f"{known} are known")
        found.append(substance)
    if not found:
        raise FhirRefused(concept.at("coding"), "is missing; a drug is not read from words", "give the drug's code")
    bases = {substance.basis for substance in found} - {None}
    if len({substance.drug for substance in found}) != 1 or len(bases) > 1:
        raise FhirRefused(concept.at("coding"), "names more than one drug or salt", "name one")
    return found[0].drug, next(iter(bases), None)


def _put_substance(drug: str, basis: str | None, where: str, sheet: Sheet) -> None:
    sheet.put("product.drug", drug, where)
    sheet.put("product.basis", basis, where)
