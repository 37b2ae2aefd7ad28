"""To the payer: money of his went back, could not and will go another way, or is kept."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from billing.models import Bill, Charge
from core.money import plain_yuan
from notices.content.short import ShortText
from notices.models import Notice
from payments.models import PayoutVoucher, Refund
from payments.services.giving_back.undoing import reopened_by


def context(notice: Notice) -> dict[str, Any]:
    refund = Refund.objects.select_related(
        "account__unit", "deposit", "payment__order", "payment__receipt", "voucher"
    ).get(pk=notice.context["refund"])
    voucher = _voucher(notice, refund)
    return {
        "refund": refund,
        "paid": refund.state == Refund.State.PAID,
        "unit": refund.account.unit.code,
        "bills": _open_again(refund),
        "voucher": voucher,
        "voucher_url": _absolute("payments:voucher", voucher.pk) if voucher else "",
        "url": _where(notice, refund),
    }


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    refund = context["refund"]
    what = {"unit": context["unit"], "amount": plain_yuan(refund.amount)}
    if context["paid"]:
        return ShortText("refund", what | {"voucher": refund.voucher.code})
    if refund.is_refused:
        return ShortText("refund_refused", what)
    return ShortText("refund_delayed" if refund.is_delayed else "refund_failed", what)


def _open_again(refund: Refund) -> QuerySet[Bill]:
    """The bills that the money had paid and that are open now that it went back."""
    if refund.payment is None or refund.state != Refund.State.PAID:
        return Bill.objects.none()
    freed = Charge.objects.filter(pk__in=reopened_by(refund.payment, refund.account_id))
    bills: QuerySet[Bill] = Bill.objects.filter(pk__in=freed.values("bill")).open()
    return bills.select_related("run__period", "run__corrects__period").order_by("due_on", "pk")


def _voucher(notice: Notice, refund: Refund) -> PayoutVoucher | None:
    """The paper; whoever paid online for somebody else may not open it."""
    found: PayoutVoucher | None = getattr(refund, "voucher", None)
    if found is None or notice.user is None:
        return found
    own = PayoutVoucher.objects.visible_to(notice.user)
    return found if own.filter(pk=found.pk).exists() else None


def _where(notice: Notice, refund: Refund) -> str:
    """The page that says how it stands, for whoever the notice goes to."""
    if refund.payment is None:
        return f"{_absolute('payments:records')}?account={refund.account_id}"
    if notice.user is not None and refund.payment.order_id is not None:
        return _absolute("payments:order", refund.payment.order_id)
    return _absolute("payments:receipt", refund.payment.receipt.pk)


def _absolute(name: str, *args: int) -> str:
    return f"{settings.SITE_URL}{reverse(name, args=args)}"
