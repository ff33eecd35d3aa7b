"""What a MIVA pump can be asked over its line, and what an answer must look like (docs/dialects/miva.md section 3).

Refuses to know bytes and turns. A short request is answered by its own two letters; a query that begins with `:` or
`*` by a bare value, which fits any query of the same kind: whoever asks one must stand it between two short ones.
Only what this project uses has a form here. Requests that press the pump's keys (KE), switch it off (WT00), change
its key, clock, calibration or library have none, and so can never leave.
"""

from __future__ import annotations

import re
from enum import Enum

from protocols.errors import LocalProtocolError
from protocols.miva.rx import BLOCK_BYTES

RUN = "WT01"
STOP = "WT02"
KEY_DONE = "WT"  # answers both of them: it does not say which
IS_RUNNING = ":INFU:RUN?"
INFUSION_RATE = ":INFU:RATE?"
PROTOCOL_RATE = ":PROT:RATE?"
CONTINUOUS = "CONT"
ML_PER_H = "ML/HR"
SIMULATED_SERIAL = "SIM"  # no serial number that the source shows begins so; ours all do


class RxRefusal(Enum):
    """The letter that LI or LC answers; 0 is none of them."""

    UNEXPECTED_INPUT = "1"
    SERIAL_NUMBER = "2"
    LIBRARY = "3"
    PROTOCOL_CRC = "4"
    WRONG_STATE = "5"
    DATA_INTEGRITY = "6"
    AUTHORISATION = "7"


ACCEPTED = "0"

_HEX = "[0-9A-F]"
_DECIMAL = r"([0-9]{1,4}(?:\.[0-9]{1,3})?)"
_ANSWERS = {
    "RN": "RN([A-Z0-9]{8})",
    "RS": r"RS([A-Za-z0-9.\-]{1,16})",
    "RL": "RL([ -~]{20})",
    "RC": f"RC({_HEX}{{8}})",
    "R3": f"R3({_HEX}{{4}})",
    "R7": f"R7({_HEX}{{4}})",
    "R8": f"R8({_HEX}{{4}})({_HEX}{{6}})",
    "RI": f"RI({_HEX}{{8}})({_HEX}{{8}})",
    "S9": f"S9({_HEX}{{9}})",
    "Q0": "Q0([A-Z]{1,12})",
    "Q5": f"Q5({_HEX}{{1,8}})",
    "Q6": f"Q6({_HEX}{{1,8}})",
    "QC": "QC([A-Z/]{1,12})",
    "QD": f"QD({_HEX}{{1,8}})",
    "QE": f"QE({_HEX}{{1,8}})",
    IS_RUNNING: "(TRUE|FALSE)",
    INFUSION_RATE: _DECIMAL,
    PROTOCOL_RATE: _DECIMAL,
    RUN: "(WT)",
}
_PLAIN = {request: re.compile(pattern) for request, pattern in _ANSWERS.items()}
_INDEXED = re.compile(f"(RE|LS)({_HEX}{{8}})({_HEX}*)")
_RX_BEGIN_OR_END = re.compile(f"(LI|LC){_HEX}{{32}}")


def read_record(index: int) -> str:
    """RE: one row of the event log."""
    return f"RE{index:08X}"


def begin_rx(serial: str, library_crc: int, library_number: int) -> str:
    """LI."""
    return f"LI{serial.encode('ascii').hex().upper()}{library_crc:08X}{library_number:08X}"


def send_block(index: int, block: bytes) -> str:
    """LS."""
    if len(block) != BLOCK_BYTES:
        raise LocalProtocolError(f"{len(block)} bytes are not a block of {BLOCK_BYTES}")
    return f"LS{index:08X}{block.hex().upper()}"


def confirm_rx(seal: bytes) -> str:
    """LC."""
    return f"LC{seal.hex().upper()}"


def answer_to(request: str, text: str) -> tuple[str, ...] | None:
    """The values in an answer to `request`; None when this text is not one."""
    found = _pattern_for(request).fullmatch(text)
    return None if found is None else found.groups()


def _pattern_for(request: str) -> re.Pattern[str]:
    if request in _PLAIN:
        return _PLAIN[request]
    if indexed := _INDEXED.fullmatch(request):
        name, index = indexed[1], indexed[2]
        return re.compile(f"RE{index}({_HEX}{{32}})" if name == "RE" else f"LS({index})")
    if begun := _RX_BEGIN_OR_END.fullmatch(request):
        return re.compile(f"{begun[1]}([0-9A-Ea-e])")
    raise LocalProtocolError(f"{request!r} is nothing that this link asks")
