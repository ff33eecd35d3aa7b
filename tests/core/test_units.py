"""Quantities are exact, and a slip in writing one never passes for a number."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpctl.core import units
from pumpctl.core.units import (
    UG_PER_MMOL,
    Basis,
    Concentration,
    DoseRate,
    Duration,
    FlowRate,
    Mass,
    Misread,
    SerumMagnesium,
    Volume,
    read_quantity,
)

whole = st.integers(0, 10**12)
positive = st.integers(1, 10**12)
masses = st.builds(Mass, whole, positive)


def mass(text: str, basis: Basis | None = Basis.HEPTAHYDRATE) -> Mass:
    read = read_quantity(text, Mass, basis)
    assert isinstance(read, Mass), read
    return read


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("2", "unit"),
        ("2g", "plain number"),
        ("2  g", "unknown unit"),
        (" 2 g", "plain number"),
        ("2 g ", "unknown unit"),
        ("2\u00a0g", "plain number"),
        ("1,5 g", "comma"),
        ("1.000,5 g", "comma"),
        ("1e3 mg", "exponent"),
        ("1E3 mg", "exponent"),
        ("NaN g", "finite"),
        ("Infinity g", "finite"),
        ("-inf g", "finite"),
        ("-2 g", "negative"),
        ("+2 g", "plain number"),
        (".5 g", "zero before"),
        ("5. g", "ends in"),
        ("02 g", "needless zero"),
        ("0 g", "zero"),
        ("0.000 g", "zero"),
        ("0.0000000 g", "zero"),  # too long to be read at a glance
        ("2 G", "unknown unit"),
        ("2 grams", "unknown unit"),
        ("10 mL", "Volume"),
        ("2 g/h", "DoseRate"),
        ("1234567890123 mg", "12 significant"),
        ("0.1234567890123 g", "12 significant"),
        ("1" * 41 + " g", "more than"),
        ("\u0662 g", "plain number"),
        ("0x2 g", "plain number"),
        ("1_000 mg", "plain number"),
        ("", "plain number"),
        ("g", "plain number"),
    ],
)
def test_a_slip_is_not_a_number(text: str, hint: str):
    read = read_quantity(text, Mass, Basis.HEPTAHYDRATE)
    assert isinstance(read, Misread)
    assert hint in read.reason


@pytest.mark.parametrize("text", ["123456789012 mg", "0.123456789012 g", "0.000000000001 g", "100000000000 ug"])
def test_twelve_significant_digits_pass(text: str):
    assert isinstance(read_quantity(text, Mass, Basis.HEPTAHYDRATE), Mass)


@pytest.mark.parametrize("text", ["2 g", "2000 mg", "2 ug"])
def test_grams_need_a_basis_and_moles_do_not(text: str):
    assert isinstance(read_quantity(text, Mass), Misread)
    assert isinstance(read_quantity("8 mmol", Mass), Mass)
    assert isinstance(read_quantity("20 mg/mL", Concentration), Misread)


def test_molar_masses():
    """Figures of clinical.md section 1, rounded there, so compared within half a unit of their last digit."""
    gram = mass("1 g")
    assert abs(Fraction(gram.num, gram.den * UG_PER_MMOL) - Fraction("4.0573")) <= Fraction("0.00005")
    anhydrous = mass("1 g", Basis.ANHYDROUS)
    assert abs(Fraction(anhydrous.num, anhydrous.den * UG_PER_MMOL) - Fraction("8.308")) <= Fraction("0.0005")
    elemental = mass("98.61 mg", Basis.ELEMENTAL)
    assert abs(Fraction(elemental.num, elemental.den) - 1_000_000) <= 60
    for basis, molar in ((Basis.HEPTAHYDRATE, "246.47"), (Basis.ANHYDROUS, "120.37"), (Basis.ELEMENTAL, "24.305")):
        moles = mass("1 g", basis)
        assert Fraction(moles.num, moles.den * UG_PER_MMOL) == 1000 / Fraction(molar)
    assert mass("16 mEq") == mass("8 mmol", None)
    assert mass("16 mEq") < mass("16 g")


def test_serum_units():
    level = read_quantity("1.2 mg/dL", SerumMagnesium)
    half = read_quantity("0.5 mmol/L", SerumMagnesium)
    assert isinstance(level, SerumMagnesium)
    assert isinstance(half, SerumMagnesium)
    assert level < half  # severe
    assert read_quantity("1 mEq/L", SerumMagnesium) == half
    assert read_quantity("2.4305 mg/dL", SerumMagnesium) == SerumMagnesium(1)


def test_golden_arithmetic():
    content = units.concentration(mass("2 g"), Volume(100_000))
    assert units.dose_rate(content, FlowRate(10_000)) == DoseRate(200_000)
    assert units.dose_rate(content, FlowRate(10_000)) == DoseRate(60_000 * 10, 3)  # 3.333... mg/min
    assert units.time_to_give(Volume(100_000), FlowRate(10_000)) == Duration(36_000_000)
    added = units.concentration(mass("2 g"), Volume(104_000))
    assert units.dose_rate(added, FlowRate(10_400)) == DoseRate(200_000)


@given(masses, masses)
def test_comparison_agrees_with_fractions(left: Mass, right: Mass):
    exact, other = Fraction(left.num, left.den), Fraction(right.num, right.den)
    assert (left < right) == (exact < other)
    assert (left <= right) == (exact <= other)
    assert (left == right) == (exact == other)
    assert left != right or hash(left) == hash(right)
    assert (left.floor(), left.ceiling()) == (exact.__floor__(), exact.__ceil__())


@given(masses, st.integers(1, 10**6))
def test_floor_to_step_never_rises(value: Mass, step: int):
    floored = value.floor_to_step(step)
    assert floored % step == 0
    assert Mass(floored) <= value < Mass(floored + step)


@given(st.integers(1, 10**10), st.sampled_from(["g", "mg", "ug"]), st.sampled_from(list(Basis)))
def test_reading_scales_exactly(number: int, unit: str, basis: Basis):
    """Ten times the number is ten times the mass, whatever the unit and basis."""
    assert mass(f"{number}0 {unit}", basis) == Mass(
        mass(f"{number} {unit}", basis).num * 10, mass(f"1 {unit}", basis).den
    )


@given(st.integers(1, 10**9), st.sampled_from(["mmol", "mEq", "g"]))
def test_a_unit_swap_always_changes_the_mass(number: int, unit: str):
    others = {"mmol", "mEq", "g"} - {unit}
    assert all(mass(f"{number} {unit}") != mass(f"{number} {other}") for other in others)


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 10**9))
def test_physics_returns_to_where_it_began(ug: int, ul: int, ul_h: int):
    content = units.concentration(Mass(ug), Volume(ul))
    assert units.mass_in(content, Volume(ul)) == Mass(ug)
    assert units.flow_for(units.dose_rate(content, FlowRate(ul_h)), content) == FlowRate(ul_h)
    assert units.volume_after(FlowRate(ul_h), units.time_to_give(Volume(ul), FlowRate(ul_h))) == Volume(ul)


@given(st.text(max_size=30))
def test_no_text_makes_reading_raise(text: str):
    read = read_quantity(text, Mass, Basis.HEPTAHYDRATE)
    assert isinstance(read, Misread) or read > Mass(0)


def test_kinds_do_not_mix():
    with pytest.raises(TypeError):
        assert Mass(1) < Volume(1)  # pyright: ignore[reportOperatorIssue]
    assert Mass(1) != Volume(1)
    with pytest.raises(ValueError, match="cannot be"):
        Mass(-1)
    with pytest.raises(ValueError, match="cannot be"):
        Mass(1, 0)


def test_a_quantity_shows_its_kind_and_its_figures():
    assert repr(Mass(2_000_000)) == "Mass(2000000, 1)"
    assert repr(DoseRate(10, 3)) == "DoseRate(10, 3)"


def test_equal_quantities_are_one_in_a_set():
    assert len({Mass(1, 2), Mass(2, 4)}) == 1
    assert len({Mass(1, 2), Mass(1, 3), Volume(1, 2)}) == 3


def test_only_equal_kinds_are_compared_in_percent():
    with pytest.raises(TypeError, match="cannot compare Mass with Volume"):
        Mass(1).differs_by_more_than_percent(Volume(1), 1)  # pyright: ignore[reportArgumentType]
    assert not Mass(1).differs_by_more_than_percent(Mass(1), 1)


@pytest.mark.parametrize(("stated", "differs"), [(990, False), (1010, False), (989, True), (1011, True)])
def test_one_percent_is_inclusive(stated: int, differs: bool):
    assert Mass(stated).differs_by_more_than_percent(Mass(1000), 1) is differs
