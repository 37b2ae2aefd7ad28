"""Refunds at the front desk and in the office: deciding, paying out, ending."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from community.access import SignedInRequest, staff
from community.models import AccessLog, Community, Role, today
from core.encryption import decrypt
from payments.forms.refunds import ReasonForm, TransferForm, WordsForm, only_so_much
from payments.models import Refund
from payments.services.giving_back import refunds as services
from payments.services.giving_back.undoing import STANDING
from payments.services.online.original_refunds import confirm_paid
from payments.unsettled.reasons import plain_reason
from payments.views.receipts import voucher_file

PAGE = 50
# So long is a rejection shown to whoever asked: over his days off.
NEWS = timedelta(days=14)
State = Refund.State
DECIDERS = (Role.ACCOUNTANT, Role.MANAGER)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def refunds(request: SignedInRequest, community: Community) -> HttpResponse:
    """Refunds that wait for somebody, and what lately came to nothing of what the reader asked for;
    `?all` with those that are done."""
    everything = "all" in request.GET
    found = Refund.objects.filter(community=community)
    found = found if everything else found.waiting()
    page = Paginator(
        found.select_related(
            "account__unit", "deposit", "requested_by", "decided_by", "voucher"
        ).order_by("-requested_at", "-pk"),
        PAGE,
    ).get_page(request.GET.get("page"))
    return render(
        request,
        "payments/refunds.html",
        {
            "community": community,
            "page_obj": page,
            "everything": everything,
            "rejected": () if everything else _own_rejected(request, community),
        },
    )


def _own_rejected(request: SignedInRequest, community: Community) -> QuerySet[Refund]:
    """What the reader asked for and somebody rejected lately, the newest first."""
    found = Refund.objects.filter(
        community=community,
        requested_by=request.user,
        state=State.REJECTED,
        decided_at__gte=timezone.now() - NEWS,
    )
    return found.select_related("account__unit", "decided_by").order_by("-decided_at", "-pk")


def _refund(community: Community, pk: int) -> Refund:
    return get_object_or_404(
        Refund.objects.select_related(
            "account__unit", "account__party", "deposit", "requested_by", "decided_by", "ended_by"
        ).select_related("payment__receipt", "payment__order"),
        pk=pk,
        community=community,
    )


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One refund: what it is, how it stands, what can be done with it by whom."""
    return _shown(request, community, _refund(community, pk))


def _shown(
    request: SignedInRequest, community: Community, found: Refund, **more: Any
) -> HttpResponse:
    decides = request.membership.role in DECIDERS
    context: dict[str, Any] = {
        "community": community,
        "refund": found,
        "voucher": getattr(found, "voucher", None),
        "instead": (instead := list(found.replacements.order_by("pk"))),
        "offers_another_way": services.failed_there(found)
        and services.available_for(found) > 0
        # What was rejected, taken back or failed too may be asked for again.
        and not any(one.state in STANDING or one.state == State.REQUESTED for one in instead),
        "problem": plain_reason(found.problem) if found.problem and not found.ended_by else "",
        "available": services.available_for(found),
        "decides": decides and found.asker_id != request.user.pk,
        "own": found.asker_id == request.user.pk,
        "keeps_books": decides,
        "takes_back": decides or found.asker_id == request.user.pk,
        "words": _words_of(found),
        "transfer": TransferForm(since=_approved_on(found)),
    }
    return render(request, "payments/refund.html", context | more)


def _approved_on(found: Refund) -> date:
    return timezone.localdate(found.decided_at) if found.decided_at else today()


def _words_of(found: Refund) -> WordsForm:
    """The field beside what can be done now, which says when it may stay empty."""
    if found.state == State.PROCESSING:
        return WordsForm(needed=True)
    if found.state == State.REQUESTED:
        return WordsForm(hint=_("Needed to reject it."))
    return WordsForm()


def _words(request: SignedInRequest) -> str:
    """The sentence that came with a step; '' for one that cannot be kept."""
    form = WordsForm(request.POST)
    return form.cleaned_data["words"] if form.is_valid() else ""


@staff(Role.ACCOUNTANT)
@require_POST
def decide_refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Approves or rejects, by somebody else than who asked."""
    found = _refund(community, pk)
    words = _words(request)
    if request.POST.get("decision") == "approve":
        return _do(
            request,
            community,
            found,
            lambda: services.approve(found.pk, by=request.user, words=words),
            _("Approved. It is given back the way it was paid; nothing is left to do.")
            if found.method == Refund.Method.ORIGINAL
            else _("Approved. It can be paid out now."),
        )
    if not words.strip():
        messages.error(request, _("Please say why it is rejected."))
        return redirect("payments:refund", community.code, pk)
    return _do(
        request,
        community,
        found,
        lambda: services.reject(found.pk, by=request.user, words=words),
        _("Rejected."),
    )


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def pay_refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The cash was handed over."""
    found = _refund(community, pk)
    return _do(
        request,
        community,
        found,
        lambda: services.pay_in_cash(found.pk, by=request.user),
        _("Paid out. Please print the voucher and let the payee sign it."),
    )


@staff(Role.ACCOUNTANT)
@require_POST
def transfer_refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The bank sent the money: day and reference."""
    found = _refund(community, pk)
    form = TransferForm(request.POST, since=_approved_on(found))
    if form.is_valid():
        try:
            return _do(
                request,
                community,
                found,
                lambda: services.record_transfer(found.pk, by=request.user, **form.cleaned_data),
                _("Recorded as paid out."),
            )
        except services.ReferenceTaken:
            form.add_error("reference", _("This reference stands at another refund already."))
    response = _shown(request, community, found, transfer=form)
    response.status_code = 422
    return response


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def end_refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Takes a request back (who asked, or who decides), or says that it could not be paid out."""
    found = _refund(community, pk)
    words = _words(request)
    if request.POST.get("ending") == "failed":
        if not words.strip():
            messages.error(request, _("Please say why it could not be paid out."))
            return redirect("payments:refund", community.code, pk)
        return _do(
            request,
            community,
            found,
            lambda: services.fail(found.pk, by=request.user, words=words),
            _("Noted. The money is the payer's again."),
        )
    if request.membership.role not in DECIDERS and found.asker_id != request.user.pk:
        raise PermissionDenied  # a colleague's request is not any clerk's to take back
    return _do(
        request,
        community,
        found,
        lambda: services.withdraw(found.pk, by=request.user, words=words),
        _("Taken back. The money is the payer's again."),
    )


@staff(Role.ACCOUNTANT)
@require_POST
def confirm_refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """A refund that the provider gave up reached the payer after all."""
    found = get_object_or_404(Refund, pk=pk, community=community, method=Refund.Method.ORIGINAL)
    words = _words(request)
    if not words.strip():
        messages.error(request, _("Please say how you know that it arrived."))
        return redirect("payments:refund", community.code, pk)
    return _do(
        request,
        community,
        found,
        lambda: confirm_paid(found.pk, by=request.user, words=words),
        _("Recorded as paid out."),
    )


def _do(
    request: SignedInRequest,
    community: Community,
    found: Refund,
    work: Callable[[], Refund],
    done: str,
) -> HttpResponse:
    """Takes a step, says what came of it, and goes back to the refund. Raises ReferenceTaken."""
    try:
        work()
    except services.SamePerson:
        messages.error(request, _("Who asked for a refund cannot decide on it."))
    except services.NotEnough as error:
        messages.error(request, only_so_much(error.available))
    except services.WrongState as error:
        messages.warning(
            request,
            _("Nothing was done: the refund is %(state)s already.") % {"state": error.state.label},
        )
    except ValueError:
        messages.error(request, _("This does not fit the refund; nothing was changed."))
    else:
        messages.success(request, done)
    return redirect("payments:refund", community.code, found.pk)


@staff(Role.ACCOUNTANT)
@require_POST
def refund_account(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The payee's bank account in the clear, for whoever makes the transfer; goes on record."""
    found = _refund(community, pk)
    form = ReasonForm(request.POST)
    if not form.is_valid() or not found.payee_account:
        messages.error(request, _("Please say why you need it: the reason goes on record."))
        return redirect("payments:refund", community.code, pk)
    AccessLog.objects.create(
        community=community,
        user=request.user,
        party=found.account.party,
        field=AccessLog.Field.BANK_ACCOUNT,
        reason=form.cleaned_data["reason"],
    )
    return _shown(request, community, found, payee_account=decrypt(found.payee_account))


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def refund_voucher(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The voucher of a refund that was paid out, as PDF."""
    found = get_object_or_404(
        Refund.objects.select_related(
            "voucher__community", "account__unit", "deposit", "requested_by"
        ),
        pk=pk,
        community=community,
        voucher__isnull=False,
    )
    return voucher_file(request, found.voucher)
