"""Proposed fee standards for residents: read, comment, see what was decided."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from billing.forms.proposals import CommentForm
from billing.models import TariffProposal
from billing.services.standards import proposals as verbs
from community.access import SignedInRequest, signed_in
from community.models import Unit, today

SHOWN = 50
State = TariffProposal.State


@signed_in
def proposals(request: SignedInRequest) -> HttpResponse:
    """What is open in the communities of the visitor, and below it what was decided."""
    found = (
        TariffProposal.objects.visible_to(request.user)
        .exclude(state=State.DRAFT)
        .select_related("community", "building")
        .order_by("-published_at", "-pk")
    )
    shown = list(found[:SHOWN])
    context = {
        "open_proposals": [each for each in shown if each.state == State.OPEN],
        "decided": [each for each in shown if each.state != State.OPEN],
        "today": today(),
    }
    return render(request, "billing/proposals.html", context)


@signed_in
def proposal(request: SignedInRequest, pk: int) -> HttpResponse:
    """One proposal with all comments and answers; residents add theirs while it is open."""
    found = get_object_or_404(
        TariffProposal.objects.visible_to(request.user)
        .exclude(state=State.DRAFT)
        .select_related("community", "building", "tariff"),
        pk=pk,
    )
    units = (
        Unit.objects.of_resident(request.user)
        .filter(community=found.community)
        .order_by("sort_key")
    )
    form = CommentForm(request.POST or None, units=units)
    if request.method == "POST" and form.is_valid():
        try:
            verbs.comment(proposal=found, by=request.user, **form.cleaned_data)
        except verbs.ProposalRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("Thank you. Your comment is there for all to read."))
            return redirect("billing:proposal", pk=pk)
    return render(
        request,
        "billing/proposal.html",
        {
            "proposal": found,
            "units": found.units.order_by("sort_key"),
            "before": verbs.charged_before(found),
            "comments": found.comments.select_related("unit__building"),
            "form": form if units and verbs.takes_comments(found) else None,
            "takes_comments": verbs.takes_comments(found),
            "today": today(),
        },
        status=422 if form.errors else 200,
    )
