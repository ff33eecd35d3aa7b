"""Drug libraries of MIVA pumps that an Rx can be loaded to, by the name that the pump answers (RL).

Refuses to know any but the simulator's: a pump's library is made with its maker's own builder, no query reads its CRC
and number, and none is published. The figures here are examples in the comments of the maker's driver.
"""

from __future__ import annotations

from dataclasses import dataclass

TITLE_LETTERS = 20


@dataclass(frozen=True, slots=True)
class DrugLibrary:
    """`protocol_crc` and `protocol_index` are those of its protocol for continuous infusion in mL/h."""

    title: str
    crc: int
    number: int
    protocol_crc: int
    protocol_index: int


SIMULATED = DrugLibrary("PUMPSIM-MG 001".ljust(TITLE_LETTERS), 0x6B6B8B66, 318, 0x1C9646CA, 5)
KNOWN_LIBRARIES = {SIMULATED.title: SIMULATED}
