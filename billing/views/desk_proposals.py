"""Proposed fee standards in the office: written, published, answered, decided by a manager."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing.forms.fields import typed_figure
from billing.forms.proposals import AnswerForm, DecisionForm, ProposalForm
from billing.models import BillingPeriod, BillingSettings, ProposalComment, TariffProposal
from billing.services.standards import proposals as verbs
from billing.services.standards.tariff_terms import TariffRefused
from community.access import SignedInRequest, staff
from community.models import Community, Role, today

PAGE = 50
State = TariffProposal.State


@staff(Role.ACCOUNTANT)
def proposals(request: SignedInRequest, community: Community) -> HttpResponse:
    """All proposals of the community, the latest to take effect first."""
    found = TariffProposal.objects.filter(community=community).select_related("building")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {"community": community, "page_obj": page, "today": today()}
    return render(request, "billing/desk_proposals.html", context)


@staff(Role.ACCOUNTANT)
def proposal_new(request: SignedInRequest, community: Community) -> HttpResponse:
    """Write a proposal; it stays a draft until it is published."""
    form = ProposalForm(
        request.POST or None,
        community=community,
        initial={"item": request.GET.get("item", "")[:50]},
    )
    return _write(request, community, form, None)


@staff(Role.ACCOUNTANT)
def proposal_edit(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Rewrite a draft."""
    found = _find(community, pk)
    if found.state != State.DRAFT:
        return redirect("billing:desk_proposal", community=community.code, pk=pk)
    form = ProposalForm(request.POST or None, community=community, initial=_as_typed(found))
    return _write(request, community, form, found)


def _as_typed(proposal: TariffProposal) -> dict[str, Any]:
    typed = {name: getattr(proposal, name) for name in (*verbs.TERMS, "title", "explanation")}
    return typed | {
        "item": proposal.fee_item_name,
        "price": proposal.tiers or ("" if proposal.price is None else typed_figure(proposal.price)),
        "units": list(proposal.units.order_by("sort_key")),
    }


def _write(
    request: SignedInRequest,
    community: Community,
    form: ProposalForm,
    proposal: TariffProposal | None,
) -> HttpResponse:
    if request.method == "POST" and form.is_valid() and form.terms:
        told = form.cleaned_data
        try:
            saved = verbs.save_draft(
                community=community,
                terms=form.terms,
                title=told["title"],
                explanation=told["explanation"],
                by=request.user,
                form_token=told["form_token"],
                proposal=proposal,
            )
        except TariffRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The draft is saved. Nobody else sees it yet."))
            return redirect("billing:desk_proposal", community=community.code, pk=saved.pk)
    context = {
        "community": community,
        "form": form,
        "proposal": proposal,
        "days": BillingSettings.of(community).proposal_days,
    }
    status = 422 if form.errors else 200
    return render(request, "billing/proposal_form.html", context, status=status)


@staff(Role.ACCOUNTANT)
def desk_proposal(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One proposal: its text, what residents say, and what may be done with it now."""
    return _page(request, community, _find(community, pk))


def _find(community: Community, pk: int) -> TariffProposal:
    found = TariffProposal.objects.filter(community=community)
    return get_object_or_404(
        found.select_related("building", "community", "tariff", "decided_by", "created_by"), pk=pk
    )


def _page(
    request: SignedInRequest,
    community: Community,
    found: TariffProposal,
    decision: DecisionForm | None = None,
    answered: tuple[int, AnswerForm] | None = None,
) -> HttpResponse:
    comments = list(found.comments.select_related("unit__building", "author", "answered_by"))
    for each in comments:
        form = AnswerForm(initial={"text": each.answer}, auto_id=f"id_{each.pk}_%s")
        each.form = answered[1] if answered and answered[0] == each.pk else form  # type: ignore[attr-defined]
    issued = BillingPeriod.objects.filter(community=community, issued_at__isnull=False)
    failed = decision or (answered[1] if answered else None)
    decides = request.membership.role == Role.MANAGER
    return render(
        request,
        "billing/desk_proposal.html",
        {
            "community": community,
            "proposal": found,
            "comments": comments,
            "units": found.units.order_by("sort_key"),
            "before": verbs.charged_before(found),
            "decision": decision or DecisionForm(initial={"seen": found.state}),
            "may_decide": decides
            and found.state == State.OPEN
            and not verbs.takes_comments(found)
            and found.starts_on > today(),
            "may_withdraw": decides and _may_withdraw(found),
            "takes_comments": verbs.takes_comments(found),
            "billed": issued.filter(ends_on__gte=found.starts_on).order_by("-ends_on").first(),
            "days": BillingSettings.of(community).proposal_days,
            "today": today(),
        },
        status=422 if failed and failed.errors else 200,
    )


def _may_withdraw(proposal: TariffProposal) -> bool:
    """Whether a withdrawal could be; the service has the last word."""
    if proposal.state == State.ADOPTED:
        return proposal.starts_on > today()
    return State.WITHDRAWN in TariffProposal.TRANSITIONS[State(proposal.state)]


@staff(Role.ACCOUNTANT)
@require_POST
def proposal_publish(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Open a draft for comments."""
    try:
        verbs.publish(proposal=_find(community, pk))
    except TariffRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("It is published. Residents can read it and comment."))
    return redirect("billing:desk_proposal", community=community.code, pk=pk)


@staff(Role.ACCOUNTANT)
@require_POST
def proposal_answer(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Answer a comment for all to read. `pk` is the comment's."""
    comment = get_object_or_404(
        ProposalComment.objects.filter(proposal__community=community).select_related("proposal"),
        pk=pk,
    )
    form = AnswerForm(request.POST, auto_id=f"id_{pk}_%s")
    if form.is_valid():
        try:
            verbs.answer(comment=comment, by=request.user, text=form.cleaned_data["text"])
        except TariffRefused as refused:
            form.add_error("text", str(refused))
        else:
            messages.success(request, _("Your answer is there for all to read."))
            return redirect(
                "billing:desk_proposal", community=community.code, pk=comment.proposal_id
            )
    return _page(request, community, _find(community, comment.proposal_id), answered=(pk, form))


@staff()
@require_POST
def proposal_decide(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """A manager adopts a proposal, or withdraws it."""
    found = _find(community, pk)
    form = DecisionForm(request.POST)
    act = request.POST.get("do")
    if act not in {"adopt", "withdraw"}:
        raise PermissionDenied
    if form.is_valid():
        reasons = form.cleaned_data["reasons"]
        try:
            if act == "adopt":
                verbs.adopt(proposal=found, by=request.user, reasons=reasons)
                messages.success(request, _("It is adopted and takes effect by itself."))
            else:
                seen = form.cleaned_data["seen"]
                verbs.withdraw(proposal=found, by=request.user, reasons=reasons, seen=seen)
                messages.success(request, _("It is withdrawn."))
        except TariffRefused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("billing:desk_proposal", community=community.code, pk=pk)
    return _page(request, community, _find(community, pk), decision=form)
