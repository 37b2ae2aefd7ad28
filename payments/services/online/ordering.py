"""Starting an online payment: our order first, then the provider's. Amounts come from our rows."""

import logging
import secrets
import uuid
from collections.abc import Collection

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from billing.services.accounts.posting import lock_accounts
from community.models import User
from payments import providers
from payments.models import BillShare, PaymentOrder
from payments.providers.base import (
    AlreadyPaid,
    OrderRequest,
    PermanentError,
    Scene,
    TransientError,
)
from payments.scenes import best_scene
from payments.services.online.asking import ask, retire
from payments.services.online.basket import (
    Basket,
    SeveralCommunities,
    Wish,
    accounts_of,
    fill,
    live_orders_for,
)
from payments.services.online.orders import FIRST_CHECK, mark_failed, mark_pending
from payments.services.online.sharing import token_of

logger = logging.getLogger(__name__)
State = PaymentOrder.State


__all__ = [
    "NotOffered",
    "NothingToPay",
    "SeveralCommunities",
    "StillOpen",
    "Wish",
    "open_order",
    "start_order",
]


class NotOffered(Exception):
    """The community has no merchant account at this provider."""


class NothingToPay(Exception):
    """None of the chosen bills is open (any more): somebody else may have paid."""


class StillOpen(Exception):
    """Another order for these bills was opened at the same moment."""


def start_order(
    *,
    user: User,
    provider_key: str,
    scene: Scene,
    form_token: uuid.UUID,
    bill_ids: Collection[int] = (),
    wish: Wish | None = None,
    client_ip: str | None = None,
    share: BillShare | None = None,
) -> PaymentOrder:
    """An order for what is open on the chosen bills of `user`, known to the provider.

    With `share` somebody else pays, by the link that `user` made. A `wish` instead of bills asks
    for more: what is on no bill, months ahead. The form's token makes a second press return the
    first order. Earlier orders for any of it are closed at the provider first; if one of them turns
    out to be paid, it is settled and, when nothing is left to pay, returned instead.

    Raises NothingToPay, SeveralCommunities, StillOpen, NotOffered, KeyError for an unknown
    provider, and the provider's errors while closing earlier orders. An order that the provider
    does not take is returned FAILED; one of which nobody knows whether it arrived is CREATED.
    """
    if scene not in providers.all_providers()[provider_key].scenes:
        raise ValueError(f"{provider_key} does not work as {scene}")
    known = PaymentOrder.objects.filter(form_token=form_token, user=user).first()
    if known is not None:
        return known
    wish = wish or Wish(frozenset(bill_ids))
    earlier = _retire_earlier(user, wish, form_token)
    settled = [order for order in earlier if order.state == State.PAID]
    try:
        order = _create(user, wish, provider_key, scene, form_token, client_ip, share)
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

    Inside the provider's app it waits until `name_payer` says who pays.
    Raises TransientError when nobody knows whether it arrived: calling again is safe.
    """
    if order.state not in (State.CREATED, State.PENDING) or order.waits_for_payer:
        return order
    provider = providers.of(order)
    try:
        instruction = provider.open(_request(order))
    except AlreadyPaid:
        return ask(order)
    except PermanentError as error:
        if order.pay_url:
            # An address was given out before: what cannot be renewed must not stay payable.
            return retire(order)
        return mark_failed(order.pk, str(error))
    opened = mark_pending(order.pk, instruction)
    if opened.state in (State.CLOSED, State.FAILED, State.EXPIRED):
        # Given up while the request was on its way: it must not stay payable.
        return retire(opened)
    return opened


def _retire_earlier(user: User, wish: Wish, form_token: uuid.UUID) -> list[PaymentOrder]:
    """Ends other orders for the same. The other one of two presses is not an earlier order."""
    earlier = live_orders_for(user, wish)
    return [retire(order) for order in earlier if order.form_token != form_token]


@transaction.atomic
def _create(
    user: User,
    wish: Wish,
    provider_key: str,
    scene: Scene,
    form_token: uuid.UUID,
    client_ip: str | None,
    share: BillShare | None,
) -> PaymentOrder:
    lock_accounts(accounts_of(user, wish))
    # The other one of two presses was quicker, and has committed.
    known = PaymentOrder.objects.filter(form_token=form_token, user=user).first()
    if known is not None:
        return known
    basket = fill(user, wish)
    if basket is None:
        raise NothingToPay
    if live_orders_for(user, wish):
        raise StillOpen
    offered = providers.available(basket.community.code)
    if provider_key not in offered:
        raise NotOffered
    provider = offered[provider_key]
    if scene not in provider.open_scenes:  # the account of this community cannot do that
        scene = best_scene(provider.open_scenes)
    return _insert(
        basket,
        PaymentOrder(
            community=basket.community,
            user=user,
            provider=provider_key,
            merchant=provider.merchant,
            scene=scene,
            out_trade_no=_number(),
            amount=basket.total,
            form_token=form_token,
            client_ip=client_ip,
            share=share,
            expires_at=(timezone.now() + settings.ORDER_LIFE).replace(microsecond=0),
            check_at=timezone.now() + FIRST_CHECK,
        ),
    )


def _insert(basket: Basket, order: PaymentOrder) -> PaymentOrder:
    try:
        with transaction.atomic():
            order.save(force_insert=True)
    except IntegrityError as error:
        known = PaymentOrder.objects.filter(form_token=order.form_token, user=order.user).first()
        if known is None:
            raise StillOpen from error
        return known
    basket.save_lines(order)
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
        notify_url=settings.SITE_URL + callback_path(order.provider, order.merchant),
        return_url=settings.SITE_URL + order_path(order),
        client_ip=order.client_ip or "",
        payer=order.payer,
    )


def order_path(order: PaymentOrder) -> str:
    """The page where whoever pays an order comes back to: who has a link is not signed in."""
    if order.share is not None:
        return reverse("payments:shared_order", args=[token_of(order.share), order.pk])
    return reverse("payments:order", args=[order.pk])


def callback_path(provider: str, merchant: str) -> str:
    """Where a provider tells us of a merchant account's orders and refunds."""
    if merchant:
        return reverse("payments:merchant_callback", args=[provider, merchant])
    return reverse("payments:callback", args=[provider])
