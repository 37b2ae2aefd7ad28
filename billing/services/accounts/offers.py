"""Early-payment offers: made by one person, approved by another, withdrawn when need be."""

import datetime
import uuid
from collections.abc import Collection
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing.models import EarlyPaymentOffer, FeeItem
from community.models import Community, User

State = EarlyPaymentOffer.State
DAY = datetime.timedelta(days=1)


class OfferError(Exception):
    """What was asked cannot be done; nothing was changed."""


class SamePerson(OfferError):
    """Who made an offer does not approve it."""


class WrongState(OfferError):
    """There is no way from the state that the offer is in; carries it."""

    def __init__(self, state: str) -> None:
        super().__init__(f"it is {state}")
        self.state = State(state)


@transaction.atomic
def make_offer(
    *,
    community: Community,
    name: str,
    fee_items: Collection[FeeItem],
    starts_on: datetime.date,
    ends_on: datetime.date,
    pay_by: datetime.date,
    percent: Decimal,
    by: User,
    form_token: uuid.UUID,
) -> EarlyPaymentOffer:
    """An offer for the whole months from `starts_on` to `ends_on`, not in force until approved.

    The same `form_token` again returns the first. Raises ValueError for days that are not whole
    months, no fee item, or one of another community.
    """
    if starts_on.day != 1 or (ends_on + DAY).day != 1 or ends_on < starts_on:
        raise ValueError("an offer is for whole months")
    if not fee_items or any(item.community_id != community.pk for item in fee_items):
        raise ValueError("an offer needs fee items of its community")
    offer, is_new = EarlyPaymentOffer.objects.get_or_create(
        form_token=form_token,
        defaults={
            "community": community,
            "name": name.strip(),
            "starts_on": starts_on,
            "ends_on": ends_on,
            "pay_by": pay_by,
            "percent": percent,
            "created_by": by,
        },
    )
    if is_new:
        offer.fee_items.set(fee_items)
    return offer


@transaction.atomic
def approve(*, offer: EarlyPaymentOffer, by: User) -> EarlyPaymentOffer:
    """requested → approved, by another than who made it. Raises SamePerson, WrongState."""
    if offer.created_by_id == by.pk:
        raise SamePerson
    offer, moves = _locked(offer, State.APPROVED)
    if moves:
        offer.state = State.APPROVED
        offer.approved_by, offer.approved_at = by, timezone.now()
        offer.save()
    return offer


@transaction.atomic
def withdraw(*, offer: EarlyPaymentOffer) -> EarlyPaymentOffer:
    """requested, approved → withdrawn: nobody earns it any more; who has, keeps it."""
    offer, moves = _locked(offer, State.WITHDRAWN)
    if moves:
        offer.state = State.WITHDRAWN
        offer.save()
    return offer


def _locked(offer: EarlyPaymentOffer, to: State) -> tuple[EarlyPaymentOffer, bool]:
    now = EarlyPaymentOffer.objects.select_for_update(of=("self",)).get(pk=offer.pk)
    if now.state == to:
        return now, False
    if to not in EarlyPaymentOffer.TRANSITIONS[State(now.state)]:
        raise WrongState(now.state)
    return now, True
