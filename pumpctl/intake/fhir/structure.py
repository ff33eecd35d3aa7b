"""Whether a message has the structure of its FHIR release: the library's part of the reading.

Refuses to trust what comes out of the library: it takes "2" for 2, any status, any unit and a
reference to nothing. So its verdict is used and its objects are not; reading.py reads the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic import ValidationError

from pumpctl.intake.fhir.codes import Release
from pumpctl.intake.fhir.element import FhirRefused
from pumpctl.intake.fhir.json_text import Number, as_written
from pumpctl.intake.fhir.sheet import path_of

if TYPE_CHECKING:
    from pydantic import BaseModel

SHOWN_ERRORS = 5


def check_structure(tree: dict[str, object], kind: str, release: Release) -> None:
    """Refuse what the release does not allow. `kind` is Bundle or MedicationRequest."""
    model = load_model(kind, release)
    try:
        model.model_validate(_with_numbers(tree))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        lines = [f"{path_of((kind, *entry['loc']))}: {_plainly(entry['msg'])}" for entry in found[:SHOWN_ERRORS]]
        if len(found) > SHOWN_ERRORS:
            lines.append(f"and {len(found) - SHOWN_ERRORS} more")
        raise FhirRefused(f"not FHIR {release.name}", "; ".join(lines), "correct the message") from None


def load_model(kind: str, release: Release) -> type[BaseModel]:
    """The library's class, or FhirRefused without the extra. It takes some 0.3 s, so it waits for a message."""
    try:
        match release:
            case Release.R4:
                from fhir.resources.R4B.bundle import Bundle as R4Bundle  # noqa: PLC0415
                from fhir.resources.R4B.medicationrequest import MedicationRequest as R4Request  # noqa: PLC0415

                return R4Bundle if kind == "Bundle" else R4Request
            case Release.R5:
                from fhir.resources.bundle import Bundle  # noqa: PLC0415
                from fhir.resources.medicationrequest import MedicationRequest  # noqa: PLC0415

                return Bundle if kind == "Bundle" else MedicationRequest
    except ImportError as error:
        why = f"needs the extra of that name, which is not installed ({error})"
        raise FhirRefused("FHIR", why, "pip install 'fhir.resources>=8.3,<9'") from None


def _with_numbers(node: object) -> object:
    match node:
        case Number():
            return as_written(node)
        case dict():
            return {key: _with_numbers(value) for key, value in cast("dict[str, object]", node).items()}
        case list():
            return [_with_numbers(value) for value in cast("list[object]", node)]
        case _:
            return node


def _plainly(message: str) -> str:
    if "does not match spec regex" in message and "DateTime" in message:
        return "is no FHIR time; a time of day needs its seconds and a UTC offset, as in 2026-12-01T20:00:00+01:00"
    return message[:1].lower() + message[1:]
