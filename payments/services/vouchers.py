"""Payout vouchers (付款凭单): one for each refund paid out, numbered without a gap."""

from django.db.models import F

from community.models import Community, User, today
from payments.models import PayoutVoucher, Refund, VoucherSeries


def issue_voucher(refund: Refund) -> PayoutVoucher:
    """The voucher of a refund. The last step of its transaction: the series waits until it ends."""
    year = today().year
    return PayoutVoucher.objects.create(
        community_id=refund.community_id,
        year=year,
        number=_take_number(refund.community, year),
        refund=refund,
        counters=refund.payment.receipt if refund.payment else None,
        amount=refund.amount,
        payee_name=refund.payee_name,
        handler_name=_name(refund.ended_by),
        approver_name=_name(refund.decided_by),
    )


def _name(user: User | None) -> str:
    return user.get_short_name() if user else ""


def _take_number(community: Community, year: int) -> int:
    """The next number; the row stays locked until the end, so none is ever lost."""
    series = VoucherSeries.objects.filter(community=community, year=year)
    if not series.update(last_number=F("last_number") + 1):
        # Two first vouchers of a year at one moment: one of them makes the row.
        VoucherSeries.objects.bulk_create(
            [VoucherSeries(community=community, year=year)], ignore_conflicts=True
        )
        series.update(last_number=F("last_number") + 1)
    return series.values_list("last_number", flat=True).get()
