"""From the text of a FHIR message to a native order, or to the one line that says why not.

Refuses with the element's path, the reason and what to do. Values go through as text and are
judged with everything else; codes and shapes that cannot be mapped whole end here.
"""

from __future__ import annotations

from typing import cast

from pumpctl.core.order import Order
from pumpctl.core.order_text import OrderUnreadable
from pumpctl.core.units import Misread, Volume, read_quantity
from pumpctl.intake.fhir.condition import read_conditions
from pumpctl.intake.fhir.dosage import VOLUME
from pumpctl.intake.fhir.element import Element, FhirRefused
from pumpctl.intake.fhir.form import read_form
from pumpctl.intake.fhir.json_text import NotJson, read_tree
from pumpctl.intake.fhir.medication import BAG, read_medication
from pumpctl.intake.fhir.message import open_message
from pumpctl.intake.fhir.observation import read_observations
from pumpctl.intake.fhir.patient import read_patient
from pumpctl.intake.fhir.request import check_category, read_request
from pumpctl.intake.fhir.sheet import Sheet
from pumpctl.intake.fhir.structure import check_structure, load_model


def parse_fhir(text: str | bytes, name: str) -> Order:
    """R4 or R5, a Bundle or a MedicationRequest. `name` is where the text came from."""
    try:
        return read_order(read_tree(text))
    except NotJson as error:
        raise OrderUnreadable(f"{name}: not JSON: {error}", "correct the text") from None
    except FhirRefused as error:
        raise OrderUnreadable(f"{name}: {error}", error.next_step) from None


def read_order(tree: object) -> Order:
    """The order in a tree of read_tree()."""
    if not isinstance(tree, dict):
        raise FhirRefused("the file", "is not one FHIR resource", "send a Bundle or a MedicationRequest")
    content = cast("dict[str, object]", tree)
    kind = str(content.get("resourceType"))
    root = Element(kind if kind.isidentifier() else "the resource", content)
    message = open_message(root)
    load_model(kind, message.release)
    sheet = Sheet()
    read_request(message, sheet)
    read_medication(message, sheet)
    read_patient(message, sheet)
    read_observations(message, sheet)
    read_conditions(message, sheet)
    read_form(message, sheet)
    check_category(message.request, sheet)
    _check_whole_bag(sheet)
    message.finish()
    root.finish()
    check_structure(content, kind, message.release)  # last: what is refused above is said with what to do about it
    return sheet.order()


def _check_whole_bag(sheet: Sheet) -> None:
    """A strength per mL is no bag: the volume to infuse must be in it."""
    final, volume = (read_quantity(str(sheet.get(path)), Volume) for path in (f"{BAG}.final_volume", VOLUME))
    if not isinstance(final, Misread) and not isinstance(volume, Misread) and volume > final:
        where = sheet.where(f"{BAG}.final_volume")
        why = f"is less than the volume to infuse ({sheet.where(VOLUME)})"
        raise FhirRefused(where, why, "state the strength for the whole bag, as in 2 g in 100 mL")
