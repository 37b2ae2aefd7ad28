"""Receipts (收据): one for each payment, numbered without a gap in each community and year."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.models import Account, Allocation, CreditEntry
from community.models import Community, today
from core.money import ZERO
from payments.models import Deposit, Payment, Receipt, ReceiptLine, ReceiptSeries
from payments.services.receiving.numbers import take_numbers

NAME_LENGTH = 200


@dataclass(frozen=True)
class Posted:
    """A credit entry that a payment became, and what it settled at once."""

    payment: Payment
    entry: CreditEntry
    allocations: Sequence[Allocation]


def issue_receipts(
    *, community: Community, posted: Sequence[Posted], accounts: Mapping[int, Account]
) -> list[Receipt]:
    """A receipt for each payment of `posted`: a line for each charge settled, one for the rest.

    Money in suspense is receipted when it is claimed. Must run in the transaction of the payments,
    as its last step: everybody else's receipt of the community waits until it ends.
    """
    by_payment: dict[Payment, list[Posted]] = defaultdict(list)
    for one in posted:
        by_payment[one.payment].append(one)
    if not by_payment:
        return []
    year = today().year
    last = take_numbers(ReceiptSeries, community=community, year=year, count=len(by_payment))
    receipts = Receipt.objects.bulk_create(
        _receipt(payment, year, number, [one.entry for one in own], accounts)
        for number, (payment, own) in enumerate(
            by_payment.items(), start=last - len(by_payment) + 1
        )
    )
    ReceiptLine.objects.bulk_create(
        line
        for receipt in receipts
        for one in by_payment[receipt.payment]
        for line in _lines(receipt, one)
    )
    return receipts


def issue_deposit_receipt(deposit: Deposit) -> Receipt:
    """The receipt of a deposit; its one line says so. The last step of the transaction."""
    payment, account = deposit.payment, deposit.account
    year = today().year
    receipt = Receipt.objects.create(
        community_id=payment.community_id,
        year=year,
        number=take_numbers(ReceiptSeries, community=payment.community, year=year),
        payment=payment,
        amount=deposit.amount,
        payer_name=_payers([account]),
        handler_name=_handler(payment),
        check_token=secrets.token_urlsafe(32),
    )
    ReceiptLine.objects.create(
        receipt=receipt, account=account, deposit=deposit, amount=deposit.amount
    )
    return receipt


def _receipt(
    payment: Payment,
    year: int,
    number: int,
    entries: Sequence[CreditEntry],
    accounts: Mapping[int, Account],
) -> Receipt:
    return Receipt(
        community_id=payment.community_id,
        year=year,
        number=number,
        payment=payment,
        amount=sum((entry.amount for entry in entries), ZERO),
        payer_name=_payers(accounts[entry.account_id] for entry in entries),
        handler_name=_handler(payment),
        check_token=secrets.token_urlsafe(32),
    )


def _lines(receipt: Receipt, posted: Posted) -> Iterable[ReceiptLine]:
    settled: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for allocation in posted.allocations:
        settled[allocation.charge_id] += allocation.amount
    account_id = posted.entry.account_id
    for charge_id, amount in settled.items():
        yield ReceiptLine(
            receipt=receipt, account_id=account_id, charge_id=charge_id, amount=amount
        )
    left = posted.entry.amount - sum(settled.values(), ZERO)
    if left > 0:
        yield ReceiptLine(receipt=receipt, account_id=account_id, amount=left)


def _handler(payment: Payment) -> str:
    return payment.received_by.get_short_name() if payment.received_by else ""


def _payers(accounts: Iterable[Account]) -> str:
    names = dict.fromkeys(account.party.name for account in accounts)
    return "、".join(names)[:NAME_LENGTH]
