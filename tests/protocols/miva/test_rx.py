"""An Rx and its seal, against what the maker's driver wrote, and the read-back that the log gives."""

from __future__ import annotations

import struct

import pytest

from protocols.errors import LocalProtocolError
from protocols.miva.rx import (
    Component,
    Rx,
    Settings,
    blocks_of,
    is_whole,
    logged_image,
    name_of,
    rx_image,
    settings_of,
    with_settings,
)
from protocols.miva.seal import encrypt_block, rx_seal
from tests.protocols.miva import golden

HOME = Rx(10_000, 100_000, "Home SC", (), 0x1C9646CA, 5)
LABELLED = Rx(10_000, 100_000, "0123ABCD4", (Component("magnesium_sulfate", "20 mg/mL"),), 1, 0)
IMAGE = rx_image(HOME)


def test_the_image_is_the_one_of_the_makers_driver() -> None:
    assert golden.UPLOAD_IMAGE == IMAGE
    assert b"".join(blocks_of(IMAGE)) == IMAGE
    assert [len(block) for block in blocks_of(IMAGE)] == [64] * 8


def test_the_seal_is_the_one_of_the_makers_driver() -> None:
    assert rx_seal(golden.UPLOAD_SERIAL, IMAGE).hex().upper() == golden.UPLOAD_SEAL
    assert rx_seal("SIM00002", IMAGE).hex().upper() != golden.UPLOAD_SEAL
    with pytest.raises(LocalProtocolError):
        rx_seal("SIM0001", IMAGE)


def test_the_cipher_is_that_of_the_standard() -> None:
    """FIPS 197 appendix C.3, and the AES-256 ECB example of NIST SP 800-38A F.1.5."""
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert encrypt_block(bytes(range(32)), block).hex() == "8ea2b7ca516745bfeafc49904b496089"
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    assert encrypt_block(key, bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")).hex() == (
        "f3eed1bdb5d2a03c064b5a7e3db181f8"
    )


def test_what_an_image_would_run_is_read_from_it() -> None:
    assert settings_of(IMAGE) == Settings(10_000, 100_000, 0)
    assert (name_of(IMAGE), name_of(rx_image(LABELLED))) == ("Home SC", "0123ABCD4")
    changed = with_settings(IMAGE, Settings(10_250, 99_750, 1_000))
    assert settings_of(changed) == Settings(10_250, 99_750, 1_000)
    assert is_whole(IMAGE)
    assert not is_whole(changed)


@pytest.mark.parametrize(
    ("place", "value"),
    [(93, b"\1"), (97, b"\1"), (80, b"\1"), (80, b"\2"), (8, b"\0\0\x80\x3f"), (12, b"\1"), (16, b"\1"),
     (24, b"\0\0\x80\x3f"), (0, b"\0\0\x80\x7f"), (0, b"\0\0\xc0\x7f"), (4, b"\0\0\x80\xbf"), (4, b"\xff\xff\x7f\x7f")],
)  # fmt: skip
def test_an_image_that_does_more_or_less_has_no_settings(place: int, value: bytes) -> None:
    assert settings_of(IMAGE[:place] + value + IMAGE[place + len(value) :]) is None


@pytest.mark.parametrize("volume_ul", [250, 10_000, 99_750, 999_750])
def test_a_step_that_both_number_forms_hold_is_exact(volume_ul: int) -> None:
    image = rx_image(Rx(volume_ul, volume_ul, "", (), 0, 0))
    assert settings_of(image) == Settings(volume_ul, volume_ul, 0)
    assert struct.unpack("<f", image[:4])[0] * 1000 == volume_ul


@pytest.mark.parametrize("volume_ul", [0, -250, 100, 125, 10_100, 1_000_000])
def test_what_the_format_cannot_hold_exactly_is_refused(volume_ul: int) -> None:
    with pytest.raises(LocalProtocolError):
        rx_image(Rx(volume_ul, 100_000, "", (), 0, 0))
    with pytest.raises(LocalProtocolError):
        rx_image(Rx(10_000, volume_ul, "", (), 0, 0))


@pytest.mark.parametrize(
    "rx",
    [Rx(250, 250, "0123456789", (), 0, 0), Rx(250, 250, "a\nb", (), 0, 0),
     Rx(250, 250, "", (Component("m" * 21, ""),), 0, 0), Rx(250, 250, "", 4 * (Component("m", "1"),), 0, 0)],
)  # fmt: skip
def test_a_text_that_does_not_fit_is_refused_not_cut(rx: Rx) -> None:
    with pytest.raises(LocalProtocolError):
        rx_image(rx)


def test_the_log_shows_every_figure_of_the_image() -> None:
    """The offsets are those at which the maker's `parse_infusion_data_log` looks."""
    logged = logged_image(rx_image(LABELLED))
    assert len(logged) == 256
    assert struct.unpack(">ff", logged[:8]) == (10.0, 100.0)
    assert int.from_bytes(logged[80:84], "big") == 0b100011
    assert (int.from_bytes(logged[88:90], "big"), int.from_bytes(logged[90:92], "big")) == (0xFFFF, 100)
    assert (logged[93], logged[97]) == (0, 0)
    assert logged[99:109] == b"0123ABCD4\0"
    assert logged[119:139].rstrip(b"\0") == b"magnesium_sulfate"
    assert logged[139:154].rstrip(b"\0") == b"20 mg/mL"
    assert logged[224:227] == b"\0\xff\xff"


def test_no_byte_that_is_logged_hides_another() -> None:
    """Every bit of what the log covers shows in it."""
    logged = logged_image(IMAGE)
    for place in [*range(224), 256, 257, 258]:
        changed = IMAGE[:place] + bytes([IMAGE[place] ^ 1]) + IMAGE[place + 1 :]
        assert logged_image(changed) != logged
