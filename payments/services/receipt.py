"""Receipts (收据): one for each payment, numbered without a gap in each community and year."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from django.db.models import F

from billing.models import Account, Allocation
from community.models import Community, today
from core.money import ZERO
from payments.models import Payment, Receipt, ReceiptLine, ReceiptSeries

NAME_LENGTH = 200


def issue_receipt(
    *, payment: Payment, accounts: Mapping[int, Account], allocations: Sequence[Allocation]
) -> Receipt | None:
    """The receipt of what `payment` posted: a line for each charge settled, one for the rest.

    None when nothing was posted: money in suspense is receipted when it is claimed. Must run in
    the transaction of the payment, as its last step: everybody else's receipt of the community
    waits until it ends.
    """
    lines = _lines(payment, allocations)
    if not lines:
        return None
    year = today().year
    receipt = Receipt.objects.create(
        community=payment.community,
        year=year,
        number=_next_number(payment.community, year),
        payment=payment,
        amount=sum((line.amount for line in lines), ZERO),
        payer_name=_payers(accounts.values()),
        handler_name=payment.received_by.get_short_name() if payment.received_by else "",
        check_token=secrets.token_urlsafe(32),
    )
    for line in lines:
        line.receipt = receipt
    ReceiptLine.objects.bulk_create(lines)
    return receipt


def _next_number(community: Community, year: int) -> int:
    """The next number; the row stays locked until the transaction ends, so none is ever lost."""
    series = ReceiptSeries.objects.filter(community=community, year=year)
    if not series.update(last_number=F("last_number") + 1):
        # Two first receipts of a year at one moment: one of them makes the row.
        ReceiptSeries.objects.bulk_create(
            [ReceiptSeries(community=community, year=year)], ignore_conflicts=True
        )
        series.update(last_number=F("last_number") + 1)
    return series.values_list("last_number", flat=True).get()


def _lines(payment: Payment, allocations: Sequence[Allocation]) -> list[ReceiptLine]:
    postings = payment.postings.select_related("credit_entry").order_by("credit_entry__account_id")
    settled: dict[int, dict[int, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for allocation in allocations:
        settled[allocation.credit_entry_id][allocation.charge_id] += allocation.amount
    lines = []
    for posting in postings:
        entry = posting.credit_entry
        left = entry.amount
        for charge_id, amount in settled[entry.pk].items():
            lines.append(
                ReceiptLine(account_id=entry.account_id, charge_id=charge_id, amount=amount)
            )
            left -= amount
        if left > 0:
            lines.append(ReceiptLine(account_id=entry.account_id, amount=left))
    return lines


def _payers(accounts: Iterable[Account]) -> str:
    names = dict.fromkeys(account.party.name for account in accounts)
    return "、".join(names)[:NAME_LENGTH]
