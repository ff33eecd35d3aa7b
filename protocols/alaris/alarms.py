"""The alarm codes of an Alaris pump (docs/dialects/alaris.md): names from OpenICE, meanings read off the names.

Refuses to know what to do about one: that is the driver's.
"""

from __future__ import annotations

from enum import Enum


class Alarm(Enum):
    """Valued as the pump writes them; named for what they are taken to mean."""

    NONE = "AL_NOALM"
    OCCLUSION = "AL_OCCLU"
    COMMUNICATIONS_TIMEOUT = "AL_COMTO"
    VTBI_DONE_STOPPED = "AL_VTBIS"
    VTBI_DONE_KVO = "AL_VTBIK"
    VTBI_DONE_CONTINUES = "AL_VTBIC"
    MAINS_LOST = "AL_ACDIS"
    CALL_BACK = "AL_CALLB"
    LOADED_SCREEN = "AL_LDSCN"
    DRIVE_DISENGAGED = "AL_DRDIS"
    BATTERY_EMPTY = "AL_EMBAT"
    BATTERY_LOW = "AL_LWBAT"
    BATTERY_LOW_AC = "AL_LBTAC"
    END_OF_INFUSION_KVO = "AL_EOIKV"
    END_OF_INFUSION_STOPPED = "AL_EOIST"
    NEAR_END = "AL_NEOIN"
    FAULT = "AL_FAULT"
    PRESSURE_DISC = "AL_PRDSC"
    RATE_HIGH = "AL_RHIGH"
    SYRINGE_CLAMP = "AL_SYRCO"
    TITRATION_TG = "AL_TCITG"
    TITRATION_CA = "AL_TITCA"
    TITRATION_NC = "AL_TITNC"


KNOWN = {alarm.value: alarm for alarm in Alarm}
