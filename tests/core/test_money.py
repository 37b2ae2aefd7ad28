from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import money

DIGITS = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
POWERS = {"拾": 10, "佰": 100, "仟": 1000}


def read_whole(words: str) -> int:
    """The number that Chinese numerals say, read without the library that wrote them."""
    for mark, power in (("亿", 10**8), ("万", 10**4)):
        if mark in words:
            high, low = words.rsplit(mark, 1)
            return read_whole(high) * power + read_whole(low)
    total, digit = 0, 0
    for character in words:
        if character in DIGITS:
            digit = DIGITS[character]
        else:
            total, digit = total + digit * POWERS[character], 0
    return total + digit


def read_back(words: str) -> int:
    """Fen from 大写金额."""
    words = words.removesuffix("整")
    yuan, _, rest = words.rpartition("元") if "元" in words else ("", "", words)
    fen = 0
    for unit, worth in (("角", 10), ("分", 1)):
        if unit in rest:
            digit, rest = rest.split(unit)
            fen += DIGITS[digit[-1]] * worth
    return read_whole(yuan) * 100 + fen


@pytest.mark.parametrize(
    ("yuan", "words"),
    [
        ("1234.50", "壹仟贰佰叁拾肆元伍角整"),
        ("1000.05", "壹仟元零伍分"),
        ("10000.00", "壹万元整"),
        ("100000010.10", "壹亿零壹拾元壹角整"),
        ("0.00", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("2520.23", "贰仟伍佰贰拾元贰角叁分"),
    ],
)
def test_amounts_are_spelled_as_on_receipts(yuan, words):
    assert money.amount_in_words(Decimal(yuan)) == words


def test_a_zero_before_jiao_may_be_left_out():
    assert money.amount_in_words(Decimal("107000.53")) in {
        "壹拾万柒仟元零伍角叁分",
        "壹拾万柒仟元伍角叁分",
    }


@given(st.integers(0, 10**14))
@example(10**12)
@example(1_0001_0000_0007)
def test_words_read_back_to_the_same_amount(fen):
    words = money.amount_in_words(money.from_fen(fen))
    assert read_back(words) == fen
    assert words.endswith("整") == (not words.endswith("分"))


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        (Fraction("0.15") * Fraction("130.70"), "19.61"),
        (Fraction("89.37") * Fraction("2.35") * 12, "2520.23"),
        (Fraction("89.37") * Fraction("2.35") * Fraction(17, 31), "115.17"),
        (Fraction("154.78") * Fraction("1.2") * Fraction("0.7"), "130.02"),
        (Decimal("2.675"), "2.68"),
        (Decimal("-2.675"), "-2.68"),
        (Fraction(-1, 3), "-0.33"),
        (7, "7.00"),
    ],
)
def test_half_a_fen_is_rounded_up(exact, rounded):
    assert str(money.round_yuan(exact)) == rounded


@given(st.integers(-(10**15), 10**15))
def test_fen_and_yuan_are_the_same_money(fen):
    yuan = money.from_fen(fen)
    assert money.to_fen(yuan) == fen
    assert Decimal(money.plain_yuan(yuan)) == yuan
    assert money.plain_fen(fen) == f"{yuan:.2f}"


def test_cutting_off_a_fraction_of_a_fen_is_refused():
    with pytest.raises(ValueError, match="whole number of fen"):
        money.to_fen(Decimal("1.005"))


def test_people_read_thousands_separators():
    assert money.format_yuan(Decimal("1234.5")) == "¥1,234.50"
    assert money.format_yuan(Decimal("-1234567.05")) == "-¥1,234,567.05"
    assert money.format_yuan(Decimal(0)) == "¥0.00"


@pytest.mark.parametrize("text", ["1.005", "1,234.50", "", "1e3", "NaN", "１２", ".5", "1.", " 1"])
def test_amounts_that_files_may_not_carry(text):
    with pytest.raises(ValueError, match="not an amount"):
        money.parse_yuan(text)


def test_amounts_that_files_may_carry():
    assert str(money.parse_yuan("12")) == "12.00"
    assert str(money.parse_yuan("-0.5")) == "-0.50"
