"""What the reasons that machines keep mean to people: why an order or a refund needs somebody."""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import format_yuan
from payments.models import PaymentOrder, Refund
from payments.models.order import PAID_TWICE


@dataclass(frozen=True)
class Meaning:
    """A kind of reason: its name for the program, the sentence for people, and the same in the
    few characters of a short text. `unfit` says of it that money and message did not meet, which
    reads otherwise once the order is booked."""

    kind: str
    plain: str | Promise
    brief: str | Promise
    unfit: bool = False


_UNFIT_BRIEF = _("a message does not fit")
_REFUND_BRIEF = _("a refund hangs")
# What the services keep as the reason, and what it means to whoever has to act on it.
_MEANINGS: tuple[tuple[str, Meaning], ...] = (
    (
        r"paid after it was closed",
        Meaning(
            "late",
            _(
                "It was paid after it had been given up. The money is recorded: please see whether "
                "the bills were paid twice."
            ),
            _("paid after it was given up"),
        ),
    ),
    (
        r"a bill was paid already: a refund",
        Meaning(
            "twice_refund",
            _(
                "A bill had been paid another way meanwhile. By the community's rule a refund of "
                "the rest is asked for: please approve or reject it."
            ),
            _("paid twice, refund to approve"),
        ),
    ),
    (
        r"a bill was paid already",
        Meaning(
            "twice_credit",
            _(
                "A bill had been paid another way meanwhile. The rest is kept as credit: please "
                "ask the payer whether he wants it back."
            ),
            _("paid twice, kept as credit"),
        ),
    ),
    (
        r"[\d.]+ yuan were paid|it says paid, [\d.]+ yuan",
        Meaning(
            "amount",
            _(
                "Another amount was paid than we asked for. Nothing is recorded yet: please "
                "compare with the provider's own list of payments."
            ),
            _("another amount than asked"),
            unfit=True,
        ),
    ),
    (
        r"it says paid, but asked",
        Meaning(
            "unconfirmed",
            _(
                "A message said paid, but the provider itself did not confirm it. Nothing is "
                "recorded; usually it is confirmed by itself a little later."
            ),
            _("paid, but not confirmed"),
            unfit=True,
        ),
    ),
    (
        r"it says ",
        Meaning(
            "other_state",
            _("The provider's message does not speak of a payment as we asked for it."),
            _UNFIT_BRIEF,
            unfit=True,
        ),
    ),
    (
        r"merchant .* not ours",
        Meaning(
            "merchant",
            _("The message is about another merchant's account. Please check the settings."),
            _("another merchant's account"),
            unfit=True,
        ),
    ),
    (
        r"unknown order",
        Meaning(
            "unknown",
            _(
                "The message is about an order that we do not have. Please compare with the "
                "provider's own list of payments: somebody's money may be there."
            ),
            _("an order that we do not have"),
        ),
    ),
    (
        r"facts are about|transaction .*, not",
        Meaning(
            "numbers",
            _("The provider's numbers do not fit this order. Please ask the provider."),
            _("the numbers do not fit"),
            unfit=True,
        ),
    ),
    (
        r"the provider refunded it|calls it refunded",
        Meaning(
            "refunded",
            _("The provider gave the money back before we knew of it. Nothing is recorded."),
            _("given back before we knew"),
            unfit=True,
        ),
    ),
    (
        r"not about a payment",
        Meaning(
            "no_payment",
            _("The provider sent a message that is not about a payment, for instance on a refund."),
            _UNFIT_BRIEF,
        ),
    ),
    (
        r"it cannot reach the payer",
        Meaning(
            "unreachable",
            _(
                "The provider could not get the money to the payer, whose account there may be "
                "closed. Please see at the provider's own pages whether it can go another way "
                "there. If not, say on the refund's page that it could not be paid out, and give "
                "it back by bank transfer."
            ),
            _REFUND_BRIEF,
        ),
    ),
    (
        r"no word that the money moved",
        Meaning(
            "refund_silent",
            _(
                "The provider took the refund on, and a day later it still does not say that any "
                "money moved. Please look it up at the provider's own pages. If the payer does not "
                "have it, say on the refund's page that it could not be paid out, and give it back "
                "by bank transfer."
            ),
            _REFUND_BRIEF,
        ),
    ),
    (
        r"it is under way for too long",
        Meaning(
            "refund_slow",
            _(
                "The provider has been at this refund for a week. Please ask the provider. If the "
                "money does not reach the payer, say on the refund's page that it could not be "
                "paid out, and give it back by bank transfer."
            ),
            _REFUND_BRIEF,
        ),
    ),
    (
        r"the merchant's balance is too low",
        Meaning(
            "balance",
            _(
                "The balance at the provider does not cover the refund. Please top it up: the "
                "refund is then sent by itself."
            ),
            _("balance too low for a refund"),
        ),
    ),
    (
        r"the provider closed it",
        Meaning(
            "refund_closed",
            _("The provider ended the refund without moving any money."),
            _REFUND_BRIEF,
        ),
    ),
    (
        r"the provider refused it",
        Meaning(
            "refund_refused",
            _("The provider did not accept the refund. No money was moved."),
            _("a refund was not accepted"),
        ),
    ),
    (
        r"no merchant account any more",
        Meaning(
            "no_account",
            _(
                "The merchant account of this payment is not in the settings any more, so nobody "
                "can be asked what became of it. Please put it back, or look the payment up in "
                "that account's own list."
            ),
            _("the merchant account is gone"),
        ),
    ),
    (
        r"the provider does not answer",
        Meaning(
            "silence",
            _(
                "The provider does not tell what became of it. Please look it up in the provider's "
                "own list of payments."
            ),
            _("the provider does not answer"),
        ),
    ),
)
# Of money paid twice: a refund of it was asked for by a person, or decided on.
REFUND_ASKED = Meaning(
    "twice_asked",
    _(
        "A bill had been paid another way meanwhile, and a refund of the rest was asked for: "
        "please see on the refund's page what is left to do."
    ),
    _("paid twice, a refund to see to"),
)
REFUSED = Meaning(
    "refused", _("The provider did not accept the order. Nothing was taken."), _("not accepted")
)
OTHER = Meaning(
    "other",
    _("It could not be settled by itself. Please compare with the provider's own list."),
    _("not settled by itself"),
)


def meaning_of(code: str, order: PaymentOrder | None = None) -> Meaning:
    """What a kept reason means, for `order` as it stands now where it is about one.

    Once the order is booked, what did not fit is told as that: a message beside a payment that
    stands, with the amount it stands with.
    """
    if order and order.state == PaymentOrder.State.FAILED and code == order.problem:
        return REFUSED
    found = next((one for pattern, one in _MEANINGS if re.search(pattern, code)), OTHER)
    if order and code.startswith(PAID_TWICE) and _is_seen_to(order, found):
        return REFUND_ASKED
    if found.unfit and order and order.state == PaymentOrder.State.PAID:
        booked = gettext(
            "A message came that does not fit. The order is booked with %(amount)s: please compare "
            "with the provider's own list of payments."
        ) % {"amount": format_yuan(order.amount)}
        return Meaning(found.kind, booked, found.brief)
    return found


def _is_seen_to(order: PaymentOrder, told: Meaning) -> bool:
    """Whether a refund of money paid twice is past what was `told` of it."""
    refunds = order.payment.refunds.all() if order.state == PaymentOrder.State.PAID else ()
    states = {refund.state for refund in refunds}
    return bool(states) and (told.kind == "twice_credit" or Refund.State.REQUESTED not in states)


def plain_reason(code: str, order: PaymentOrder | None = None) -> str | Promise:
    """What a kept reason means, in a sentence for people; `order` as above."""
    return meaning_of(code, order).plain
