"""Online payments that a machine could not settle, told so that a person knows what to do."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from community.models import Community
from payments.models import PaymentOrder, ProviderEvent

# What the services keep as the reason, and what it means to whoever has to act on it.
_REASONS: tuple[tuple[str, Promise], ...] = (
    (
        r"paid after it was closed",
        _(
            "It was paid after it had been given up. The money is recorded: please see whether "
            "the bills were paid twice."
        ),
    ),
    (
        r"a bill was paid already: a refund",
        _(
            "A bill had been paid another way meanwhile. By the community's rule a refund of the "
            "rest is asked for: please approve or reject it."
        ),
    ),
    (
        r"a bill was paid already",
        _(
            "A bill had been paid another way meanwhile. The rest is kept as credit: please ask "
            "the payer whether he wants it back."
        ),
    ),
    (
        r"[\d.]+ yuan were paid|it says paid, [\d.]+ yuan",
        _(
            "Another amount was paid than we asked for. Nothing is recorded yet: please compare "
            "with the provider's own list of payments."
        ),
    ),
    (
        r"it says paid, but asked",
        _(
            "A message said paid, but the provider itself did not confirm it. Nothing is recorded; "
            "usually it is confirmed by itself a little later."
        ),
    ),
    (
        r"it says ",
        _("The provider's message does not speak of a payment as we asked for it."),
    ),
    (
        r"merchant .* not ours",
        _("The message is about another merchant's account. Please check the settings."),
    ),
    (
        r"facts are about|transaction .*, not",
        _("The provider's numbers do not fit this order. Please ask the provider."),
    ),
    (
        r"the provider refunded it|calls it refunded",
        _("The provider gave the money back before we knew of it. Nothing is recorded."),
    ),
    (
        r"not about a payment",
        _("The provider sent a message that is not about a payment, for instance on a refund."),
    ),
    (
        r"it cannot reach the payer",
        _("The provider could not get the money to the payer, whose account there may be closed."),
    ),
    (
        r"the merchant's balance is too low",
        _(
            "The balance at the provider does not cover the refund. Please top it up: the refund "
            "is then sent by itself."
        ),
    ),
    (
        r"the provider closed it",
        _("The provider ended the refund without moving any money."),
    ),
    (
        r"the provider refused it",
        _("The provider did not accept the refund. No money was moved."),
    ),
    (
        r"no merchant account any more",
        _("The merchant account of this payment is not set up any more."),
    ),
    (
        r"the provider does not answer",
        _(
            "The provider does not tell what became of it. Please look it up in the provider's "
            "own list of payments."
        ),
    ),
)
_REFUSED = _("The provider did not accept the order. Nothing was taken.")
_OTHER = _("It could not be settled by itself. Please compare with the provider's own list.")
_THEIR_AMOUNT = re.compile(r"(\d+\.?\d*) yuan")


@dataclass(frozen=True)
class Reason:
    """Why somebody has to look: a sentence, and beside it what the machine kept."""

    plain: str | Promise
    code: str


@dataclass(frozen=True)
class Unsettled:
    """An order that does not fit. Amounts in yuan; `theirs` None where nothing is known paid."""

    order: PaymentOrder
    reasons: list[Reason]
    theirs: Decimal | None

    @property
    def units(self) -> list[str]:
        """The codes of the units that it pays for."""
        of_bills = [line.bill.account for line in self.order.lines.all()]
        beside = [line.account for line in self.order.account_lines.all()]
        return list(dict.fromkeys(account.unit.code for account in (*of_bills, *beside)))


def unsettled_orders(community: Community) -> QuerySet[PaymentOrder]:
    """The community's orders that wait for a person, the newest first."""
    orders = PaymentOrder.objects.filter(community=community)
    return orders.unsettled().with_refunded().order_by("-created_at")


def looked_at_orders(community: Community) -> QuerySet[PaymentOrder]:
    """Those that somebody has looked at, and nothing came up since; the newest first."""
    orders = PaymentOrder.objects.filter(community=community, looks__isnull=False)
    waiting = unsettled_orders(community).order_by().values("pk")
    return orders.exclude(pk__in=waiting).distinct().with_refunded().order_by("-created_at")


def explain(orders: Iterable[PaymentOrder]) -> list[Unsettled]:
    """`orders` with why each waits (one query, and those for lines that were not prefetched)."""
    orders = list(orders)
    refused = ProviderEvent.objects.filter(
        state=ProviderEvent.State.REFUSED,
        out_trade_no__in=[order.out_trade_no for order in orders],
    )
    said: dict[str, list[str]] = defaultdict(list)
    for number, outcome in refused.order_by("pk").values_list("out_trade_no", "outcome"):
        said[number].append(outcome)
    return [_explained(order, said[order.out_trade_no]) for order in orders]


def _explained(order: PaymentOrder, said: list[str]) -> Unsettled:
    codes = list(dict.fromkeys(([order.problem] if order.problem else []) + said))
    failed = order.state == PaymentOrder.State.FAILED
    reasons = [
        Reason(_REFUSED if failed and code == order.problem else plain_reason(code), code)
        for code in codes
    ]
    figures = [Decimal(found[1]) for code in codes if (found := _THEIR_AMOUNT.search(code))]
    paid = order.amount if order.state == PaymentOrder.State.PAID else None
    return Unsettled(order, reasons, figures[0] if figures else paid)


def plain_reason(code: str) -> str | Promise:
    """What a kept reason means, in a sentence for people."""
    for pattern, sentence in _REASONS:
        if re.search(pattern, code):
            return sentence
    return _OTHER
