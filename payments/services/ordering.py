"""Starting an online payment: our order first, then the provider's. Amounts come from our rows."""

import datetime
import logging
import secrets
import uuid
from collections.abc import Collection

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from billing.models import Bill
from billing.services.posting import lock_accounts
from community.models import Community, User
from core.money import ZERO
from payments import providers
from payments.models import OrderBill, PaymentOrder
from payments.providers.base import (
    AlreadyPaid,
    OrderRequest,
    PermanentError,
    Scene,
    TransientError,
)
from payments.services.asking import ask, retire
from payments.services.counter import OpenBill, open_bills
from payments.services.orders import FIRST_CHECK, mark_failed, mark_pending

logger = logging.getLogger(__name__)
LIFE = datetime.timedelta(minutes=30)
State = PaymentOrder.State


class NothingToPay(Exception):
    """None of the chosen bills is open (any more): somebody else may have paid."""


class SeveralCommunities(Exception):
    """Bills of two communities cannot be paid together: the money goes to two companies."""


class StillOpen(Exception):
    """Another order for these bills was opened at the same moment."""


def start_order(
    *,
    user: User,
    bill_ids: Collection[int],
    provider_key: str,
    scene: Scene,
    form_token: uuid.UUID,
    client_ip: str | None = None,
) -> PaymentOrder:
    """An order for what is open on the chosen bills of `user`, known to the provider.

    The form's token makes a second press return the first order. Earlier orders for any of the
    bills are closed at the provider first; if one of them turns out to be paid, it is settled and,
    when nothing is left to pay, returned instead.

    Raises NothingToPay, SeveralCommunities, StillOpen, KeyError for an unknown provider, and the
    provider's errors while closing earlier orders. An order that the provider does not take is
    returned FAILED; one of which nobody knows whether it arrived is returned CREATED.
    """
    provider = providers.get(provider_key)
    if scene not in provider.scenes:
        raise ValueError(f"{provider_key} does not work as {scene}")
    known = PaymentOrder.objects.filter(form_token=form_token, user=user).first()
    if known is not None:
        return known
    earlier = _retire_earlier(user, bill_ids, form_token)
    settled = [order for order in earlier if order.state == State.PAID]
    try:
        order = _create(user, bill_ids, provider_key, scene, form_token, client_ip)
    except NothingToPay:
        if settled:
            return settled[0]
        raise
    try:
        return open_order(order)
    except TransientError as error:
        logger.warning("order %s: %s", order.out_trade_no, error)
        return order


def open_order(order: PaymentOrder) -> PaymentOrder:
    """Places an order at the provider if it is live, or again for a fresh address; the order now.

    Raises TransientError when nobody knows whether it arrived: calling again is safe.
    """
    if order.state not in (State.CREATED, State.PENDING):
        return order
    provider = providers.get(order.provider)
    try:
        instruction = provider.open(_request(order))
    except AlreadyPaid:
        return ask(order)
    except PermanentError as error:
        return mark_failed(order.pk, str(error))
    opened = mark_pending(order.pk, instruction)
    if opened.state in (State.CLOSED, State.FAILED, State.EXPIRED):
        # Given up while the request was on its way: it must not stay payable.
        return retire(opened)
    return opened


def _retire_earlier(
    user: User, bill_ids: Collection[int], form_token: uuid.UUID
) -> list[PaymentOrder]:
    """Ends other orders for the bills. The other one of two presses is not an earlier order."""
    bills = Bill.objects.of_resident(user).filter(pk__in=bill_ids)
    earlier = PaymentOrder.objects.live().filter(lines__bill__in=bills).distinct()
    return [retire(order) for order in earlier.exclude(form_token=form_token)]


@transaction.atomic
def _create(
    user: User,
    bill_ids: Collection[int],
    provider_key: str,
    scene: Scene,
    form_token: uuid.UUID,
    client_ip: str | None,
) -> PaymentOrder:
    bills = Bill.objects.of_resident(user).filter(pk__in=bill_ids)
    lock_accounts(bills.values_list("account_id", flat=True))
    # The other one of two presses was quicker, and has committed.
    known = PaymentOrder.objects.filter(form_token=form_token, user=user).first()
    if known is not None:
        return known
    communities = Community.objects.filter(accounts__bills__in=bills).distinct()
    if len(communities) > 1:
        raise SeveralCommunities
    opened = (
        open_bills(bills.values_list("pk", flat=True), community=communities[0])
        if communities
        else []
    )
    if not opened:
        raise NothingToPay
    if (
        PaymentOrder.objects.live()
        .filter(lines__bill__in=[bill.bill_id for bill in opened])
        .exists()
    ):
        raise StillOpen
    return _insert(
        opened,
        PaymentOrder(
            community=communities[0],
            user=user,
            provider=provider_key,
            scene=scene,
            out_trade_no=_number(),
            amount=sum((bill.amount for bill in opened), ZERO),
            form_token=form_token,
            client_ip=client_ip,
            expires_at=(timezone.now() + LIFE).replace(microsecond=0),
            check_at=timezone.now() + FIRST_CHECK,
        ),
    )


def _insert(opened: list[OpenBill], order: PaymentOrder) -> PaymentOrder:
    try:
        with transaction.atomic():
            order.save(force_insert=True)
    except IntegrityError as error:
        known = PaymentOrder.objects.filter(form_token=order.form_token, user=order.user).first()
        if known is None:
            raise StillOpen from error
        return known
    OrderBill.objects.bulk_create(
        OrderBill(order=order, bill_id=bill.bill_id, amount=bill.amount) for bill in opened
    )
    return order


def _number() -> str:
    """An order number that nobody guesses: the day, then 16 random characters."""
    return f"{timezone.localdate():%Y%m%d}{secrets.token_hex(8)}"


def _request(order: PaymentOrder) -> OrderRequest:
    """What the provider is asked: the very same every time, or it refuses the second."""
    return OrderRequest(
        out_trade_no=order.out_trade_no,
        amount=order.amount,
        description=f"{order.community.name} 物业费",
        scene=Scene(order.scene),
        expires_at=timezone.localtime(order.expires_at),
        notify_url=settings.SITE_URL + reverse("payments:callback", args=[order.provider]),
        return_url=settings.SITE_URL + reverse("payments:order", args=[order.pk]),
        client_ip=order.client_ip or "",
    )
