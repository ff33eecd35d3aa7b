"""A FHIR message: which resources it holds, and what its references point at.

Refuses to read a resource, to fetch one from anywhere, and to carry one that nothing will read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pumpctl.intake.fhir.codes import Release
from pumpctl.intake.fhir.element import Element, FhirRefused, shown

MAX_ENTRIES = 400  # order.py allows 200 results
READ = ("MedicationRequest", "Patient", "Observation", "Condition", "QuestionnaireResponse")
READ_WHEN_REFERRED_TO = ("Medication", "Practitioner")


@dataclass(frozen=True, slots=True)
class Resource:
    kind: str
    element: Element


@dataclass(slots=True)
class Message:
    """`by_name` holds what a reference can say: an entry's fullUrl, Type/id, or #id of a contained resource."""

    release: Release
    request: Element
    resources: tuple[Resource, ...]
    by_name: dict[str, Resource]
    referred_to: set[str] = field(default_factory=set[str])

    def all(self, kind: str) -> tuple[Element, ...]:
        return tuple(resource.element for resource in self.resources if resource.kind == kind)

    def at_most_one(self, kind: str) -> Element | None:
        found = self.all(kind)
        if len(found) > 1:
            raise FhirRefused(found[1].path, f"is a second {kind}", "send one order of one patient in a message")
        return found[0] if found else None

    def resolve(self, reference: Element, *kinds: str) -> Element | None:
        """What `reference` points at; None when it has no `reference`. `display` repeats it for people."""
        reference.ignore("display")
        name, said = reference.text("reference"), reference.text("type")
        if name is None:
            return None
        resource = self.by_name.get(name)
        where = reference.at("reference")
        if resource is None:
            raise FhirRefused(where, f"{shown(name)} is not in this message", "put the resource into the Bundle")
        if kinds and resource.kind not in kinds:
            why = f"points at a {resource.kind}, not at a {' or '.join(kinds)}"
            raise FhirRefused(where, why, "correct the reference")
        if said not in {None, resource.kind}:
            why = f"says {said}, and the reference leads to a {resource.kind}"
            raise FhirRefused(reference.at("type"), why, "correct the one that is wrong")
        self.referred_to.add(resource.element.path)
        return resource.element

    def finish(self) -> None:
        """What a reference alone makes part of the order must have been referred to."""
        for resource in self.resources:
            if resource.kind in READ_WHEN_REFERRED_TO and resource.element.path not in self.referred_to:
                why = f"no reference of the order leads to this {resource.kind}"
                raise FhirRefused(resource.element.path, why, "refer to it, or take it out")


def open_message(root: Element) -> Message:
    """From a Bundle or a single MedicationRequest."""
    kind = root.text("resourceType")
    if kind == "MedicationRequest":
        resources = [Resource(kind, root)]
        by_name: dict[str, Resource] = {}
    elif kind == "Bundle":
        resources, by_name = _entries(root)
    else:
        why = f"is {shown(kind)}; an order comes as a MedicationRequest or a Bundle of type collection"
        raise FhirRefused(root.at("resourceType"), why, "send one of these")
    requests = [resource.element for resource in resources if resource.kind == "MedicationRequest"]
    if len(requests) != 1:
        why = f"holds {len(requests)} MedicationRequests"
        raise FhirRefused(root.path, why, "send exactly one order in a message")
    _add_contained(requests[0], resources, by_name)
    for resource in resources:
        _read_head(resource.element)
    return Message(release_of(requests[0]), requests[0], tuple(resources), by_name)


def release_of(request: Element) -> Release:
    """The releases name the medication differently; FHIR's JSON says its release nowhere else."""
    if "medication" in request:
        return Release.R5
    if "medicationReference" in request or "medicationCodeableConcept" in request:
        return Release.R4
    why = "neither medication (R5) nor medicationReference or medicationCodeableConcept (R4) is there"
    raise FhirRefused(request.path, why, "name the medication")


def _entries(bundle: Element) -> tuple[list[Resource], dict[str, Resource]]:
    bundle.one_of("type", "collection")
    bundle.ignore("identifier", "timestamp")  # of the message, not of the order
    _read_head(bundle)
    entries = bundle.children("entry")
    if len(entries) > MAX_ENTRIES:
        raise FhirRefused(bundle.at("entry"), f"has more than {MAX_ENTRIES} members", "send one order")
    resources: list[Resource] = []
    by_name: dict[str, Resource] = {}
    for entry in entries:
        element = entry.child("resource")
        if element is None:
            raise FhirRefused(entry.at("resource"), "is missing", "take the entry out")
        resource = Resource(_kind(element), element)
        resources.append(resource)
        own_name = f"{resource.kind}/{name}" if (name := element.text("id")) is not None else None
        for name in {entry.text("fullUrl"), own_name} - {None}:
            _add_name(by_name, str(name), resource)
    return resources, by_name


def _kind(element: Element) -> str:
    kind = element.text("resourceType")
    if kind not in READ and kind not in READ_WHEN_REFERRED_TO:
        why = f"{shown(kind)} has no place in a native order, and nothing is dropped silently"
        raise FhirRefused(element.at("resourceType"), why, "take it out of the message")
    return kind


def _add_contained(request: Element, resources: list[Resource], by_name: dict[str, Resource]) -> None:
    for element in request.children("contained"):
        resource = Resource(_kind(element), element)
        if resource.kind not in READ_WHEN_REFERRED_TO:
            why = f"a contained {resource.kind} is not read"
            raise FhirRefused(element.path, why, "send it as an entry of a Bundle")
        resources.append(resource)
        if (name := element.text("id")) is not None:
            _add_name(by_name, f"#{name}", resource)


def _add_name(by_name: dict[str, Resource], name: str, resource: Resource) -> None:
    if name in by_name:
        why = f"{shown(name)} also names {by_name[name].element.path}"
        raise FhirRefused(resource.element.path, why, "give each resource a name of its own")
    by_name[name] = resource


def _read_head(resource: Element) -> None:
    """What every resource has: nothing here says anything about the order, or it is refused."""
    resource.ignore("resourceType", "language")
    meta = resource.child("meta")
    if meta is not None:
        meta.ignore("versionId", "lastUpdated", "source", "profile")  # tags stay unread: one of them says "incomplete"
    narrative = resource.child("text")
    if narrative is not None:
        narrative.one_of("status", "generated", "extensions", "empty")  # "additional" would say more than the elements
        narrative.ignore("div")
