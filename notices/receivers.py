"""What happens in the rooms below and is told to people. Rows only: sending comes after commit."""

import datetime
from typing import Any

from django.dispatch import receiver
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from billing.models import BillingPeriod, BillRun
from billing.signals import bills_issued, run_due
from community.models import BindingRequest, User
from community.signals import binding_decided, sign_in_code_requested
from notices.services import announcements, campaign
from payments.models import Payment, PaymentOrder, ProviderEvent, Refund
from payments.signals import (
    paid_twice,
    payment_needs_attention,
    payment_received,
    refund_changed,
    refund_delayed,
)
from servicedesk.models import Ticket, TicketBreach, TicketMessage
from servicedesk.signals import ticket_breached, ticket_replied


@receiver(bills_issued)
def announce_bills(*, run: BillRun, **kwargs: Any) -> None:
    campaign.announce(run=run)


@receiver(run_due)
def remind_of_run(*, period: BillingPeriod, **kwargs: Any) -> None:
    announcements.run_due(period=period)


@receiver(payment_received)
def send_receipt(*, payment: Payment, **kwargs: Any) -> None:
    announcements.receipt(payment=payment)


@receiver(payment_needs_attention)
def alert_accountants(
    *,
    order: PaymentOrder | None,
    reason: str,
    refund: Refund | None = None,
    event: ProviderEvent | None = None,
    **kwargs: Any,
) -> None:
    if order is not None:
        announcements.payment_alert(order=order, reason=reason, refund=refund)
    elif event is not None:
        announcements.message_alert(event=event)


@receiver(paid_twice)
def tell_payer(*, order: PaymentOrder, **kwargs: Any) -> None:
    announcements.paid_twice(order=order)


@receiver(refund_changed)
def tell_of_refund(*, refund: Refund, **kwargs: Any) -> None:
    # One that only keeps what was left of a deposit pays nothing out.
    if refund.amount and refund.state in (Refund.State.PAID, Refund.State.FAILED):
        announcements.refund(refund=refund)
    elif refund.by_rule and refund.is_refused:
        announcements.refund_refused(refund=refund)


@receiver(refund_delayed)
def tell_of_delay(*, refund: Refund, **kwargs: Any) -> None:
    announcements.refund(refund=refund)


@receiver(ticket_replied)
def tell_reporter(*, ticket: Ticket, message: TicketMessage, **kwargs: Any) -> None:
    announcements.ticket_reply(ticket=ticket, message=message)


@receiver(ticket_breached)
def alert_managers(*, ticket: Ticket, breach: TicketBreach, **kwargs: Any) -> None:
    announcements.breach_alert(ticket=ticket, breach=breach)


@receiver(binding_decided)
def tell_claimant(*, binding_request: BindingRequest, **kwargs: Any) -> None:
    announcements.binding_decision(binding_request=binding_request)


@receiver(sign_in_code_requested)
@sensitive_variables("code")
def send_code(
    *,
    phone: str,
    code: str,
    user: User | None = None,
    expires_at: datetime.datetime | None = None,
    **kwargs: Any,
) -> None:
    announcements.sign_in_code(
        phone=phone,
        code=code,
        user=user,
        expires_at=expires_at or timezone.now() + announcements.CODE_LIFETIME,
    )
