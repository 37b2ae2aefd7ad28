"""Moving out: one page that settles a unit on a day."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.forms.fields import typed_figure
from billing.models import Bill, FeeItem
from billing.services.accounts.amounts_due import with_late_fees
from billing.services.meters.meter_entries import EntryRefused
from billing.services.meters.meter_sheets import metered_units
from billing.services.runs.run_states import RunRefused
from community.access import SignedInRequest, staff
from community.models import Community, Occupancy, Role, Unit, today
from community.services import moving
from payments.documents import clearance_pdf
from payments.forms.counter import new_token
from payments.forms.refunds import FinalReadingForm, MoveOutForm
from payments.models import Clearance
from payments.services.giving_back import left_out as mending
from payments.services.giving_back import moving_out as services
from payments.services.receiving.deposits import account_of
from payments.views import left_out
from payments.views.use_credit import use_it

State = Clearance.State


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def move_out(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Who stops paying for a unit, on which day, and who goes on; then it is settled."""
    unit = get_object_or_404(Unit, pk=pk, community=community)
    payer = Occupancy.objects.current().payers().filter(unit=unit).select_related("party").first()
    form = MoveOutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        begun = _begin(request, unit, form)
        if begun is not None:
            return redirect("payments:clearance", community.code, begun.pk)
    return render(
        request,
        "payments/move_out.html",
        {
            "community": community,
            "unit": unit,
            "payer": payer,
            "form": form,
            "clearances": Clearance.objects.filter(unit=unit).select_related("account__party"),
        },
        status=422 if form.errors else 200,
    )


def _begin(request: SignedInRequest, unit: Unit, form: MoveOutForm) -> Clearance | None:
    """The clearance, or None with the reason on the form."""
    asked = form.cleaned_data
    payer = (
        Occupancy.objects.on(asked["day"])
        .payers()
        .filter(unit=unit)
        .select_related("party")
        .first()
    )
    if payer is None:
        form.add_error("day", _("Nobody pays for this unit on that day."))
        return None
    successor = None
    if asked["name"]:
        role = Occupancy.Role(asked["role"] or Occupancy.Role.OWNER)
        successor = moving.Successor(asked["name"].strip(), asked["phone"], role)
    try:
        return services.begin(
            account=account_of(unit=unit, party=payer.party),
            day=asked["day"],
            by=request.user,
            successor=successor,
        )
    except services.AlreadyBegun as error:
        form.add_error(
            "day",
            _("He is being settled up to %(day)s already: go on there, or take that back first.")
            % {"day": error.clearance.day},
        )
    except (moving.MoveRefused, RunRefused) as error:
        form.add_error(None, str(error))
    except ValueError:
        form.add_error(
            "day",
            _("This is too far ahead: at most %(n)s days.") % {"n": services.MOST_DAYS_AHEAD},
        )
    return None


def _clearance(community: Community, pk: int) -> Clearance:
    return get_object_or_404(
        Clearance.objects.select_related(
            "community",
            "unit",
            "account__party",
            "account__community",
            "opened_by",
            "ended_by",
            "accepted_by",
        ),
        pk=pk,
        community=community,
    )


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def clearance(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Where a payer who moves out stands, with one button for each thing that is left to do."""
    return _page(request, _clearance(community, pk))


def _page(
    request: SignedInRequest, found: Clearance, typed: left_out.Typed | None = None
) -> HttpResponse:
    """The page of a clearance, with a reading as it was `typed` where it was not taken."""
    context = _context(found, typed) | {
        "enters_costs": request.membership.role in (Role.ACCOUNTANT, Role.MANAGER)
    }
    return render(request, "payments/clearance.html", context, status=422 if typed else 200)


def _context(found: Clearance, typed: left_out.Typed | None) -> dict[str, Any]:
    position = services.standing(found)
    bills = Bill.objects.filter(account=found.account).open().select_related("run__period")
    next_payer = (
        Occupancy.objects.payers()
        .filter(unit=found.unit, starts_on__gt=found.day)
        .select_related("party")
        .order_by("starts_on")
        .first()
    )
    return {
        "community": found.community,
        "clearance": found,
        "position": position,
        "credit_token": new_token(),
        "left_out": left_out.rows(found, position, typed),
        "readable_from": left_out.readable_from(found),
        "bills": with_late_fees(bills.order_by("due_on", "pk"), on=today()),
        "final_bills": Bill.objects.filter(account=found.account, run__in=found.runs)
        .select_related("run__period")
        .order_by("pk"),
        "next_payer": next_payer,
    }


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def clear(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Nothing is owed either way: the note can be printed from now on."""
    found = _clearance(community, pk)
    try:
        services.clear(found.pk, by=request.user)
    except services.NotClear:
        messages.warning(request, _("Something is still open; it is listed below."))
    except services.Ended:
        messages.warning(request, _("This was taken back; nothing was changed."))
    else:
        messages.success(request, _("Cleared. Please print the note and seal it."))
    return redirect("payments:clearance", community.code, pk)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def read_at_the_end(
    request: SignedInRequest, community: Community, pk: int, item: int
) -> HttpResponse:
    """What a meter showed as the last day ended; it is billed at once. Odd figures are asked."""
    found = _clearance(community, pk)
    measured = get_object_or_404(FeeItem, pk=item, community=community)
    get_object_or_404(metered_units(community, measured, found.day), pk=found.unit_id)
    typed = left_out.Typed(measured.pk, request.POST.get("value", "")[:30])
    form = FinalReadingForm(request.POST)
    if not form.is_valid():
        typed.error = " ".join(map(str, form.errors["value"]))
        return _page(request, found, typed)
    value = form.cleaned_data["value"]
    try:
        typed.taken = mending.read_at_the_end(
            found.pk,
            item=measured,
            value=value,
            by=request.user,
            sure=form.cleaned_data["sure"] == typed_figure(value),
            rolled_over=form.cleaned_data["again"],
        )
    except EntryRefused as refused:
        typed.error = str(refused)
    except services.Ended:
        messages.warning(request, _("This is cleared or taken back; nothing was changed."))
        return redirect("payments:clearance", community.code, pk)
    if typed.error or (typed.taken and not typed.taken.saved):
        return _page(request, found, typed)
    messages.success(request, _("Saved, and billed up to the last day."))
    return redirect("payments:clearance", community.code, pk)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def accept_left_out(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """What is on no bill is let be, with a reason that the note will say."""
    found = _clearance(community, pk)
    try:
        mending.accept(found.pk, by=request.user, reason=request.POST.get("reason", ""))
    except mending.NothingLeftOut:
        messages.warning(request, _("Please say why it is not billed."))
    except services.Ended:
        messages.warning(request, _("This is cleared or taken back; nothing was changed."))
    else:
        messages.success(request, _("Accepted. The note will name it."))
    return redirect("payments:clearance", community.code, pk)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def settle_clearance(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Uses the payer's credit for what is open."""
    use_it(request, {_clearance(community, pk).account_id})
    return redirect("payments:clearance", community.code, pk)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def take_back_clearance(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """He stays after all: the register is as before."""
    found = _clearance(community, pk)
    try:
        services.take_back(found.pk, by=request.user)
    except services.Ended:
        messages.warning(request, _("It is cleared already and cannot be taken back."))
    except moving.MoveRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Taken back: the register is as it was before."))
    return redirect("payments:clearance", community.code, pk)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def clearance_note(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The note as PDF, as it was when it was given out."""
    found = get_object_or_404(
        Clearance.objects.select_related("community"),
        pk=pk,
        community=community,
        state=State.CLEARED,
    )
    return HttpResponse(
        clearance_pdf(found),
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="clearance-{found.code}.pdf"'},
    )
