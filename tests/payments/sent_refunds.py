"""Refunds of online payments that are asked for, approved and sent, and the time that passes."""

import datetime

from django.utils import timezone

from payments.models import Refund
from payments.services.online import original_refunds
from tests.factories.payments import make_refund


def asked(payment, amount="344.12", *, approved=True):
    account = payment.postings.get().credit_entry.account
    of_it = {"payment": payment, "method": Refund.Method.ORIGINAL}
    refund = make_refund(account, amount, approved=approved, **of_it)
    return Refund.objects.get(pk=refund.pk)


def due():
    """The time of the next question has come."""
    past = timezone.now() - datetime.timedelta(seconds=1)
    Refund.objects.filter(check_at__isnull=False).update(check_at=past)
    original_refunds.sweep_refunds()


def now(refund):
    refund.refresh_from_db()
    return refund.state
