"""Payout vouchers (付款凭单): one for each refund paid out, numbered without a gap."""

from community.models import User, today
from payments.models import PayoutVoucher, Refund, VoucherSeries
from payments.services.receiving.numbers import take_numbers


def issue_voucher(refund: Refund) -> PayoutVoucher:
    """The voucher of a refund. The last step of its transaction: the series waits until it ends."""
    year = today().year
    return PayoutVoucher.objects.create(
        community_id=refund.community_id,
        year=year,
        number=take_numbers(VoucherSeries, community=refund.community, year=year),
        refund=refund,
        counters=refund.payment.receipt if refund.payment else None,
        amount=refund.amount,
        payee_name=refund.payee_name,
        handler_name=_name(refund.ended_by),
        approver_name=_name(refund.decided_by),
    )


def _name(user: User | None) -> str:
    return user.get_short_name() if user else ""
