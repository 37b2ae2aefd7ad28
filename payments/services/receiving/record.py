"""Recording money received: one payment, its postings, one receipt, all or nothing."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import IntegrityError, transaction

from billing.models import Account, CreditEntry
from billing.services.accounts.posting import Credit, Portion, lock_accounts, post_credits
from community.models import Community, User
from core.money import to_fen
from payments.models import Payment, PaymentOrder, Posting
from payments.services.receiving.receipt import Posted, issue_receipts
from payments.signals import payment_received


class KeyConflict(Exception):
    """The same idempotency key came with other particulars: a person has to look."""


# What is owed on no bill: opening arrears, extra charges.
UNBILLED = (None,)


@dataclass(frozen=True)
class Share:
    """What of a payment is meant for one account, in yuan, and which bills it may settle.

    `bill_ids` None leaves the choice to the rules (oldest first); () keeps all of it as credit;
    UNBILLED settles what stands on no bill.
    What the bills do not take becomes credit on the same account.
    """

    account_id: int
    amount: Decimal
    bill_ids: tuple[int | None, ...] | None = None


@dataclass(frozen=True)
class Received:
    """Money that came in: `amount` yuan, of which what the shares leave is in suspense."""

    method: Payment.Method
    amount: Decimal
    shares: Sequence[Share]
    value_date: datetime.date
    idempotency_key: str
    received_by: User | None = None
    order: PaymentOrder | None = None
    tendered: Decimal | None = None


def payment_record(
    *,
    community: Community,
    method: Payment.Method,
    amount: Decimal,
    shares: Sequence[Share],
    value_date: datetime.date,
    idempotency_key: str,
    received_by: User | None = None,
    order: PaymentOrder | None = None,
    tendered: Decimal | None = None,
) -> Payment:
    """Records one payment of `amount` yuan, posted as `shares`; see `record_payments`."""
    received = Received(
        method, amount, shares, value_date, idempotency_key, received_by, order, tendered
    )
    return record_payments(community=community, received=[received])[0]


@transaction.atomic
def record_payments(*, community: Community, received: Sequence[Received]) -> list[Payment]:
    """Records payments, each with its postings and its receipt, in their order: all or none.

    A key that is known returns the first payment and posts nothing. Sends `payment_received` for
    each new payment, inside the transaction.

    Raises KeyConflict for a known key with another amount, method, community or order; ValueError
    for amounts that are not positive, not whole fen or less than their shares, for a key that comes
    twice, and for accounts of another community.
    """
    _check(received)
    lock_accounts(share.account_id for one in received for share in one.shares)
    known = _known(community, received)
    fresh = [one for one in received if one.idempotency_key not in known]
    accounts = _accounts(community, fresh)
    try:
        with transaction.atomic():
            made = Payment.objects.bulk_create(_payment(community, one) for one in fresh)
    except IntegrityError:
        # Somebody recorded one of the keys for other accounts at this moment, and has committed.
        if len(_known(community, received)) == len(known):
            raise
        return record_payments(community=community, received=received)
    issue_receipts(community=community, posted=_post(made, fresh), accounts=accounts)
    for payment in made:
        payment_received.send(sender=Payment, payment=payment)
    known |= {payment.idempotency_key: payment for payment in made}
    return [known[one.idempotency_key] for one in received]


def _check(received: Sequence[Received]) -> None:
    if len({one.idempotency_key for one in received}) < len(received):
        raise ValueError("a key comes twice")
    for one in received:
        parts = [to_fen(share.amount) for share in one.shares]
        if to_fen(one.amount) <= 0 or any(part <= 0 for part in parts):
            raise ValueError("amounts must be above 0")
        if sum(parts) > to_fen(one.amount):
            raise ValueError(f"shares of {sum(parts)} fen are more than {one.amount} yuan")


def _known(community: Community, received: Sequence[Received]) -> dict[str, Payment]:
    """The payments that have one of the keys already; KeyConflict if one is not the same."""
    wanted = {one.idempotency_key: _payment(community, one) for one in received}
    known = Payment.objects.filter(idempotency_key__in=wanted)
    for payment in known:
        for field in ("amount", "method", "community_id", "order_id"):
            if getattr(payment, field) != getattr(wanted[payment.idempotency_key], field):
                raise KeyConflict(f"{payment.idempotency_key} was recorded with another {field}")
    return {payment.idempotency_key: payment for payment in known}


def _payment(community: Community, one: Received) -> Payment:
    return Payment(
        community=community,
        method=one.method,
        amount=one.amount,
        value_date=one.value_date,
        received_by=one.received_by,
        idempotency_key=one.idempotency_key,
        order=one.order,
        tendered=one.tendered,
    )


def _accounts(community: Community, received: Sequence[Received]) -> dict[int, Account]:
    wanted = {share.account_id for one in received for share in one.shares}
    accounts = (
        Account.objects.filter(community=community)
        .select_related("unit", "party")
        .in_bulk(sorted(wanted))
    )
    if len(accounts) != len(wanted):
        raise ValueError(f"accounts {sorted(wanted - set(accounts))} are not of {community.code}")
    return accounts


def _post(payments: Sequence[Payment], received: Sequence[Received]) -> list[Posted]:
    """One credit entry for each payment and account; the shares settle what they were meant for."""
    wanted = [
        (payment, credit)
        for payment, one in zip(payments, received, strict=True)
        for credit in _credits(one)
    ]
    entries = post_credits([credit for _payment, credit in wanted])
    posted = [
        Posted(payment, entry, allocations)
        for (payment, _credit), (entry, allocations) in zip(wanted, entries, strict=True)
    ]
    Posting.objects.bulk_create(
        Posting(payment=one.payment, credit_entry=one.entry) for one in posted
    )
    return posted


def _credits(one: Received) -> list[Credit]:
    portions: dict[int, list[Portion]] = {}
    for share in one.shares:
        portions.setdefault(share.account_id, []).append(Portion(share.amount, share.bill_ids))
    return [
        Credit(account_id, CreditEntry.Kind.PAYMENT, one.value_date, tuple(own))
        for account_id, own in sorted(portions.items())
    ]
