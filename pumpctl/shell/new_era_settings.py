"""What a person tells of a New Era pump, because it cannot tell it itself: address, syringe, mode, and that it is none.

Refuses to believe `simulated` of a line that could lead to a real pump: a pseudo-terminal or this host alone.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pumpctl.configuration import NewEraSetup


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 (pydantic wants ValueError)
    return value


MAX_SYRINGE_ML = 99  # of the pump's four digits two are behind the point up to here, as its volume step needs

Number = Annotated[int, BeforeValidator(_not_bool)]


class NewEraSettings(BaseModel):
    """`safe_mode_s`: the silence after which the pump stops by itself; 0 is basic mode, in which it never does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: Annotated[Number, Field(ge=0, le=99)] = 0
    syringe_diameter_um: Annotated[Number, Field(ge=100, le=50_000)]
    syringe_ml: Annotated[Number, Field(ge=1)]
    safe_mode_s: Annotated[Number, Field(ge=0, le=255)]
    simulated: bool = False

    @model_validator(mode="after")
    def _fits_the_pump(self) -> NewEraSettings:
        if self.syringe_diameter_um >= 10_000 and self.syringe_diameter_um % 10:
            raise ValueError(
                "syringe_diameter_um: the pump takes four digits, from 10 mm on hundredths of a millimetre"
            )
        if self.syringe_ml > MAX_SYRINGE_ML:
            raise ValueError(
                f"syringe_ml: from 100 mL on the pump's four digits hold tenths of a millilitre only: "
                f"fill a larger syringe to {MAX_SYRINGE_ML} mL at most and declare that"
            )
        return self

    def setup(self) -> NewEraSetup:
        """What decisions are made on."""
        return NewEraSetup(
            self.address, self.syringe_diameter_um, self.syringe_ml * 1000, self.safe_mode_s, self.simulated
        )


def may_be_simulated(port: str) -> bool:
    """As far as the name of a port tells; what is opened is looked at again (port.py)."""
    host = re.fullmatch(r"socket://\[?([^/\]]+)\]?:[0-9]+", port)
    if host is None:
        return not Path(port).is_relative_to("/dev") or Path(port).is_relative_to("/dev/pts")
    return host.group(1) == "localhost" or is_loopback(host.group(1))


def is_loopback(address: str) -> bool:
    """Of a numeric address; a name is none."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
