"""All bills in order, and one put right as a correction run does it."""

import datetime
from decimal import Decimal

from django.db import transaction

from billing.models import Allocation, Bill, BillRun, CreditEntry
from tests.factories.billing import make_run


def bills() -> list[Bill]:
    found = Bill.objects.select_related("account__unit", "run__period", "account__community")
    return list(found.order_by("run__period__starts_on", "pk"))


def correction(bill: Bill, price: str) -> Bill:
    """What a correction run does: the old line is taken back whole, a new bill takes its place."""
    run = BillRun.objects.create(
        period=make_run(bill.account.community).period,
        kind=BillRun.Kind.CORRECTION,
        corrects=bill.run,
        state=BillRun.State.ISSUED,
        due_on=bill.due_on,
        issued_at=bill.issued_at,
    )
    old = bill.charges.get(fee_item__name="物业服务费")
    with transaction.atomic():
        entry = CreditEntry.objects.create(
            account=bill.account,
            kind=CreditEntry.Kind.REVERSAL,
            amount=old.amount,
            value_date=datetime.date(2026, 3, 1),
            charge=old,
            run=run,
        )
        Allocation.objects.create(credit_entry=entry, charge=old, amount=old.amount)
    made = Bill.objects.create(
        account=bill.account,
        run=run,
        due_on=bill.due_on,
        amount=Decimal(price),
        issued_at=bill.issued_at,
    )
    old.pk, old.bill, old.amount = None, made, Decimal(price)
    old.quantity = Decimal("98.000")
    old.save()
    return made
