"""Frames of Alaris pumps that others wrote down, each with where it comes from.

Refuses to know our codec. CAPTURED: a literal in OpenICE's sources (host driver, simulated pump, or frames it took
from two real pumps, "Asena Rev 2.1.5"). MADE: what infupy 2022.1.11 makes of the same text; where
both exist they agree.
"""

from __future__ import annotations

CAPTURED = "OpenICE, a literal with this CRC"
MADE = "infupy 2022.1.11, genFrame"

REQUESTS: dict[str, str] = {
    "!INF|4961": CAPTURED,
    "!INST_SERIALNO|457D": CAPTURED,
    "!COMMS_PROTOCOL|E8DA": CAPTURED,
    "!COMMS_RESPONSE_MAX|7E29": CAPTURED,
    "!SYRINGE_STATUS|4102": CAPTURED,
    "!INF_RATE_MAX_SYRINGE|8F30": CAPTURED,
    "!ALARM|50B2": CAPTURED,
    "!REMOTE_CTRL^ENABLED^3CC1|B1F1": CAPTURED,
    "!REMOTE_CTRL^DISABLED|EF95": CAPTURED,
    "!REMOTE_CFG^ENABLED^3CC1|EE4F": MADE,
    "!REMOTE_CFG^DISABLED|F4B1": MADE,
    "!REMQUERY^DEACT|F295": CAPTURED,
    "!INF_RATE|8E6D": MADE,
    "!INF_RATE^0.1^ml/h|B775": CAPTURED,
    "!INF_RATE^3.50^ml/h|3885": CAPTURED,
    "!INF_RATE^25.00^ml/h|977B": MADE,
    "!INF_VI|B42C": MADE,
    "!INF_VI_CLEAR|A706": CAPTURED,
    "!INF_VTBI|8456": CAPTURED,
    "!INF_VTBI^ACTIV^11.000^ml^STOP|4433": CAPTURED,
    "!INF_VTBI^DEACT|D8C5": CAPTURED,
    "!INF_START|38F3": CAPTURED,
    "!INF_STOP|CD57": CAPTURED,
}

REPLIES: dict[str, str] = {
    "!INST_SERIALNO^8002-51740|050B": CAPTURED,
    "!INST_SERIALNO^8002-51733|ACFF": CAPTURED,
    "!COMMS_PROTOCOL^Asena Rev 2.1.5|661A": CAPTURED,
    "!COMMS_RESPONSE_MAX^4000^ms|DFDF": CAPTURED,
    "!SYRINGE_STATUS^BD PLASTIPAK^ 50^CONF|1CF8": CAPTURED,
    "!INF_RATE_MAX_SYRINGE^1200.00^ml/h|8575": CAPTURED,
    "!ALARM^AL_NOALM^ ^ |C73B": CAPTURED,
    "!REMOTE_CTRL^ENABLED^****^PERMIT^0^ms|7BB0": CAPTURED,
    "!REMOTE_CTRL^DISABLED^****^PERMIT^0^ms|3C5D": CAPTURED,
    "!REMOTE_CTRL^DISABLED|EF95": CAPTURED,
    "!REMQUERY^DEACT^^^^|E5C9": CAPTURED,
    "!INF_RATE^0.10^ml/h|D407": CAPTURED,
    "!INF_RATE^3.50^ml/h|3885": CAPTURED,
    "!INF_VI_CLEAR|A706": CAPTURED,
    "!INF_VTBI^ACTIV^11.000^ml^STOP|4433": CAPTURED,
    "!INF_VTBI^DEACT|D8C5": CAPTURED,
    "!INF_START|38F3": CAPTURED,
    "!INF_STOP|CD57": CAPTURED,
    "!INF^8002-51733^A^HLD^0.00^ml/h^^0.969^ml^530.15^mmHg^00:04:09^EVENT^214725|DB9D": CAPTURED,
    "!INF^8002-51740^-^SET^3.50^ml/h^^1.234^ml^17.91^mmHg^24+^EVENT^127904|8368": MADE,
}

# A whole frame, but nobody ever saw it used: our pump does not know it.
UNUSED = {"!INF_BOLUS^ENABLED|E288": CAPTURED}

# OpenICE's simulated pump writes this with the CRC of four carets: a slip, and no frame.
WRONG = {"!REMQUERY^DEACT^^^|E5C9": CAPTURED}

BYTES = {
    "!INF|4961": "21494e467c343936310d",
    "!INST_SERIALNO|457D": "21494e53545f53455249414c4e4f7c343537440d",
    "!INST_SERIALNO^8002-51740|050B": "21494e53545f53455249414c4e4f5e383030322d35313734307c303530420d",
    "!INF_RATE^3.50^ml/h|3885": "21494e465f524154455e332e35305e6d6c2f687c333838350d",
}

SECURITY_CODES = {"8002-51740": "3CC1", "8002-51733": "9535"}


def line(frame: str) -> bytes:
    """As it goes over the line."""
    return frame.encode("ascii") + b"\r"


def text(frame: str) -> str:
    """What stands between `!` and the checksum."""
    return frame[1:].rpartition("|")[0]
