"""The late fees that stand on a bill as lines, each in words."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from billing.calculation.late_fee import late_fee
from billing.explanation.late_fees import words_of_late_fee
from billing.models import Bill, Charge
from billing.services.accounts.late_fees import Standing, standings
from core.money import ZERO, format_yuan, from_fen


def words_of_late_lines(bill: Bill, charges: Sequence[Charge]) -> dict[int, tuple[str, ...]]:
    """By late fee: how it came about up to its last day, if that gives its amount, else nothing.

    Two queries, none for a bill without late fees. Each line is what the whole came to on its day
    less what was asked for before.
    """
    lines = [charge for charge in charges if charge.kind == Charge.Kind.LATE_FEE]
    if not lines:
        return {}
    lines.sort(key=lambda line: (line.ends_on, line.pk))
    found = standings(bill_ids=[bill.pk], on=lines[-1].ends_on).get(bill.pk)
    if found is None:
        return {}
    said: dict[int, tuple[str, ...]] = {}
    before = ZERO
    for line in lines:
        facts = found.bill
        whole = Standing(facts, line.ends_on, late_fee(facts.principal, facts.rule, line.ends_on))
        if from_fen(whole.fee.fen) - before == line.amount:
            words = words_of_late_fee(whole)
            if before:
                asked = _("%(amount)s of it was asked for before; the rest stands here.")
                words = [*words, asked % {"amount": format_yuan(before)}]
            said[line.pk] = tuple(words)
        before += line.amount
    return said
