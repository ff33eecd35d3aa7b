"""Any order file: FHIR when its top level says `resourceType`, the native format otherwise.

Refuses to know what is in either. A file is never tried as the one after failing as the other.
"""

from __future__ import annotations

from pumpctl.core.order import Order
from pumpctl.core.order_text import parse_order

_KEY = b'"resourceType"'


def parse_any_order(text: str | bytes, name: str) -> Order:
    """The order in this text, or OrderUnreadable. `name` is where the text came from."""
    if not is_fhir(text):
        return parse_order(text, name)
    from pumpctl.intake.fhir.reading import parse_fhir  # noqa: PLC0415 - only who reads FHIR pays for it

    return parse_fhir(text, name)


def is_fhir(text: str | bytes) -> bool:
    """Whether it is meant as FHIR JSON; a native order has no such key anywhere."""
    content = text.encode() if isinstance(text, str) else text
    return content.lstrip().startswith(b"{") and _KEY in content
