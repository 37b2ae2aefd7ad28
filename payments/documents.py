"""Papers about money: receipt and payout voucher (A5), clearance note (A4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.models import Charge
from core.money import amount_in_words
from core.pdf import qr_data_uri, render_template_pdf
from payments.models import Clearance, OrderAccount, PayoutVoucher, Receipt, ReceiptLine

STYLESHEET = "css/print/receipt.css"
# Rows that one and two A5 pages hold with the totals, as usual; and one page, set closer.
ROOMY, ROOMY_TWO, DENSE = 9, 26, 16


@dataclass(frozen=True)
class Row:
    """A line of a receipt as it is printed; empty cells are ''."""

    unit: str
    item: str
    period: str
    quantity: str
    price: str
    charged: Decimal | None  # what the line was charged, where the payment settles only part of it
    amount: Decimal


def receipt_rows(receipt: Receipt) -> list[Row]:
    """The receipt's lines in the order in which they were settled (one query; two with credit)."""
    lines = list(
        receipt.lines.select_related("account__unit", "charge__fee_item", "deposit").order_by("pk")
    )
    beside = any(line.charge is None and line.deposit is None for line in lines)
    ahead = _months_ahead(receipt) if beside else {}
    return [_row(line, ahead) for line in lines]


def _months_ahead(receipt: Receipt) -> dict[tuple[int, Decimal], OrderAccount]:
    """By account and amount: the months for which a payment was made online, as the payer read."""
    lines = OrderAccount.objects.filter(
        order__payment=receipt.payment_id, purpose=OrderAccount.Purpose.PREPAYMENT
    )
    return {(line.account_id, line.amount): line for line in lines}


def _row(line: ReceiptLine, ahead: Mapping[tuple[int, Decimal], OrderAccount]) -> Row:
    unit, charge = line.account.unit.code, line.charge
    if line.deposit is not None:
        held = _("Deposit, to be given back: %(purpose)s") % {"purpose": line.deposit.purpose}
        return Row(unit, held, "", "", "", None, line.amount)
    if charge is None:
        months = ahead.get((line.account_id, line.amount))
        item, period = _prepaid(months) if months else (_("Prepaid"), "")
        return Row(unit, item, period, "", "", None, line.amount)
    return Row(
        unit=unit,
        item=charge.fee_item.name,
        period=_span(charge),
        quantity=_quantity(charge),
        price=_plain(charge.unit_price),
        charged=charge.amount if charge.amount != line.amount else None,
        amount=line.amount,
    )


def _prepaid(ahead: OrderAccount) -> tuple[str, str]:
    """What is prepaid, and for which days, as on the page of the order."""
    words = ngettext("%(n)s month ahead", "%(n)s months ahead", ahead.months or 0)
    return words % {"n": ahead.months}, _span(ahead)


def _span(of: Charge | OrderAccount) -> str:
    return f"{of.starts_on:%Y.%m.%d}–{of.ends_on:%Y.%m.%d}"


def _quantity(charge: Charge) -> str:
    """What the price was multiplied by: m² × months × vacancy factor, without what is 1."""
    more = (charge.months, charge.factor)
    return " × ".join(
        [_plain(charge.quantity), *(_plain(n) for n in more if n is not None and n != 1)]
    )


def _plain(number: Decimal | None) -> str:
    """A figure without the zeros that its column adds: 128.560 is 128.56."""
    if number is None:
        return ""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def check_url(receipt: Receipt) -> str:
    """The address in the QR code, where whoever holds the paper can see that it is genuine."""
    path = reverse("payments:receipt_check", kwargs={"token": receipt.check_token})
    return f"{settings.SITE_URL}{path}"


def _page_words() -> list[str]:
    """What stands before, between and after the two numbers in the corner of a page."""
    words = _("Page {page} of {pages}")
    return re.split(r"\{pages?\}", words)


def receipt_pdf(receipt: Receipt) -> bytes:
    """The receipt as a PDF, A5 landscape, always in the language of the community."""
    rows = receipt_rows(receipt)
    with translation.override(settings.LANGUAGE_CODE):
        return render_template_pdf(
            "payments/print/receipt.html",
            {
                "receipt": receipt,
                "community": receipt.community,
                "payment": receipt.payment,
                "rows": rows,
                "dense": ROOMY < len(rows) <= DENSE or len(rows) > ROOMY_TWO,
                "page": _page_words(),
                "words": amount_in_words(receipt.amount),
                "qr": qr_data_uri(check_url(receipt)),
            },
            stylesheets=(STYLESHEET,),
        )


def voucher_pdf(voucher: PayoutVoucher) -> bytes:
    """The voucher of a refund as a PDF, A5 landscape, always in the language of the community."""
    refund = voucher.refund
    with translation.override(settings.LANGUAGE_CODE):
        return render_template_pdf(
            "payments/print/voucher.html",
            {
                "voucher": voucher,
                "refund": refund,
                "community": voucher.community,
                "unit": refund.account.unit.code,
                "words": amount_in_words(voucher.amount),
            },
            stylesheets=(STYLESHEET, "css/print/voucher.css"),
        )


def clearance_pdf(clearance: Clearance) -> bytes:
    """The note that nothing is owed either way, as it was then: A4, in the community's language."""
    with translation.override(settings.LANGUAGE_CODE):
        return render_template_pdf(
            "payments/print/clearance.html",
            {
                "clearance": clearance,
                "community": clearance.community,
                "said": clearance.snapshot,
            },
            stylesheets=("css/print/clearance.css",),
        )
