"""The dialects that a simulated pump can speak, by name. Refuses to know more of each."""

from __future__ import annotations

from simulator.firmware.alaris_pump import ALARIS
from simulator.firmware.companion_pump import COMPANION
from simulator.firmware.dialect import Dialect
from simulator.firmware.miva_pump import MIVA
from simulator.firmware.new_era import new_era

DIALECTS: dict[str, Dialect] = {"companion": COMPANION, "alaris": ALARIS, "miva": MIVA, "new_era": new_era()}
ADDRESSED = {"new_era": new_era}  # more than one of them may hang on a line


def dialect_at(name: str, address: int) -> Dialect:
    """The dialect of a pump that was given this address."""
    return ADDRESSED[name](address) if name in ADDRESSED else DIALECTS[name]
