"""The dialects that a simulated pump can speak, by name. Refuses to know more of each."""

from __future__ import annotations

from simulator.firmware.alaris_pump import ALARIS
from simulator.firmware.companion_pump import COMPANION
from simulator.firmware.dialect import Dialect
from simulator.firmware.miva_pump import MIVA
from simulator.firmware.new_era import new_era

DIALECTS: dict[str, Dialect] = {"companion": COMPANION, "alaris": ALARIS, "miva": MIVA, "new_era": new_era()}
