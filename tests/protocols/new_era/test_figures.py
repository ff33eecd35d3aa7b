"""Numbers of a New Era pump: exact both ways, refused where four digits cannot hold them."""

from __future__ import annotations

import pytest

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.new_era.figures import dispensed_nl, number_text, rate_nl_h, shown_text, thousandths, volume_nl

NUMBERS = {
    "0": 0,
    "5.": 5_000,
    ".5": 500,
    "0.001": 1,
    "1.250": 1_250,
    "26.59": 26_590,
    "999.9": 999_900,
    "9999": 9_999_000,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_exactly_what_it_says(text: str) -> None:
    assert thousandths(text) == NUMBERS[text]
    assert thousandths(number_text(NUMBERS[text])) == NUMBERS[text]
    assert thousandths(shown_text(NUMBERS[text])) == NUMBERS[text]


@pytest.mark.parametrize("text", ["", ".", "12345", "12.345", "1.2345", "1.2.3", "-1", "1e3", "1 0", "\u0661"])
def test_no_number_of_this_pump(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        thousandths(text)


@pytest.mark.parametrize("value", [10_001, 99_999, 100_050, 1_000_500, 9_999_001, -1])
def test_what_four_digits_cannot_hold_is_never_sent(value: int) -> None:
    with pytest.raises(LocalProtocolError):
        number_text(value)


def test_every_thousandth_is_sent_exactly_or_not_at_all() -> None:
    for value in [*range(12_000), *range(99_000, 101_000), *range(998_000, 1_003_000)]:
        fits = value % (1 if value < 10_000 else 10 if value < 100_000 else 100 if value < 1_000_000 else 1_000) == 0
        if fits:
            assert thousandths(number_text(value)) == value
        else:
            with pytest.raises(LocalProtocolError):
                number_text(value)


def test_what_is_shown_is_never_more_than_what_is() -> None:
    for value in [*range(0, 120_000, 7), 999_949, 1_000_500, 9_999_999]:
        assert value - thousandths(shown_text(value)) in range(1_000)
        assert "." in shown_text(value)
    assert shown_text(10**9) == "9999."


@pytest.mark.parametrize(
    ("text", "nl_h"),
    [("25.50MH", 25_500_000), ("416.6UM", 24_996_000), ("1.000MM", 60_000_000), ("250.0UH", 250_000)],
)
def test_rates_in_any_unit_are_whole_nanolitres(text: str, nl_h: int) -> None:
    assert rate_nl_h(text) == nl_h


def test_volumes_and_what_was_dispensed() -> None:
    assert (volume_nl("12.50ML"), volume_nl("500.0UL")) == (12_500_000, 500_000)
    assert dispensed_nl("I1.250W0.000ML") == (1_250_000, 0)
    assert dispensed_nl("I0.000W999.9UL") == (0, 999_900)


@pytest.mark.parametrize("text", ["25.50", "MH", "25.50XX", "25.50MHH", "12.50ML", "", "25.50mh"])
def test_no_rate(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        rate_nl_h(text)


@pytest.mark.parametrize("text", ["", "I1.250ML", "I1.250W0.000", "W0.000I1.250ML", "I12345W0.000ML", "I1.250W0.000XL"])
def test_nothing_that_was_dispensed(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        dispensed_nl(text)
