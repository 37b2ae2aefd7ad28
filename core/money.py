"""Money: the one place where an amount is rounded, converted, formatted or spelled out.

At the edges (models, forms, files) money is a ``Decimal`` in yuan with two places; inside
calculations it is an integer number of fen. Rounding is always half up: 0.005 yuan is 0.01.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import cn2an

FEN = Decimal("0.01")
ZERO = Decimal("0.00")

_PLAIN = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?")


def round_half_up(numerator: int, denominator: int) -> int:
    """The integer nearest to numerator / denominator; a half goes away from zero.

    The denominator must be positive.
    """
    if numerator < 0:
        return -((-2 * numerator + denominator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def round_to_fen(yuan: Fraction | Decimal | int) -> int:
    """Exact yuan, rounded half up to whole fen."""
    if isinstance(yuan, Decimal):
        return int((yuan * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    exact = Fraction(yuan) * 100
    return round_half_up(exact.numerator, exact.denominator)


def round_yuan(yuan: Fraction | Decimal | int) -> Decimal:
    """Exact yuan, rounded half up to two places."""
    return from_fen(round_to_fen(yuan))


def to_fen(yuan: Decimal | int) -> int:
    """Yuan with at most two places as whole fen; ValueError if fen would be cut off."""
    fen = Decimal(yuan) * 100
    whole = int(fen)
    if whole != fen:
        raise ValueError(f"{yuan} yuan is not a whole number of fen")
    return whole


def from_fen(fen: int) -> Decimal:
    """Whole fen as yuan with exactly two places."""
    return Decimal(fen).scaleb(-2)


def plain_yuan(yuan: Decimal) -> str:
    """Yuan as files carry it: a dot, two decimals, no thousands separators."""
    return plain_fen(to_fen(yuan))


def plain_fen(fen: int) -> str:
    """Fen written as yuan the way files carry it: 123450 is 1234.50."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02}"


def parse_yuan(text: str) -> Decimal:
    """Yuan from a file: a dot, at most two decimals, no separators; else ValueError."""
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"{text!r} is not an amount in yuan with at most two decimals")
    return Decimal(text).quantize(FEN)


def format_yuan(yuan: Decimal) -> str:
    """Yuan as people read it: ¥1,234.50, and -¥1,234.50 below zero."""
    fen = to_fen(yuan)
    sign = "-" if fen < 0 else ""
    return f"{sign}¥{abs(fen) // 100:,}.{abs(fen) % 100:02}"


def amount_in_words(yuan: Decimal) -> str:
    """Yuan in the numerals of receipts (大写金额): 1234.50 is 壹仟贰佰叁拾肆元伍角整.

    整 stands after 元 or 角 and nothing after 分, as banks and the invoice rules write it.
    """
    words: str = cn2an.an2cn(plain_yuan(yuan), "rmb")
    return words + "整" if words.endswith("角") else words
