"""Money paid online for what somebody had paid meanwhile: kept or given back, as a community rules.

The rule decides nothing that a person has to: a refund that it asks for waits for approval like any
other, and until then the money is the account's credit.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from billing.models import Account
from community.models import Community, User
from core.money import ZERO
from payments import providers
from payments.models import OrderAccount, PaymentOrder, PaymentSettings, Refund
from payments.models.order import PAID_TWICE
from payments.providers.base import Capability
from payments.services.giving_back.refunds import request_refund
from payments.signals import paid_twice

# A refund that will be or is paid out.
ALIVE = (*Refund.OPEN, Refund.State.PAID)
KEPT = f"{PAID_TWICE}: the rest is kept as credit"
ASKED = f"{PAID_TWICE}: a refund of the rest is asked for"


def unasked_credit(order: PaymentOrder) -> dict[int, Decimal]:
    """By account: what of a paid order became credit though it was not meant to, in yuan."""
    meant = dict(
        order.account_lines.filter(purpose=OrderAccount.Purpose.PREPAYMENT).values_list(
            "account_id", "amount"
        )
    )
    kept = order.payment.receipt.lines.filter(charge=None).values_list("account_id", "amount")
    rest = {account_id: amount - meant.get(account_id, ZERO) for account_id, amount in kept}
    return {account_id: amount for account_id, amount in rest.items() if amount > 0}


@dataclass(frozen=True)
class Rest:
    """What was not needed of a paid order at one unit, or a part of that, in yuan, and the refund
    that somebody or the rule asked for, if so."""

    unit: str
    amount: Decimal
    refund: Refund | None

    @property
    def kept(self) -> bool:
        """Whether it is credit for now: nobody asked for it back, or nothing came of that."""
        return self.refund is None or self.refund.state not in ALIVE


def rests(order: PaymentOrder) -> list[Rest]:
    """What became of the money of a paid order that was not needed; mostly nothing is there."""
    found = unasked_credit(order)
    if not found:
        return []
    asked = list(order.payment.refunds.filter(account__in=found).order_by("pk"))
    asked += _instead(asked)
    units = Account.objects.filter(pk__in=found).order_by("unit__sort_key", "pk")
    return [
        rest
        for pk, code in units.values_list("pk", "unit__code")
        for rest in _parts(code, found[pk], [one for one in asked if one.account_id == pk])
    ]


def _parts(unit: str, amount: Decimal, asked: Iterable[Refund]) -> Iterator[Rest]:
    """What goes or went back of `amount` yuan, by refund, then what is kept, with the last refund
    that came to nothing."""
    fell_through = None
    for refund in asked:
        if refund.state not in ALIVE:
            fell_through = refund
        elif part := min(refund.amount, amount):
            yield Rest(unit, part, refund)
            amount -= part
    if amount:
        yield Rest(unit, amount, fell_through)


def _instead(asked: Iterable[Refund]) -> list[Refund]:
    """The refunds of credit that were asked for after one failed: the other way that it took."""
    since = {
        refund.account_id: refund.ended_at
        for refund in asked
        if refund.state == Refund.State.FAILED and refund.ended_at
    }
    if not since:
        return []
    others = Refund.objects.filter(account__in=since, payment=None, deposit=None).order_by("pk")
    return [one for one in others if one.requested_at >= since[one.account_id]]


@dataclass(frozen=True)
class Treated:
    """What the rule did with what was not needed at one unit, in yuan; never changes."""

    unit: str
    amount: Decimal
    kept: bool  # else a refund is asked for


def treated(order: PaymentOrder) -> list[Treated]:
    """What the community's rule did when the order was paid, whatever came of it since."""
    found = unasked_credit(order)
    by_rule = order.payment.refunds.filter(requested_by=None, account__in=found)
    asked = set(by_rule.values_list("account_id", flat=True))
    units = Account.objects.filter(pk__in=found).order_by("unit__sort_key", "pk")
    return [
        Treated(code, found[pk], pk not in asked)
        for pk, code in units.values_list("pk", "unit__code")
    ]


def treat(order: PaymentOrder, rest: dict[int, Decimal]) -> str:
    """Applies the community's rule to what was not needed of a paid order; what was done.

    `rest` is yuan by account. The payer is told by `paid_twice`. Must run in the transaction that
    settled the order, under the accounts' locks; doing it twice asks once.
    """
    can = Capability.REFUND in providers.made(order).capabilities
    refunds = can and refunds_twice(order.community)
    if refunds:
        for account in Account.objects.filter(pk__in=rest).order_by("pk"):
            _ask(order, account, rest[account.pk])
    paid_twice.send(sender=PaymentOrder, order=order)
    return ASKED if refunds else KEPT


def refunds_twice(community: Community) -> bool:
    """Whether the community's rule is to ask for a refund of money paid twice, not to keep it."""
    return PaymentSettings.of(community).paid_twice == PaymentSettings.PaidTwice.REFUND


def choose_rule(*, community: Community, rule: str, by: User) -> PaymentSettings:
    """What the community does with money paid twice from now on."""
    chosen, _new = PaymentSettings.objects.update_or_create(
        community=community,
        defaults={"paid_twice": PaymentSettings.PaidTwice(rule), "changed_by": by},
    )
    return chosen


def _ask(order: PaymentOrder, account: Account, amount: Decimal) -> None:
    # The payer reads the reason too, in his provider's app: in the language of the office.
    with translation.override(settings.LANGUAGE_CODE):
        reason = gettext("Paid twice: the bill had been paid another way meanwhile.")
    request_refund(
        account=account,
        amount=amount,
        reason=reason,
        method=Refund.Method.ORIGINAL,
        payment=order.payment,
        by=None,
        token=uuid.uuid5(order.form_token, f"paid twice:{account.pk}"),
    )
