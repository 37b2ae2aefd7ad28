"""Money that comes late, and what the books then say of the bill."""

import datetime
from decimal import Decimal

from billing.models import Account, Bill, Charge, CreditEntry
from billing.services.accounts.late_fees import accrued
from billing.services.accounts.posting import Credit, Portion, post_credits

DUE = datetime.date(2026, 2, 15)
PAYMENT = CreditEntry.Kind.PAYMENT


def after(days):
    return DUE + datetime.timedelta(days=days)


def pay(account, yuan, day, *bills):
    portion = Portion(Decimal(yuan), tuple(bill.pk for bill in bills) or None)
    ((entry, made),) = post_credits([Credit(account.pk, PAYMENT, day, (portion,))])
    return entry, made


def late_lines(bill):
    charges = Charge.objects.filter(bill=bill, kind=Charge.Kind.LATE_FEE).order_by("pk")
    return [charge.amount for charge in charges]


def still_open(bill):
    return Bill.objects.with_open().get(pk=bill.pk).open_amount


def owed(bill, day):
    """What closes the bill on a day."""
    return still_open(bill) + accrued(bill_ids=[bill.pk], on=day).get(bill.pk, Decimal(0))


def credit(account):
    return Account.objects.with_balance().get(pk=account.pk).credit


def taken_back(bill):
    entries = CreditEntry.objects.filter(kind=CreditEntry.Kind.LATE_BACK, charge__bill=bill)
    return sum(entry.amount for entry in entries)
