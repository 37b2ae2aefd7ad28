"""Early-payment offers: made by one person, approved by another, withdrawn when need be."""

import datetime
import uuid
from collections.abc import Collection
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing.models import EarlyPaymentOffer, FeeItem
from billing.models.offer import MOST_PERCENT
from billing.services.accounts.offers_together import (
    Overlap,
    Terms,
    counting,
    most_together,
    overlaps,
)
from community.models import Community, User
from community.services.imports import lock

State = EarlyPaymentOffer.State
DAY = datetime.timedelta(days=1)


class OfferError(Exception):
    """What was asked cannot be done; nothing was changed."""


class SamePerson(OfferError):
    """Who made an offer does not approve it."""


class TooMuchTogether(OfferError):
    """With offers in force for the same fees it would give too much off; carries both."""

    def __init__(self, together: Decimal, others: list[Overlap]) -> None:
        super().__init__(f"{together} % together")
        self.together = together
        self.others = others


class OthersNow(OfferError):
    """Other offers for the same fees came or went since somebody looked."""


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
    months, no fee item, or one of another community; TooMuchTogether.
    """
    if starts_on.day != 1 or (ends_on + DAY).day != 1 or ends_on < starts_on:
        raise ValueError("an offer is for whole months")
    if not fee_items or any(item.community_id != community.pk for item in fee_items):
        raise ValueError("an offer needs fee items of its community")
    terms = Terms(starts_on, ends_on, frozenset(item.pk for item in fee_items), percent)
    others = counting(community).exclude(form_token=form_token)
    check_together(terms, overlaps(terms, others))
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
def approve(
    *, offer: EarlyPaymentOffer, by: User, together: Decimal | None = None
) -> EarlyPaymentOffer:
    """requested → approved, by another than who made it.

    `together`: the most, in %, that he was told it gives with other offers. Raises SamePerson,
    WrongState, TooMuchTogether; OthersNow where that is not so any more.
    """
    if offer.created_by_id == by.pk:
        raise SamePerson
    lock(offer.community)
    offer, moves = _locked(offer, State.APPROVED)
    if moves:
        terms = Terms.of(offer)
        others = overlaps(terms, counting(offer.community).exclude(pk=offer.pk))
        check_together(terms, others)
        if together not in (None, most_together(terms, others)):
            raise OthersNow
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


def check_together(terms: Terms, others: Collection[Overlap]) -> None:
    """Raises TooMuchTogether with those of the others that are approved.

    What waits for approval does not count yet: it is looked at when it is approved itself.
    """
    standing = [each for each in others if each.other.state != State.REQUESTED]
    together = most_together(terms, standing)
    if standing and together > MOST_PERCENT:
        raise TooMuchTogether(together, standing)


def _locked(offer: EarlyPaymentOffer, to: State) -> tuple[EarlyPaymentOffer, bool]:
    now = EarlyPaymentOffer.objects.select_for_update(of=("self",)).get(pk=offer.pk)
    if now.state == to:
        return now, False
    if to not in EarlyPaymentOffer.TRANSITIONS[State(now.state)]:
        raise WrongState(now.state)
    return now, True
