"""Late fees the slow way: a calendar, one day after the other, in fractions. Shares no code."""

import datetime
from decimal import Decimal
from fractions import Fraction


def late_fee_by_day(*, due_on, amount, rate, grace, cap, settled, held, on):
    """Yuan as a Decimal of two places.

    `settled`: (value date, yuan) in any order; `held`: (first, last or None), both inclusive.
    """
    total = Fraction(0)
    day = due_on
    while day < on:
        day += datetime.timedelta(days=1)
        if (day - due_on).days <= grace:
            continue
        if any(first <= day and (last is None or day <= last) for first, last in held):
            continue
        paid = sum(Fraction(yuan) for paid_on, yuan in settled if paid_on < day)
        total += (Fraction(amount) - paid) * Fraction(rate)
    if cap is not None:
        total = min(total, Fraction(amount) * Fraction(cap))
    fen = total * 100
    whole = fen.numerator // fen.denominator
    if fen - whole >= Fraction(1, 2):
        whole += 1
    return Decimal(whole).scaleb(-2)
