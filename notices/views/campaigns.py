"""What was sent and what became of it."""

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from community.access import SignedInRequest, staff
from community.models import Community, Role
from core.http import safe_next
from notices.models import Campaign, Delivery, Notice
from notices.services import retry as retrying
from notices.services.retry import RETRIED

State = Delivery.State
PAGE = 50
CAMPAIGNS = 12  # on a page: three years of quarters


def number_of(rows: QuerySet[Any]) -> Coalesce:
    """How many correlated `rows` there are, as a subquery: two joins would multiply each other."""
    counted = rows.order_by().annotate(_one=Value(1)).values("_one").annotate(number=Count("pk"))
    return Coalesce(Subquery(counted.values("number")), 0)


def campaigns_of(community: Community) -> QuerySet[Campaign]:
    return (
        Campaign.objects.filter(community=community)
        .select_related("community", "run__period")
        .order_by("-run__period__starts_on")
    )


def failed_of(community: Community) -> QuerySet[Delivery]:
    """What did not arrive, or perhaps not; the newest first."""
    return (
        Delivery.objects.filter(notice__community=community, state__in=RETRIED)
        .select_related("notice__party", "notice__user")
        .order_by("-pk")
    )


def counts(campaign: Campaign) -> dict[str, Any]:
    """How many deliveries are in which state, by channel, and how far all of it is."""
    rows = (
        Delivery.objects.filter(notice__campaign=campaign)
        .values("channel", "state")
        .annotate(number=Count("pk"))
    )
    by_channel: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        by_channel[row["channel"]][row["state"]] = row["number"]
    channels = []
    for channel in Delivery.Channel:
        numbers = by_channel.get(channel, {})
        if numbers:
            channels.append(_channel(channel, numbers))
    moving = sum(entry["waiting"] for entry in channels if entry["channel"] != "door")
    return {
        "channels": channels,
        "payers": campaign.notices.count(),
        "moving": moving > 0 or campaign.state != Campaign.State.ADDRESSED,
    }


def _channel(channel: Delivery.Channel, numbers: dict[str, int]) -> dict[str, Any]:
    waiting = numbers.get(State.QUEUED, 0) + numbers.get(State.SENDING, 0)
    return {
        "channel": channel,
        "label": channel.label,
        "all": sum(numbers.values()),
        "waiting": waiting,
        "sent": numbers.get(State.SENT, 0),
        "delivered": numbers.get(State.DELIVERED, 0),
        "failed": numbers.get(State.FAILED, 0),
        "unknown": numbers.get(State.UNKNOWN, 0),
    }


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def campaigns(request: SignedInRequest, community: Community) -> HttpResponse:
    """The campaigns of the community, with what needs somebody."""
    notices = Notice.objects.filter(campaign=OuterRef("pk"))
    lost = Delivery.objects.filter(notice__campaign=OuterRef("pk"), state__in=RETRIED)
    found = campaigns_of(community).annotate(payers=number_of(notices), lost=number_of(lost))
    page = Paginator(found, CAMPAIGNS).get_page(request.GET.get("page"))
    context = {
        "community": community,
        "page_obj": page,
        "failures": failed_of(community).count(),
    }
    return render(request, "notices/campaigns.html", context)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def campaign(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One campaign: numbers by channel, and each delivery that failed with its reason."""
    found = get_object_or_404(campaigns_of(community), pk=pk)
    failed = failed_of(community).filter(notice__campaign=found)
    page = Paginator(failed, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "notices/campaign.html",
        {"community": community, "campaign": found, "page_obj": page, **counts(found)},
    )


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def progress(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The numbers alone; they fetch themselves anew while something moves."""
    found = get_object_or_404(campaigns_of(community), pk=pk)
    context = {"community": community, "campaign": found, **counts(found)}
    return render(request, "notices/_progress.html", context)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def failures(request: SignedInRequest, community: Community) -> HttpResponse:
    """Everything that did not arrive, whatever it was about."""
    page = Paginator(failed_of(community), PAGE).get_page(request.GET.get("page"))
    return render(request, "notices/failures.html", {"community": community, "page_obj": page})


@staff(Role.MANAGER)
@require_POST
def retry(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One delivery again."""
    deliveries = Delivery.objects.visible_to(request.user).filter(notice__community=community)
    delivery = get_object_or_404(deliveries, pk=pk)
    if retrying.retry(delivery_id=delivery.pk):
        messages.success(request, _("The message is on its way again."))
    else:
        messages.info(request, _("This message needs no second try any more."))
    return redirect(safe_next(request))


@staff(Role.MANAGER)
@require_POST
def retry_campaign(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """All that failed of one campaign again."""
    found = get_object_or_404(campaigns_of(community), pk=pk)
    number = retrying.retry_failed(deliveries=Delivery.objects.filter(notice__campaign=found))
    messages.success(
        request,
        ngettext(
            "%(number)d message is on its way again.",
            "%(number)d messages are on their way again.",
            number,
        )
        % {"number": number},
    )
    return redirect("notices:campaign", community.code, pk)
