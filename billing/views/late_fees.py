"""The late fee rule of a community, and its early-payment offers."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.db.models import Count, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from billing.forms.late_fees import OfferForm, PolicyForm, all_together, too_much_together
from billing.models import EarlyPaymentOffer, FeeItem, LateFeePolicy
from billing.services.accounts import offers as offer_service
from billing.services.accounts.late_fee_policies import StartsTooEarly, earliest_start, new_policy
from billing.services.accounts.late_fees import ITEM
from billing.services.accounts.offers_together import Terms, counting, most_together, overlaps
from community.access import SignedInRequest, staff
from community.models import Community, Role, today


@staff(Role.MANAGER)
@require_http_methods(["GET", "HEAD", "POST"])
def policies(request: SignedInRequest, community: Community) -> HttpResponse:
    """The rule in force, the versions before, and a new version from a day on."""
    earliest = earliest_start(community)
    form = PolicyForm(request.POST or None, initial={"starts_on": earliest or today()})
    if request.method == "POST" and form.is_valid():
        try:
            new_policy(community=community, **form.values())
        except StartsTooEarly as error:
            form.add_error(
                "starts_on",
                _("What is due keeps its rule: a new one begins on %(day)s at the earliest.")
                % {"day": error.earliest},
            )
        else:
            messages.success(request, _("The new late fee rule is kept."))
            return redirect("billing:late_fees", community.code)
    return render(
        request,
        "billing/late_fees.html",
        {
            "community": community,
            "policies": LateFeePolicy.objects.filter(community=community),
            "form": form,
            "earliest": earliest,
            "today": today(),
        },
        status=422 if form.is_bound else 200,
    )


@staff(Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def offers(request: SignedInRequest, community: Community) -> HttpResponse:
    """Offers with how often they were earned, and a new one."""
    form = OfferForm(request.POST or None, items=_items(community))
    if request.method == "POST" and form.is_valid() and _kept(request, community, form):
        messages.success(request, _("Kept. It is in force as soon as another person approves it."))
        return redirect("billing:offers", community.code)
    found = (
        EarlyPaymentOffer.objects.filter(community=community)
        .select_related("created_by", "approved_by")
        .prefetch_related("fee_items")
        .annotate(times=Count("uses"), given=Sum("uses__credit_entry__amount"))
        .order_by("-pay_by", "-pk")
    )
    _add_up(community, found)
    return render(
        request,
        "billing/offers.html",
        {
            "community": community,
            "offers": found,
            "form": form,
            "today": today(),
        },
        status=422 if form.is_bound else 200,
    )


def _kept(request: SignedInRequest, community: Community, form: OfferForm) -> bool:
    """Whether the offer was made; else the form says with which others it adds up."""
    wanted = form.values()
    items = frozenset(item.pk for item in wanted["fee_items"])
    terms = Terms(wanted["starts_on"], wanted["ends_on"], items, wanted["percent"])
    known = counting(community).exclude(form_token=wanted["form_token"])
    others = overlaps(terms, known)
    try:
        if others and not form.cleaned_data.get("again"):
            offer_service.check_together(terms, others)
            form.point_out(others, most_together(terms, others))
            return False
        offer_service.make_offer(community=community, by=request.user, **wanted)
    except offer_service.TooMuchTogether as error:
        form.refuse_together(error.others, error.together)
        return False
    return True


def _add_up(community: Community, offers: Iterable[Any]) -> None:
    """Has the offers that wait for approval say with which others they add up, and to how much."""
    known = list(counting(community))
    for offer in offers:
        if offer.state == EarlyPaymentOffer.State.REQUESTED:
            terms = Terms.of(offer)
            offer.others = overlaps(terms, [each for each in known if each.pk != offer.pk])
            offer.together = most_together(terms, offer.others)
            offer.all_together = all_together(offer.together) if len(offer.others) > 1 else ""


def _items(community: Community) -> object:
    return FeeItem.objects.filter(community=community).exclude(name=ITEM)


@staff(Role.ACCOUNTANT)
@require_POST
def decide_offer(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Approves an offer, or ends it."""
    offer = get_object_or_404(EarlyPaymentOffer, pk=pk, community=community)
    try:
        if request.POST.get("do") == "approve":
            told = _told(request.POST.get("together", ""))
            offer_service.approve(offer=offer, by=request.user, together=told)
            messages.success(request, _("Approved. Residents see it where they pay."))
        elif request.POST.get("do") == "withdraw":
            offer_service.withdraw(offer=offer)
            messages.success(request, _("Ended. Who earned it keeps the discount."))
        else:
            messages.error(request, _("Please approve or end it. Nothing was changed."))
    except offer_service.SamePerson:
        messages.error(
            request, _("You made this offer yourself: another person has to approve it.")
        )
    except offer_service.OthersNow:
        messages.error(
            request,
            _("Other offers for the same fees have changed. Nothing was approved: look again."),
        )
    except offer_service.TooMuchTogether as error:
        messages.error(request, too_much_together(error.others, error.together))
    except offer_service.WrongState as error:
        messages.error(
            request,
            _("It is “%(state)s” already; nothing was changed.") % {"state": error.state.label},
        )
    return redirect("billing:offers", community.code)


def _told(text: str) -> Decimal | None:
    """What the page said the offers give together; None where it did not."""
    try:
        told = Decimal(text)
    except InvalidOperation:
        return None
    return told if told.is_finite() else None
