"""Where the metrics are served: a port of this host, for this host alone.

Refuses every address that another machine could reach: the page has no password, and needs none here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pumpctl.shell.new_era_settings import Number, is_loopback


def _is_loopback(value: str) -> str:
    if not is_loopback(value):
        raise ValueError("must be a numeric loopback address (127.0.0.1 or ::1): the page has no password")
    return value


class MetricsSettings(BaseModel):
    """The table [metrics]. Without it nothing is counted and nobody listens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Annotated[Number, Field(ge=1, le=65_535)] = 9464
    address: Annotated[str, Field(min_length=1, max_length=45), AfterValidator(_is_loopback)] = "127.0.0.1"
