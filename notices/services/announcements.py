"""Single notices, one function for each thing that is told. Each event is told once."""

import datetime
from typing import Any

from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from billing.models import BillingPeriod
from community.models import BindingRequest, Community, Membership, Party, Role, User, today
from notices.models import Delivery, Notice
from notices.services.notify import notify
from payments import providers
from payments.models import Deposit, Payment, PaymentOrder, Posting, ProviderEvent, Refund
from payments.services.channels.reconciling import communities_of
from payments.unsettled.reasons import meaning_of
from servicedesk.models import Ticket, TicketBreach, TicketMessage

# How long a one-time code can be used, when its sender does not say.
CODE_LIFETIME = datetime.timedelta(minutes=5)


def _tell(
    user: User, *, kind: Notice.Kind, event_key: str, community: Community, context: dict[str, Any]
) -> None:
    """Notifies somebody who signs in, at his own phone and address."""
    notify(
        kind=kind,
        event_key=event_key,
        community=community,
        user=user,
        phone=user.phone,
        email=user.email,
        context=context,
    )


def receipt(*, payment: Payment) -> None:
    """The receipt, to every payer whose account the payment was posted to or is a deposit of."""
    posted = Posting.objects.filter(payment=payment).values("credit_entry__account")
    held = Deposit.objects.filter(payment=payment).values("account")
    payers = Party.objects.filter(Q(accounts__in=posted) | Q(accounts__in=held)).distinct()
    for party in payers:
        notify(
            kind=Notice.Kind.RECEIPT,
            event_key=f"receipt:{payment.pk}:{party.pk}",
            community=payment.community,
            party=party,
            phone=party.phone,
            email=party.email,
            context={"payment": payment.pk},
        )


def ticket_reply(*, ticket: Ticket, message: TicketMessage) -> None:
    """A reply of staff, to whoever reported; what staff note among themselves stays there."""
    if message.is_internal or not message.from_staff:
        return
    reporter = ticket.reporter
    notify(
        kind=Notice.Kind.TICKET_REPLY,
        event_key=f"ticket-reply:{message.pk}",
        community=ticket.community,
        user=reporter,
        phone=reporter.phone if reporter else ticket.contact_phone,
        email=reporter.email if reporter else "",
        context={"ticket": ticket.pk, "message": message.pk},
    )


def breach_alert(*, ticket: Ticket, breach: TicketBreach) -> None:
    """A clock ran out: every manager of the community hears of it."""
    for user in _staff(ticket.community_id, Role.MANAGER):
        _tell(
            user,
            kind=Notice.Kind.STAFF_ALERT,
            event_key=f"breach:{breach.pk}:{user.pk}",
            community=ticket.community,
            context={"ticket": ticket.pk, "breach": breach.pk},
        )


def payment_alert(*, order: PaymentOrder, reason: str, refund: Refund | None = None) -> None:
    """Money that does not fit, or a `refund` of it that hangs: accountants and managers hear of it,
    once for each kind of reason until somebody has looked at the order."""
    kind = meaning_of(reason, order).kind + (f":refund-{refund.pk}" if refund else "")
    look = order.looks.order_by("pk").last()
    for user in _staff(order.community_id, Role.ACCOUNTANT, Role.MANAGER):
        _tell(
            user,
            kind=Notice.Kind.PAYMENT_ALERT,
            event_key=f"payment:{order.pk}:{kind}:{look.pk if look else 0}:{user.pk}",
            community=order.community,
            context={"order": order.pk, "reason": reason}
            | ({"refund": refund.pk} if refund else {}),
        )


def message_alert(*, event: ProviderEvent) -> None:
    """A provider tells of an order that we do not have: whoever keeps the books of a community
    that uses the merchant account hears of it, of the first each day."""
    kind = providers.all_providers()[event.provider]
    for community in Community.objects.in_bulk(communities_of(kind, event.merchant)).values():
        for user in _staff(community.pk, Role.ACCOUNTANT, Role.MANAGER):
            _tell(
                user,
                kind=Notice.Kind.PAYMENT_ALERT,
                event_key=f"astray:{event.provider}:{event.merchant}:{today()}:{user.pk}",
                community=community,
                context={"event": event.pk},
            )


def paid_twice(*, order: PaymentOrder) -> None:
    """Some of an online payment was not needed any more: whoever paid hears what becomes of it.

    Of a shared link that is who made it: who used it sees it on the page where he paid.
    """
    user = order.user
    _tell(
        user,
        kind=Notice.Kind.PAID_TWICE,
        event_key=f"paid-twice:{order.pk}",
        community=order.community,
        context={"order": order.pk},
    )


def refund(*, refund: Refund) -> None:
    """A refund was paid out, or could not be (so far): the account's payer hears of it, and whoever
    paid online what goes back.

    Where these are one person, with one phone, he hears of it once; so he does of what its provider
    could not do and what then failed.
    """
    outcome = Refund.State.PAID if refund.state == Refund.State.PAID else Refund.State.FAILED
    party, order = refund.account.party, refund.payment and refund.payment.order
    user = order.user if order else None
    same = (
        user is not None
        and party.phone in ("", user.phone)
        and user.bindings.filter(party=party).exists()
    )
    told: list[tuple[Party | None, User | None]] = [] if same else [(party, None)]
    for whose, who in told + ([(None, user)] if user else []):
        to = whose or who or party
        notify(
            kind=Notice.Kind.REFUND,
            event_key=f"refund:{refund.pk}:{outcome}:{'party' if whose else 'user'}:{to.pk}",
            community=refund.community,
            party=whose,
            user=who,
            phone=to.phone,
            email=to.email,
            context={"refund": refund.pk},
        )


def refund_refused(*, refund: Refund) -> None:
    """A refund that a community's rule had asked for does not come: whoever paid online was told
    that it would, and hears why it is kept. Who asked in person sees it on his list."""
    assert refund.payment is not None
    assert refund.payment.order is not None
    user = refund.payment.order.user
    _tell(
        user,
        kind=Notice.Kind.REFUND,
        event_key=f"refund:{refund.pk}:{refund.state}:user:{user.pk}",
        community=refund.community,
        context={"refund": refund.pk},
    )


def run_due(*, period: BillingPeriod) -> None:
    """A period's bills should go out: accountants and managers hear of it once."""
    for user in _staff(period.community_id, Role.ACCOUNTANT, Role.MANAGER):
        _tell(
            user,
            kind=Notice.Kind.RUN_DUE,
            event_key=f"run-due:{period.pk}:{period.issue_on}:{user.pk}",
            community=period.community,
            context={"period": period.pk},
        )


def _staff(community_id: int, *roles: Role) -> list[User]:
    """Who works in a community in one of `roles`, today."""
    members = Membership.objects.filter(
        community_id=community_id, role__in=roles, is_active=True, user__is_active=True
    ).select_related("user")
    return [membership.user for membership in members]


def binding_decision(*, binding_request: BindingRequest) -> None:
    """What the office decided about a unit that a resident claimed.

    A claim that the register answers at once is answered on the page; no message follows it.
    """
    if binding_request.decided_by_id is None:
        return
    user = binding_request.user
    _tell(
        user,
        kind=Notice.Kind.BINDING,
        event_key=f"binding:{binding_request.pk}:{binding_request.state}",
        community=binding_request.unit.community,
        context={"binding_request": binding_request.pk},
    )


@sensitive_variables("code")
def sign_in_code(
    *, phone: str, code: str, user: User | None, expires_at: datetime.datetime
) -> None:
    """A one-time code, at once and before everything else; kept encrypted until it is sent."""
    notify(
        kind=Notice.Kind.SIGN_IN_CODE,
        user=user,
        phone=phone,
        secret=code,
        expires_at=expires_at,
        priority=Delivery.URGENT,
    )
