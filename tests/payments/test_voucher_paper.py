"""Who signs the paper of a refund: whoever is paid out in person, nobody for what goes back."""

from io import BytesIO

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext
from pypdf import PdfReader

from payments.documents import voucher_pdf
from payments.models import PayoutVoucher, Refund
from payments.services.giving_back import refunds
from payments.services.online import original_refunds
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_order, make_payment, make_refund

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


def printed(voucher: PayoutVoucher) -> str:
    """What the paper says, without the breaks of its lines."""
    pages = PdfReader(BytesIO(voucher_pdf(voucher))).pages
    return "".join("".join(page.extract_text().split()) for page in pages)


def said(words: str) -> str:
    """Words as papers say them."""
    with translation.override(settings.LANGUAGE_CODE):
        return "".join(gettext(words).split())


@pytest.mark.parametrize(("pays_out", "signs"), [(gone_back, False), (counted_out, True)])
def test_only_who_takes_the_money_in_his_hand_signs_for_it(payment, pays_out, signs):
    text = printed(pays_out(payment))
    assert (said("Signature of the payee") in text) is signs
    assert said("Approved by") in text
    assert said("Seal of the issuer") in text
