"""A prescription as a MIVA pump takes it: 512 bytes, and the 256 bytes of it that its event log shows again.

Refuses to round: a flow or volume that a 4-byte float of millilitres cannot hold exactly, and that the pump's
hundredths cannot show, has no image (docs/dialects/miva.md section 4). Continuous mode in mL/h only.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from protocols.errors import LocalProtocolError

IMAGE_BYTES = 512
BLOCK_BYTES = 64
LOG_BYTES = 256
EXACT_STEP_UL = 250  # the least that is whole in binary fractions and in hundredths of a millilitre
MAX_SET_UL = 999_750
NAME_LETTERS = 9  # and a NUL
COMPONENTS = 3
_COMPONENT_NAME_BYTES, _STRENGTH_BYTES = 20, 15
_SEALED_BYTES = 252  # the CRC-32 that follows covers these
_RATE, _VTBI, _KVO = 1 << 0, 1 << 1, 1 << 5
_SWITCHES = _RATE | _VTBI | _KVO
_RATE_FACTOR = 100
_NOT_USED = 0xFF
_WORDS = slice(0, 88)  # parameters, switches and protocol CRC: 4-byte numbers
_HALVES = slice(88, 92)  # authorisation role and rate factor: 2-byte numbers
_LOGGED = 224  # then three index bytes
_MODE_PLACE, _RATE_UNIT_PLACE, _NAME_PLACE = 93, 97, 99


@dataclass(frozen=True, slots=True)
class Component:
    """What a person at the pump can read about the bag."""

    name: str
    strength: str


@dataclass(frozen=True, slots=True)
class Rx:
    """KVO is always 0, and said so. `protocol_crc` and `protocol_index` are those of the pump's drug library."""

    rate_ul_h: int
    vtbi_ul: int
    name: str
    components: tuple[Component, ...]
    protocol_crc: int
    protocol_index: int


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides about flow in an image, whoever wrote it."""

    rate_ul_h: int
    vtbi_ul: int
    kvo_ul_h: int


def rx_image(rx: Rx) -> bytes:
    """The 512 bytes that LS carries in blocks of 64."""
    parameters = struct.pack("<ff", _millilitres(rx.rate_ul_h), _millilitres(rx.vtbi_ul))
    parameters += struct.pack("<fIIff", 0.0, 0, 0, 0.0, 0.0)  # loading, time, delay start, KVO, KVO while delayed
    parameters += struct.pack("<ffff", 0.0, 0.0, 0.0, 0.0)  # concentration, drug amount, solvent, weight: not used
    image = parameters.ljust(80, b"\xff")
    image += struct.pack("<IIHHBBBBBBB", _SWITCHES, rx.protocol_crc, 0xFFFF, _RATE_FACTOR, 0, 0, 0xFF, 0xFF, 0, 0, 0)
    image += _text(rx.name, NAME_LETTERS, 10) + bytes(10)  # the name of a drug of the library: none is meant
    if len(rx.components) > COMPONENTS:
        raise LocalProtocolError(f"{len(rx.components)} components, an Rx has room for {COMPONENTS}")
    for component in rx.components:
        image += _text(component.name, _COMPONENT_NAME_BYTES, _COMPONENT_NAME_BYTES)
        image += _text(component.strength, _STRENGTH_BYTES, _STRENGTH_BYTES)
    image = image.ljust(_LOGGED, b"\0").ljust(_SEALED_BYTES, b"\xff")
    image += zlib.crc32(image).to_bytes(4, "little")
    return (image + bytes([rx.protocol_index, _NOT_USED, _NOT_USED])).ljust(IMAGE_BYTES, b"\0")


def blocks_of(image: bytes) -> tuple[bytes, ...]:
    """Eight, in the order of their index."""
    return tuple(image[start : start + BLOCK_BYTES] for start in range(0, IMAGE_BYTES, BLOCK_BYTES))


def is_whole(image: bytes) -> bool:
    """Its own CRC-32 fits."""
    return len(image) == IMAGE_BYTES and zlib.crc32(image[:_SEALED_BYTES]) == int.from_bytes(image[252:256], "little")


def logged_image(image: bytes) -> bytes:
    """The 256 bytes of the log: the pump's numbers have their high byte first, the three index bytes move up."""
    words = b"".join(image[place : place + 4][::-1] for place in range(0, _WORDS.stop, 4))
    halves = b"".join(image[place : place + 2][::-1] for place in range(_HALVES.start, _HALVES.stop, 2))
    return (words + halves + image[_HALVES.stop : _LOGGED] + image[256:259]).ljust(LOG_BYTES, b"\xff")


def with_settings(image: bytes, settings: Settings) -> bytes:
    """The image with these figures in place of its own, as a pump shows what its motor control holds."""
    figures = struct.pack("<ff", settings.rate_ul_h / 1000, settings.vtbi_ul / 1000)
    kvo = struct.pack("<f", settings.kvo_ul_h / 1000)
    return figures + image[8:20] + kvo + image[24:]


def settings_of(image: bytes) -> Settings | None:
    """None: not continuous in mL/h, without rate or VTBI, or with something else that would move drug."""
    switches = int.from_bytes(image[80:84], "little")
    loading, time_s, delay_s, kvo, delay_kvo = struct.unpack("<fIIff", image[8:28])
    if image[_MODE_PLACE] or image[_RATE_UNIT_PLACE] or (switches & (_RATE | _VTBI)) != _RATE | _VTBI:
        return None
    if loading or delay_s or delay_kvo or time_s:
        return None
    rate_ml_h, vtbi_ml = struct.unpack("<ff", image[:8])
    rate_ul_h, vtbi_ul = _microlitres(rate_ml_h), _microlitres(vtbi_ml)
    kvo_ul_h = _microlitres(kvo) if switches & _KVO else 0
    if rate_ul_h is None or vtbi_ul is None or kvo_ul_h is None:
        return None
    return Settings(rate_ul_h, vtbi_ul, kvo_ul_h)


def name_of(image: bytes) -> str:
    """As the pump would show it; what is no text shows as nothing."""
    name = image[_NAME_PLACE : _NAME_PLACE + 10].rstrip(b"\0 ")
    return name.decode("ascii") if name.isascii() and name.decode("ascii").isprintable() else ""


def _millilitres(volume_ul: int) -> float:
    if volume_ul % EXACT_STEP_UL or not 0 < volume_ul <= MAX_SET_UL:
        raise LocalProtocolError(f"{volume_ul} uL is not a step of {EXACT_STEP_UL} from 1 to {MAX_SET_UL}")
    return volume_ul / 1000


def _microlitres(volume_ml: float) -> int | None:
    """To the nearest; None for what no pump can be set to."""
    return round(volume_ml * 1000) if 0 <= volume_ml <= MAX_SET_UL / 1000 else None


def _text(text: str, letters: int, width: int) -> bytes:
    if len(text) > letters or not (text.isascii() and text.isprintable()):
        raise LocalProtocolError(f"{text!r} is not at most {letters} printable ASCII letters")
    return text.encode("ascii").ljust(width, b"\0")
