"""How much, how fast, by which way: the one dosage instruction of an order.

Refuses to complete what is not stated: a rate ratio says volume and duration, a rate quantity
says the flow, and neither is worked out from the others (U06 wants each stated).
"""

from __future__ import annotations

from pumpctl.core.units import Basis, Duration, Mass, Misread, read_quantity
from pumpctl.intake.fhir.codes import DOSE_RATE_TYPE, INFUSE, ROUTES, SNOMED, Release
from pumpctl.intake.fhir.concept import coded, only_text, read_code
from pumpctl.intake.fhir.element import Element, FhirRefused
from pumpctl.intake.fhir.quantity import Json, quantity, read_ratio
from pumpctl.intake.fhir.quantity import read_quantity as read_fhir_quantity
from pumpctl.intake.fhir.sheet import Answer, Sheet
from pumpctl.intake.fhir.timing import DURATION, read_timing, timing

DOSE, VOLUME, FLOW = "phases[0].dose", "phases[0].volume", "phases[0].flow"
AS_NEEDED = {Release.R4: "asNeededBoolean", Release.R5: "asNeeded"}
PERIODS = ("24 h", "1 d")


def read_dosage(dosage: Element, release: Release, sheet: Sheet) -> None:
    dosage.ignore("sequence", "text")  # the only one; its sentence repeats for people what is coded
    if dosage.flag(AS_NEEDED[release]) is not False:
        raise FhirRefused(dosage.at(AS_NEEDED[release]), "is not false", "nothing is given as needed; state false")
    when = dosage.child("timing")
    if when is None:
        raise FhirRefused(dosage.at("timing"), "is missing", "say when, once or daily")
    read_timing(when, sheet)
    sheet.put("site", only_text(dosage.child("site")), dosage.at("site"))
    route = dosage.child("route")
    if route is not None:
        sheet.put("route", ROUTES[read_code(route, SNOMED, ROUTES, "a route")][0], route.path)
    method = dosage.child("method")
    if method is not None:
        read_code(method, SNOMED, INFUSE[:1], "a method")
    _read_amount(dosage, sheet)
    _check_most(dosage, release, sheet)


def dosage(answers: dict[str, Answer], release: Release) -> Json:
    """Takes from `answers` what a Dosage carries."""
    rate = _rate(answers)
    written: Json = {"timing": timing(answers), AS_NEEDED[release]: False}
    if "site" in answers:
        written["site"] = {"text": answers.pop("site")}
    for code, (route, display) in ROUTES.items():
        if answers.get("route") == route:
            del answers["route"]
            written["route"] = coded(SNOMED, code, display)
    written["method"] = coded(SNOMED, *INFUSE)
    dose = quantity(str(answers.get(DOSE, "")))
    if dose is not None:
        del answers[DOSE]
        rate = {"doseQuantity": dose} | rate
    if rate:
        written["doseAndRate"] = [{"type": coded(DOSE_RATE_TYPE, "ordered", "Ordered")} | rate]
    return written


def _rate(answers: dict[str, Answer]) -> Json:
    """Volume over duration, and the flow goes into the form; or the flow, and the volume does."""
    volume, duration = quantity(str(answers.get(VOLUME, ""))), quantity(str(answers.get(DURATION, "")))
    flow = quantity(str(answers.get(FLOW, "")))
    if volume is not None and duration is not None:
        del answers[VOLUME]
        return {"rateRatio": {"numerator": volume, "denominator": duration}}
    if flow is not None:
        del answers[FLOW]
        return {"rateQuantity": flow}
    return {}


def _read_amount(dosage: Element, sheet: Sheet) -> None:
    amount = dosage.only("doseAndRate")
    if amount is None:
        return
    kind = amount.child("type")
    if kind is not None:
        read_code(kind, DOSE_RATE_TYPE, ("ordered",), "a kind of dose")
    for key, path in (("doseQuantity", DOSE), ("rateQuantity", FLOW)):
        value = amount.child(key)
        if value is not None:
            sheet.put(path, read_fhir_quantity(value), value.path)
    ratio = amount.child("rateRatio")
    if ratio is not None:
        volume, duration = read_ratio(ratio)
        sheet.put(VOLUME, volume, ratio.at("numerator"))
        _put_duration(duration, ratio, sheet)


def _put_duration(duration: str, ratio: Element, sheet: Sheet) -> None:
    """`100 mL / 10 h` is this infusion only if it runs for 10 h; otherwise the volume would be another one."""
    stated = sheet.get(DURATION)
    if stated is None:
        sheet.put(DURATION, duration, ratio.at("denominator"))
    elif not _same(str(stated), duration):
        why = f"is {duration}, and {sheet.where(DURATION)} says {stated}"
        next_step = "state the whole volume over the whole duration, or a rateQuantity"
        raise FhirRefused(ratio.at("denominator"), why, next_step)


def _same(one: str, other: str) -> bool:
    first, second = read_quantity(one, Duration), read_quantity(other, Duration)
    return one == other or (not isinstance(first, Misread) and first == second)


def _check_most(dosage: Element, release: Release, sheet: Sheet) -> None:
    """A stated maximum adds nothing while one dose a day is below it; one that is exceeded contradicts the order."""
    single = dosage.child("maxDosePerAdministration")
    if single is not None:
        _check_bound(read_fhir_quantity(single), single.path, sheet)
    ratio = dosage.child("maxDosePerPeriod") if release is Release.R4 else dosage.only("maxDosePerPeriod")
    if ratio is not None:
        most, period = read_ratio(ratio)
        if period not in PERIODS:
            why = f"is {period}; only {' or '.join(PERIODS)} is compared"
            raise FhirRefused(ratio.at("denominator"), why, "state it for 24 h, or leave it out")
        _check_bound(most, ratio.path, sheet)


def _check_bound(most: str, where: str, sheet: Sheet) -> None:
    dose = str(sheet.get(DOSE))
    in_grams = [text.endswith("g") for text in (most, dose)]
    # Both in grams or both in mmol or mEq: then the salt does not change which is larger.
    bound, given = read_quantity(most, Mass, Basis.HEPTAHYDRATE), read_quantity(dose, Mass, Basis.HEPTAHYDRATE)
    if isinstance(bound, Misread) or isinstance(given, Misread) or in_grams[0] is not in_grams[1]:
        why = f"{most} cannot be compared with the dose, {dose}"
        raise FhirRefused(where, why, "state dose and maximum in the same unit")
    if given > bound:
        raise FhirRefused(where, f"{most} is below the dose, {dose}", "correct the one that slipped")
