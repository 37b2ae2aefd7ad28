"""What an online order is for, priced from our rows: bills, what is on no bill, months ahead."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing.models import Account, Bill
from billing.services.runs.estimate import MOST_MONTHS
from community.models import Community, User
from core.money import ZERO
from payments.models import OrderAccount, OrderBill, PaymentOrder
from payments.services.receiving.counter import OpenBill, open_bills, open_unbilled
from payments.services.receiving.prepaying import top_up


class SeveralCommunities(Exception):
    """Bills of two communities cannot be paid together: the money goes to two companies."""


@dataclass(frozen=True)
class Wish:
    """What a resident chose to pay: bills, what is on no bill, months ahead of an account."""

    bill_ids: frozenset[int] = frozenset()
    unbilled: frozenset[int] = frozenset()  # accounts
    prepay: tuple[int, int] | None = None  # account, months

    @property
    def account_ids(self) -> frozenset[int]:
        return self.unbilled | ({self.prepay[0]} if self.prepay else set())


@dataclass(frozen=True)
class Basket:
    """What the wish comes to now, in lines that are not saved."""

    community: Community
    bills: list[OpenBill]
    accounts: list[OrderAccount]

    @property
    def total(self) -> Decimal:
        of_bills = sum((bill.amount for bill in self.bills), ZERO)
        return sum((line.amount for line in self.accounts), of_bills)

    def save_lines(self, order: PaymentOrder) -> None:
        OrderBill.objects.bulk_create(
            OrderBill(order=order, bill_id=bill.bill_id, amount=bill.amount, discount=bill.discount)
            for bill in self.bills
        )
        for line in self.accounts:
            line.order = order
        OrderAccount.objects.bulk_create(self.accounts)


def wish_of(order: PaymentOrder) -> Wish:
    """What an order was started for, to start it again in another way."""
    purpose = OrderAccount.Purpose
    lines = list(order.account_lines.all())
    prepaid = [line for line in lines if line.purpose == purpose.PREPAYMENT and line.months]
    return Wish(
        frozenset(order.lines.values_list("bill", flat=True)),
        frozenset(line.account_id for line in lines if line.purpose == purpose.UNBILLED),
        (prepaid[0].account_id, prepaid[0].months) if prepaid else None,  # type: ignore[arg-type]
    )


def accounts_of(user: User, wish: Wish) -> set[int]:
    """The accounts of `user` that a wish touches."""
    bills = Bill.objects.of_resident(user).filter(pk__in=wish.bill_ids)
    accounts = Account.objects.of_resident(user).filter(pk__in=wish.account_ids)
    return {*bills.values_list("account_id", flat=True), *accounts.values_list("pk", flat=True)}


def live_orders_for(user: User, wish: Wish) -> list[PaymentOrder]:
    """Orders that may still be paid for something of the wish; anybody's, not only `user`'s own."""
    bills = Bill.objects.of_resident(user).filter(pk__in=wish.bill_ids)
    accounts = Account.objects.of_resident(user).filter(pk__in=wish.account_ids)
    wanted = Q(lines__bill__in=bills)
    if wish.unbilled:
        wanted |= Q(account_lines__account__in=accounts, account_lines__purpose="unbilled")
    if wish.prepay:
        wanted |= Q(account_lines__account__in=accounts, account_lines__purpose="prepayment")
    return list(PaymentOrder.objects.live().filter(wanted).distinct())


def being_paid(bill_ids: Collection[int], unbilled: Collection[int]) -> Decimal:
    """What somebody is about to pay online, in yuan, by orders that are open now for any of the
    bills, or for what accounts owe on no bill; orders may hold more than that. One query."""
    wanted = _is_for(bill_ids, unbilled)
    now = PaymentOrder.objects.live().filter(wanted, expires_at__gt=timezone.now()).distinct()
    total: Decimal = now.aggregate(total=Coalesce(Sum("amount"), ZERO))["total"]
    return total


def last_paid(bill_ids: Collection[int], unbilled: Collection[int]) -> PaymentOrder | None:
    """The last order, with its receipt, that was paid for any of the bills, or for what accounts
    owe on no bill. One query."""
    paid = PaymentOrder.objects.filter(
        _is_for(bill_ids, unbilled), state=PaymentOrder.State.PAID, payment__receipt__isnull=False
    )
    return paid.select_related("payment__receipt").order_by("-paid_at").first()


def _is_for(bill_ids: Collection[int], unbilled: Collection[int]) -> Q:
    return Q(lines__bill__in=bill_ids) | Q(
        account_lines__account__in=unbilled, account_lines__purpose=OrderAccount.Purpose.UNBILLED
    )


def fill(user: User, wish: Wish) -> Basket | None:
    """What of the wish is to be paid now; None if nothing is. The accounts are locked.

    Raises SeveralCommunities. Other people's bills and accounts are not seen.
    """
    touched = Community.objects.filter(accounts__in=accounts_of(user, wish)).distinct()
    if len(touched) > 1:
        raise SeveralCommunities
    if not touched:
        return None
    bills = Bill.objects.of_resident(user).filter(pk__in=wish.bill_ids)
    own = Account.objects.of_resident(user)
    unbilled = own.filter(pk__in=wish.unbilled).values_list("pk", flat=True)
    basket = Basket(
        touched[0],
        open_bills(bills.values_list("pk", flat=True), community=touched[0]),
        [
            OrderAccount(
                account_id=part.account_id,
                purpose=OrderAccount.Purpose.UNBILLED,
                amount=part.amount,
            )
            for part in open_unbilled(unbilled, community=touched[0])
        ]
        + _months_ahead(user, wish),
    )
    return basket if basket.total else None


def _months_ahead(user: User, wish: Wish) -> list[OrderAccount]:
    if wish.prepay is None or not 1 <= wish.prepay[1] <= MOST_MONTHS:
        return []
    account = Account.objects.of_resident(user).filter(pk=wish.prepay[0]).first()
    if account is None:
        return []
    wanted = top_up(account, wish.prepay[1])
    estimate = wanted.estimate
    if not wanted.to_pay:
        return []
    return [
        OrderAccount(
            account=account,
            purpose=OrderAccount.Purpose.PREPAYMENT,
            months=estimate.months,
            starts_on=estimate.starts_on,
            ends_on=estimate.ends_on,
            amount=wanted.to_pay,
        )
    ]
