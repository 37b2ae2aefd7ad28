"""Door notices at the desk: print them for the walk, and write down which ones hang."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from community.access import SignedInRequest, staff
from community.models import Community, Role
from notices import door
from notices.forms import StretchForm
from notices.models import Campaign, Delivery
from notices.services.door_printing import MOST_AT_ONCE, start_printing
from notices.services.posting import mark_posted

NEWEST = 20


@staff(Role.CLERK)
@require_safe
def campaigns(request: SignedInRequest, community: Community) -> HttpResponse:
    """The campaigns that have door notices, and how far each walk has come."""
    doors = Q(notices__deliveries__channel=Delivery.Channel.DOOR)
    found = (
        Campaign.objects.filter(community=community)
        .select_related("run__period")
        .annotate(
            doors=Count("notices__deliveries", filter=doors),
            posted=Count(
                "notices__deliveries",
                filter=doors & Q(notices__deliveries__state=Delivery.State.DELIVERED),
            ),
        )
        .filter(doors__gt=0)
        .order_by("-run__period__starts_on")
    )
    context = {"community": community, "campaigns": found[:NEWEST]}
    return render(request, "notices/door_campaigns.html", context)


@staff(Role.CLERK)
@require_safe
def walk(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One campaign, entrance by entrance."""
    campaign = _campaign(community, pk)
    stretches = door.walk(campaign)
    doors = sum(stretch["doors"] for stretch in stretches)
    return render(
        request,
        "notices/door_walk.html",
        {
            "community": community,
            "campaign": campaign,
            "stretches": stretches,
            "most_at_once": MOST_AT_ONCE,
            "doors": doors,
            "settled": doors - door.doors(campaign, owed=True).count(),
            "with_settled": "settled" in request.GET,
            "waiting": sum(stretch["waiting"] for stretch in stretches),
        },
    )


@staff(Role.CLERK)
@require_safe
def print_notices(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """A few door notices as one PDF: those of one unit, of a small entrance."""
    campaign = _campaign(community, pk)
    form = StretchForm(request.GET)
    if not form.is_valid():
        raise Http404
    deliveries = door.doors(campaign, **form.to_print())
    number = deliveries.count()
    if not number:
        messages.info(request, _("There is no door notice to print here, or all are settled."))
        return redirect("notices:door_walk", community.code, pk)
    if number > MOST_AT_ONCE:
        messages.info(request, _("So many notices take a while: please press the button to print."))
        return redirect("notices:door_walk", community.code, pk)
    pdf = door.door_notices_pdf(campaign, deliveries)
    return HttpResponse(
        pdf,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="door-notices-{pk}.pdf"'},
    )


@staff(Role.CLERK)
@require_POST
def print_many(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Has all door notices printed, or those of one entrance, and leads to the bar."""
    campaign = _campaign(community, pk)
    form = StretchForm(request.POST)
    if not form.is_valid():
        raise Http404
    job = start_printing(campaign=campaign, stretch=form.to_print(), by=request.user)
    return redirect("community:job", community.code, job.pk)


@staff(Role.CLERK)
@require_POST
def posted(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Whoever hung up the notices of an entrance says so; the time is now."""
    campaign = _campaign(community, pk)
    form = StretchForm(request.POST)
    if not form.is_valid() or form.cleaned_data["building"] is None:
        messages.error(request, _("Please choose the entrance whose notices you hung up."))
        return redirect("notices:door_walk", community.code, pk)
    number = mark_posted(doors=door.doors(campaign, **form.stretch()), by=request.user)
    messages.success(
        request,
        ngettext(
            "%(number)d door notice marked as posted.",
            "%(number)d door notices marked as posted.",
            number,
        )
        % {"number": number},
    )
    return redirect("notices:door_walk", community.code, pk)


def _campaign(community: Community, pk: int) -> Campaign:
    found = Campaign.objects.filter(community=community).select_related("community", "run__period")
    return get_object_or_404(found, pk=pk)
