"""The resident's service pages: ask, complain, suggest, report; and what became of it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages as flash
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import Account, Bill
from community.access import SignedInRequest, signed_in
from community.models import Unit, User
from core.forms import OnceForm
from core.kept_form import keep_form, kept_form
from servicedesk.forms import EmptyForm, NewTicketForm, ReopenForm, WordsForm
from servicedesk.models import Ticket, TicketKind
from servicedesk.services import messages, tickets
from servicedesk.services.disputes import holds_of
from servicedesk.services.locking import TicketError
from servicedesk.timeline import timeline

MOST_TYPED = 4100  # a little more than fits, so that what is too long is told again
RECENT = 50  # settled tickets on the list


@signed_in
def ticket_list(request: SignedInRequest) -> HttpResponse:
    """Four ways to begin, and one's own tickets: open ones by their clock, then the settled."""
    own = Ticket.objects.of_resident(request.user).select_related("unit", "community")
    return render(
        request,
        "servicedesk/tickets.html",
        {
            "kinds": KINDS,
            "now": timezone.now(),
            "open_tickets": own.open().by_urgency(),
            "settled": own.exclude(pk__in=own.open()).order_by("-resolved_at")[:RECENT],
        },
    )


# An icon for each way to begin.
KINDS = [
    (TicketKind.INQUIRY, "circle-question-mark"),
    (TicketKind.COMPLAINT, "message-square-warning"),
    (TicketKind.SUGGESTION, "lightbulb"),
    (TicketKind.REPAIR, "wrench"),
]


@signed_in
def new(request: SignedInRequest) -> HttpResponse:
    """`?kind=` and `?bill=` say what is known already: a question about a bill carries it."""
    bill = _bill_asked_about(request)
    units = units_of(request.user)
    if bill is None and not units:
        return render(request, "servicedesk/no_unit.html")
    make = partial(
        NewTicketForm,
        units=units,
        about_bill=bill is not None,
        initial=_what_is_known(request, bill, units),
    )
    key = f"new-ticket-{bill.pk if bill else ''}"
    if request.method == "POST":
        form = make(request.POST)
        if form.is_valid():
            try:
                ticket = _file(request.user, form.cleaned_data, bill)
            except TicketError as error:
                form.add_error(None, str(error))
            else:
                flash.success(request, _("Thank you. We have it and will answer in time."))
                return redirect("servicedesk:my_ticket", pk=ticket.pk)
        keep_form(request, key, form, most=MOST_TYPED)
        return redirect(request.get_full_path())
    kept = kept_form(request, key, make)
    form = kept[0] if kept else make()
    return render(request, "servicedesk/new.html", {"form": form, "bill": bill})


def _bill_asked_about(request: SignedInRequest) -> Bill | None:
    number = request.GET.get("bill")
    if not number:
        return None
    bills = Bill.objects.of_resident(request.user).select_related(
        "account__unit", "account__community", "run__period", "run__corrects__period"
    )
    return get_object_or_404(bills, pk=number if number.isdecimal() else None)


def _what_is_known(request: SignedInRequest, bill: Bill | None, units: QuerySet[Unit]) -> dict:
    known: dict[str, Any] = {}
    if request.GET.get("kind") in TicketKind.values:
        known["kind"] = request.GET["kind"]
    if bill is not None:
        known["subject"] = _("The bill of %(period)s for %(unit)s") % {
            "period": bill.run.period,
            "unit": bill.account.unit,
        }
    elif len(units) == 1:
        known["unit"] = units[0]
    return known


def _file(user: User, data: dict[str, Any], bill: Bill | None) -> Ticket:
    unit = bill.account.unit if bill else data["unit"]
    return tickets.open_ticket(
        community=unit.community,
        kind=data["kind"],
        subject=data["subject"],
        body=data["body"],
        form_token=data["form_token"],
        reporter=user,
        unit=unit,
        bill=bill,
    )


def units_of(user: User) -> QuerySet[Unit]:
    """Units where `user` lives, and those for which he still has an account."""
    return Unit.objects.select_related("community").filter(
        Q(pk__in=Unit.objects.of_resident(user))
        | Q(pk__in=Account.objects.of_resident(user).values("unit_id"))
    )


Act = Callable[[Ticket, User, dict[str, Any]], object]


def _add(ticket: Ticket, user: User, data: dict[str, Any]) -> None:
    messages.add_message(
        ticket=ticket, author=user, body=data["body"], form_token=data["form_token"]
    )


ACTIONS: dict[str, tuple[type[OnceForm], Act]] = {
    "message": (WordsForm, _add),
    "reopen": (
        ReopenForm,
        lambda ticket, user, data: tickets.reopen(ticket=ticket, by=user, body=data["body"]),
    ),
    "close": (EmptyForm, lambda ticket, user, data: tickets.close(ticket=ticket, by=user)),
}


@signed_in
def ticket(request: SignedInRequest, pk: int) -> HttpResponse:
    """One's own ticket: where it stands, when we answer, what was said; and what can be done."""
    found = get_object_or_404(
        Ticket.objects.of_resident(request.user).select_related(
            "community", "unit", "bill__run__period", "bill__run__corrects__period", "reporter"
        ),
        pk=pk,
    )
    forms = {name: form(name=name) for name, (form, _act) in ACTIONS.items()}
    status = 200
    if request.method == "POST":
        name = request.POST.get("do", "")
        if name in ACTIONS:
            form_class, act = ACTIONS[name]
            form = forms[name] = form_class(request.POST, name=name)
            if form.is_valid():
                if _did(request, found, act, form):
                    return redirect("servicedesk:my_ticket", pk=pk)
                # What was typed is not lost: it can be sent by opening the ticket again.
                forms["reopen"].initial["body"] = form.cleaned_data.get("body")
        status = 422
    context = {
        "ticket": found,
        "forms": forms,
        "entries": timeline(found, for_staff=False),
        "holds": holds_of(found),
        "now": timezone.now(),
    }
    return render(request, "servicedesk/ticket.html", context, status=status)


def _did(request: SignedInRequest, ticket: Ticket, act: Act, form: OnceForm) -> bool:
    """Does what was asked, or says why not: the form of it may not be on the page any more."""
    try:
        act(ticket, request.user, form.cleaned_data)
    except TicketError as error:
        flash.error(request, str(error))
        return False
    return True
