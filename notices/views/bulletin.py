"""The bulletin: for everybody, on the web and on paper."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from community.access import SignedInRequest, public, staff
from community.models import Community, Role
from core.pdf import qr_data_uri, render_template_pdf
from notices.bulletin import bulletin_of
from notices.models import Campaign

NEWEST = 12


def published(community: Community) -> QuerySet[Campaign]:
    """The community's bulletins, newest first."""
    return (
        Campaign.objects.filter(community=community, published_at__isnull=False)
        .select_related("community", "run__period")
        .order_by("-run__period__starts_on")
    )


@public
@require_safe
def bulletins(request: HttpRequest, community: str) -> HttpResponse:
    """What was announced in the community."""
    found = get_object_or_404(Community, code=community)
    return render(
        request,
        "notices/bulletins.html",
        {"community": found, "campaigns": published(found)[:NEWEST]},
    )


@public
@require_safe
def bulletin(request: HttpRequest, community: str, pk: int) -> HttpResponse:
    """One period: what is charged, at which prices, until when, and how to pay."""
    found = get_object_or_404(Community, code=community)
    campaign = get_object_or_404(published(found), pk=pk)
    return render(request, "notices/bulletin.html", bulletin_of(campaign))


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def poster(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The same for the board at the gate, A4."""
    campaign = get_object_or_404(published(community), pk=pk)
    address = reverse("notices:bulletin", args=[community.code, pk])
    url = request.build_absolute_uri(address)
    pdf = render_template_pdf(
        "notices/print/poster.html",
        bulletin_of(campaign) | {"qr": qr_data_uri(url), "url": url},
        stylesheets=["css/print/poster.css"],
    )
    return HttpResponse(
        pdf,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="bulletin-{pk}.pdf"'},
    )
