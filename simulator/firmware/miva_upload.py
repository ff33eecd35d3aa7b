"""How a simulated MIVA pump takes a prescription: LI, eight blocks of LS, LC (docs/dialects/miva.md section 4).

Refuses to know the motor. What is not in order is refused with the digit that the source names for it; which of two
reasons comes first, and what is in range, is this project's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from protocols.miva.library import DrugLibrary
from protocols.miva.requests import ACCEPTED, RxRefusal
from protocols.miva.rx import BLOCK_BYTES, IMAGE_BYTES, Settings, is_whole, settings_of
from protocols.miva.seal import rx_seal
from simulator.profile import PumpProfile

_BEGIN = re.compile("LI([0-9A-Fa-f]{16})([0-9A-Fa-f]{8})([0-9A-Fa-f]{8})")
_BLOCK = re.compile("LS([0-9A-Fa-f]{8})([0-9A-Fa-f]{128})")
_CONFIRM = re.compile("LC([0-9A-Fa-f]{32})")
_BLOCKS = IMAGE_BYTES // BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class Accepted:
    """An image that the pump will run, and what it says."""

    image: bytes
    settings: Settings


class RxDesk:
    """At most one upload at a time; a new LI begins anew."""

    def __init__(self, profile: PumpProfile, library: DrugLibrary, serial: Callable[[], str]) -> None:
        self._profile = profile
        self._library = library
        self._serial = serial
        self._blocks: dict[int, bytes] | None = None

    def begin(self, text: str, *, ready: bool) -> str:
        """The answer to LI."""
        self._blocks = None
        asked = _BEGIN.fullmatch(text)
        if asked is None:
            return f"LI{RxRefusal.UNEXPECTED_INPUT.value}"
        if not ready:
            return f"LI{RxRefusal.WRONG_STATE.value}"
        if bytes.fromhex(asked[1]) != self._serial().encode("ascii"):
            return f"LI{RxRefusal.SERIAL_NUMBER.value}"
        if (int(asked[2], 16), int(asked[3], 16)) != (self._library.crc, self._library.number):
            return f"LI{RxRefusal.LIBRARY.value}"
        self._blocks = {}
        return f"LI{ACCEPTED}"

    def take_block(self, text: str) -> str | None:
        """The answer to LS; none while no upload has begun, and none for a block that there is not."""
        block = _BLOCK.fullmatch(text)
        if block is None or self._blocks is None or int(block[1], 16) >= _BLOCKS:
            return None
        self._blocks[int(block[1], 16)] = bytes.fromhex(block[2])
        return f"LS{block[1]}"

    def confirm(self, text: str, *, ready: bool) -> Accepted | RxRefusal:
        """What LC makes of the blocks, which are used up by it."""
        blocks, self._blocks = self._blocks, None
        seal = _CONFIRM.fullmatch(text)
        if blocks is None or seal is None:
            return RxRefusal.UNEXPECTED_INPUT
        if not ready:
            return RxRefusal.WRONG_STATE
        image = b"".join(blocks.get(place, b"") for place in range(_BLOCKS))
        if not is_whole(image):
            return RxRefusal.DATA_INTEGRITY
        if bytes.fromhex(seal[1]) != rx_seal(self._serial(), image):
            return RxRefusal.AUTHORISATION
        if (int.from_bytes(image[84:88], "little"), image[256]) != (
            self._library.protocol_crc,
            self._library.protocol_index,
        ):
            return RxRefusal.PROTOCOL_CRC
        settings = settings_of(image)
        if settings is None or not self._in_range(settings):
            return RxRefusal.DATA_INTEGRITY
        return Accepted(image, settings)

    def _in_range(self, settings: Settings) -> bool:
        profile = self._profile
        settable = settings.rate_ul_h % profile.flow_step_ul_h == 0 and settings.vtbi_ul % profile.volume_step_ul == 0
        in_range = profile.min_flow_ul_h <= settings.rate_ul_h <= profile.max_flow_ul_h
        return settable and in_range and 0 < settings.vtbi_ul <= profile.reservoir_ul and settings.kvo_ul_h == 0
