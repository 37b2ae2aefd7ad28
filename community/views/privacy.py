"""Looking at what is masked, and looking at who looked."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from community.access import SignedInRequest, staff
from community.forms import RevealForm
from community.models import AccessLog, Community, Party, Role
from community.services.reveal import reveal as reveal_field
from core.http import safe_next

PAGE_SIZE = 50


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def reveal(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Shows one field of a party in the clear, for a reason that goes on record.

    htmx puts the answer where the mask was; without it, it is a page with a way back.
    """
    party = get_object_or_404(Party.objects.visible_to(request.user), pk=pk, community=community)
    form = RevealForm(request.POST)
    back = safe_next(request)
    if not form.is_valid():
        if request.htmx:
            again = {
                "community": community,
                "party": party,
                "field": request.POST.get("field"),
                "failed": True,
            }
            return render(request, "community/masked.html", again, status=422)
        messages.error(request, _("Please say why you need it: the reason goes on record."))
        return redirect(back)
    field = AccessLog.Field(form.cleaned_data["field"])
    value = reveal_field(
        user=request.user, party=party, field=field, reason=form.cleaned_data["reason"]
    )
    context = {"party": party, "field": field, "value": value, "back": back}
    template = "community/revealed_value.html" if request.htmx else "community/revealed.html"
    return render(request, template, context)


@staff()
@require_safe
def access_log(request: SignedInRequest, community: Community) -> HttpResponse:
    """Who looked at whose data, and why; the newest first."""
    entries = (
        AccessLog.objects.filter(community=community)
        .select_related("user", "party")
        .order_by("-at", "-pk")
    )
    page = Paginator(entries, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"community": community, "page_obj": page}
    return render(request, "community/access_log.html", context)
