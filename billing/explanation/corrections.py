"""What took the place of what: lines that were taken back, and those that replace them."""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Sequence

from django.db.models import Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from billing.models import Bill, BillRun, Charge, CreditEntry
from core.money import format_yuan


def words_of_corrections(bill: Bill, charges: Sequence[Charge]) -> dict[int, list[str]]:
    """By charge: what it replaces, and whether it was itself taken back (one query).

    A correction replaces what the same run took back of the same account, fee item and days.
    """
    said: dict[int, list[str]] = defaultdict(list)
    corrects = bill.run.kind == BillRun.Kind.CORRECTION
    reversals = list(_reversals(bill, corrects=corrects))
    for charge in charges:
        if corrects:
            said[charge.pk] += _replaced(charge, reversals)
        said[charge.pk] += [_taken_back(r) for r in reversals if r.charge_id == charge.pk]
    return said


def _reversals(bill: Bill, *, corrects: bool) -> QuerySet[CreditEntry]:
    concerned = Q(charge__bill=bill.pk)
    if corrects:
        concerned |= Q(account=bill.account_id, run=bill.run_id)
    return (
        CreditEntry.objects.filter(
            concerned,
            kind=CreditEntry.Kind.REVERSAL,
            amount__gt=0,
            charge__isnull=False,
            reversed_by__isnull=True,
        )
        .select_related("charge__fee_item")
        .order_by("charge__starts_on", "pk")
    )


def _replaced(charge: Charge, reversals: Sequence[CreditEntry]) -> Iterator[str]:
    for reversal in reversals:
        old = reversal.charge
        assert old is not None
        same_days = old.starts_on <= charge.ends_on and charge.starts_on <= old.ends_on
        if old.bill_id != charge.bill_id and old.fee_item_id == charge.fee_item_id and same_days:
            yield _(
                "This takes the place of %(item)s %(amount)s for %(first)s – %(last)s of bill "
                "No. %(bill)s."
            ) % {
                "item": old.fee_item.name,
                "amount": format_yuan(old.amount),
                "first": _day(old.starts_on),
                "last": _day(old.ends_on),
                "bill": old.bill_id,
            }


def _day(day: datetime.date) -> str:
    return date_format(day, "DATE_FORMAT")


def _taken_back(reversal: CreditEntry) -> str:
    return _("This line was taken back on %(day)s; nothing is owed for it.") % {
        "day": _day(reversal.value_date)
    }
