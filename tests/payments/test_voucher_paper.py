"""Who signs the paper of a refund: whoever is paid out in person, nobody for what goes back."""

import pytest

from payments.documents import voucher_pdf
from payments.models import PayoutVoucher, Refund
from payments.services.giving_back import refunds
from payments.services.online import original_refunds
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_order, make_payment, make_refund
from tests.payments.printed import said, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def payment(bill):
    """More than the bill, paid online: some of it is credit."""
    return make_payment(
        bill, amount=bill.amount + 58, order=make_order(bill, state="paid"), method="wechat"
    )


def gone_back(payment) -> PayoutVoucher:
    refund = make_refund(
        payment.postings.first().credit_entry.account,
        "42.00",
        payment=payment,
        method=Refund.Method.ORIGINAL,
        approved=True,
    )
    claimed = original_refunds._claim(refund.pk)[0]
    done = original_refunds.ProviderRefund(claimed.out_refund_no, original_refunds.RefundState.DONE)
    return original_refunds.record(refund.pk, done).voucher


def counted_out(payment) -> PayoutVoucher:
    account = payment.postings.first().credit_entry.account
    refund = make_refund(account, "42.00", approved=True)
    return refunds.pay_in_cash(refund.pk, by=StaffUserFactory.create()).voucher


@pytest.mark.parametrize(("pays_out", "signs"), [(gone_back, False), (counted_out, True)])
def test_only_who_takes_the_money_in_his_hand_signs_for_it(payment, pays_out, signs):
    text = text_of(voucher_pdf(pays_out(payment)))
    assert (said("Signature of the payee") in text) is signs
    assert said("Approved by") in text
    assert said("Seal of the issuer") in text
