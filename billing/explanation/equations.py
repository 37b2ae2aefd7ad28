"""Equations as people read them, with the exact number beside every figure shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import prod

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.money import round_to_fen

MonthPart = tuple[int, int]  # days of a line in a calendar month, and all days of that month


@dataclass(frozen=True)
class Term:
    """A factor of an equation: its exact value, and how it is written."""

    exact: Fraction
    shown: str


@dataclass(frozen=True)
class Equation:
    """Terms multiplied, and what they come to in yuan."""

    shown: str
    exact: Fraction

    @property
    def fen(self) -> int:
        """The exact result rounded half up, once."""
        return round_to_fen(self.exact)


def product(terms: Sequence[Term], amount: Decimal | None = None) -> Equation:
    """`a × b × c = amount`; without an amount, what the terms come to rounded half up."""
    exact = Fraction(prod(term.exact for term in terms))
    result = Decimal(round_to_fen(exact)).scaleb(-2) if amount is None else amount
    written = " × ".join(term.shown for term in terms)
    return Equation(f"{written} = {yuan(result).shown}", exact)


def total(parts: Iterable[tuple[int, Decimal]], amount: Decimal) -> Equation:
    """`a + 11 × b = amount`, from (how often, yuan)."""
    parts = list(parts)
    written = " + ".join(
        yuan(each).shown if count == 1 else f"{count} × {yuan(each).shown}" for count, each in parts
    )
    exact = sum((count * Fraction(each) for count, each in parts), Fraction(0))
    return Equation(f"{written} = {yuan(amount).shown}", exact)


def number(value: Decimal) -> str:
    """A number without the zeros that say nothing: 2.3500 is 2.35, 100.000 is 100."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def yuan(value: Decimal) -> Term:
    return Term(Fraction(value), _("%(n)s yuan") % {"n": f"{value:,.2f}"})


def square_metres(value: Decimal) -> Term:
    return Term(Fraction(value), _("%(n)s m²") % {"n": number(value)})


def cubic_metres(value: Decimal) -> Term:
    return Term(Fraction(value), _("%(n)s m³") % {"n": number(value)})


def per_square_metre(price: Decimal) -> Term:
    return Term(Fraction(price), _("%(n)s yuan/m²·month") % {"n": number(price)})


def per_month(price: Decimal) -> Term:
    return Term(Fraction(price), _("%(n)s yuan/month") % {"n": number(price)})


def per_cubic_metre(price: Decimal) -> Term:
    return Term(Fraction(price), _("%(n)s yuan/m³") % {"n": number(price)})


def per_unit(price: Decimal) -> Term:
    return Term(Fraction(price), _("%(n)s yuan/unit") % {"n": number(price)})


def units(count: Decimal) -> Term:
    label = ngettext("%(n)s unit", "%(n)s units", 1 if count == 1 else 2)
    return Term(Fraction(count), label % {"n": number(count)})


def plain(value: Decimal) -> Term:
    return Term(Fraction(value), number(value))


def months(parts: Sequence[MonthPart]) -> Term:
    """Months as exact fractions: `3 months`, `17/31 months`, `(17/31 + 2) months`."""
    exact = sum((Fraction(days, length) for days, length in parts), Fraction(0))
    written = _month_figures(parts)
    figures = f"({' + '.join(written)})" if len(written) > 1 else written[0]
    label = ngettext("%(n)s month", "%(n)s months", 1 if exact == 1 else 2)
    return Term(exact, label % {"n": figures})


def _month_figures(parts: Sequence[MonthPart]) -> list[str]:
    """Runs of whole months as one number, a part of a month as days / all its days."""
    written: list[str] = []
    whole = 0
    for days, length in [*parts, (0, 0)]:
        if days and days == length:
            whole += 1
            continue
        if whole:
            written.append(str(whole))
            whole = 0
        if days:
            written.append(f"{days}/{length}")
    return written
