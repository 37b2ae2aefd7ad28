"""Money in forms: what is wrong with a figure is said in plain words, in one place."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from core.forms import MoneyField


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "write an amount"),
        ("x", "in figures"),
        ("NaN", "in figures"),
        ("1e3", "in figures"),
        ("1_000", "in figures"),
        ("1,00", "in figures"),
        ("1,0000.00", "in figures"),
        ("٣", "in figures"),
        (".", "in figures"),
        ("1.005", "two decimals at most"),
        ("0", "at least ¥0.01"),
        ("-3", "at least ¥0.01"),
        ("123456789.00", "too large"),
        ("12345678901", "too large"),
        ("101", "at most ¥100"),
    ],
)
def test_what_is_wrong_with_an_amount(typed: str, words: str) -> None:
    most = None if "large" in words else 100
    with translation.override("en"):
        with pytest.raises(ValidationError) as wrong:
            MoneyField(max_value=most).clean(typed)
        (message,) = wrong.value.messages
    assert words in message


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" 128.5 ", "128.5"),
        ("1,128.50", "1128.50"),
        ("１２８．５０", "128.50"),
        ("１，１２８", "1128"),
        ("128.", "128"),
    ],
)
def test_an_amount(typed: str, meant: str) -> None:
    assert MoneyField().clean(typed) == Decimal(meant)
