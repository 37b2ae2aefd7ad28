"""The queue of the service desk, one ticket of it, and taking one down."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages as flash
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from community.access import SignedInRequest, staff
from community.models import Community, Role, User
from core.forms import OnceForm
from core.kept_form import keep_form, kept_form
from servicedesk.forms import (
    AssignForm,
    EmptyForm,
    NoteForm,
    PromiseForm,
    QueueFilter,
    ReopenForm,
    ReplyForm,
    ResolveForm,
    TakeDownForm,
)
from servicedesk.models import Ticket, TicketBreach
from servicedesk.models.ticket import TicketQuerySet
from servicedesk.services import desk, messages, tickets
from servicedesk.services.disputes import holds_of
from servicedesk.services.locking import TicketError
from servicedesk.timeline import timeline

PAGE = 50
MOST_TYPED = 4100  # a little more than fits, so that what is too long is told again
SAID_BEFORE = 5  # earlier tickets of the unit, beside the one at hand


@staff(Role.CLERK)
def queue(request: SignedInRequest, community: Community) -> HttpResponse:
    """Tickets by the clock that runs out first. The filters are in the address."""
    chosen = QueueFilter({"state": QueueFilter.OPEN, **request.GET.dict()})
    chosen.is_valid()  # what nobody could have chosen is passed over
    shown = _filtered(Ticket.objects.filter(community=community), chosen.cleaned_data, request.user)
    page = Paginator(
        shown.by_urgency()
        .select_related("unit", "assignee")
        .annotate(ran_out=Exists(TicketBreach.objects.filter(ticket=OuterRef("pk")))),
        PAGE,
    ).get_page(request.GET.get("page"))
    return render(
        request,
        "servicedesk/queue.html",
        {
            "community": community,
            "page_obj": page,
            "filter": chosen,
            "now": timezone.now(),
            "filters": request.GET.urlencode(),
            "waiting": Ticket.objects.filter(community=community).open().count(),
            "breached": Ticket.objects.filter(community=community).open().breached().count(),
        },
    )


def _filtered(shown: TicketQuerySet, chosen: dict[str, Any], user: User) -> TicketQuerySet:
    state = chosen.get("state") or QueueFilter.OPEN
    if state == QueueFilter.OPEN:
        shown = shown.open()
    elif state != QueueFilter.ALL:
        shown = shown.filter(state=state)
    if chosen.get("kind"):
        shown = shown.filter(kind=chosen["kind"])
    if chosen.get("mine"):
        shown = shown.filter(assignee=user)
    return shown.breached() if chosen.get("breached") else shown


Act = Callable[[Ticket, User, dict[str, Any]], object]


def _reply(ticket: Ticket, by: User, data: dict[str, Any]) -> None:
    messages.reply(ticket=ticket, author=by, body=data["body"], form_token=data["form_token"])


def _note(ticket: Ticket, by: User, data: dict[str, Any]) -> None:
    messages.note(ticket=ticket, author=by, body=data["body"], form_token=data["form_token"])


def _resolve(ticket: Ticket, by: User, data: dict[str, Any]) -> None:
    tickets.resolve(ticket=ticket, by=by, body=data["body"], finding=data.get("finding", ""))


ACTIONS: dict[str, tuple[type[OnceForm], Act]] = {
    "reply": (ReplyForm, _reply),
    "note": (NoteForm, _note),
    "promise": (
        PromiseForm,
        lambda ticket, by, data: tickets.promise(ticket=ticket, by=by, until=data["until"]),
    ),
    "assign": (
        AssignForm,
        lambda ticket, by, data: tickets.assign(ticket=ticket, by=by, assignee=data["assignee"]),
    ),
    "start": (EmptyForm, lambda ticket, by, data: tickets.start(ticket=ticket, by=by)),
    "resolve": (ResolveForm, _resolve),
    "reopen": (
        ReopenForm,
        lambda ticket, by, data: tickets.reopen(ticket=ticket, by=by, body=data["body"]),
    ),
    "close": (EmptyForm, lambda ticket, by, data: tickets.close(ticket=ticket, by=by)),
}


@staff(Role.CLERK)
def ticket(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One ticket: its story at the left, its clocks and what can be done at the right."""
    found = get_object_or_404(
        Ticket.objects.filter(community=community).select_related(
            "community",
            "unit",
            "bill__run__period",
            "bill__run__corrects__period",
            "reporter",
            "assignee",
        ),
        pk=pk,
    )
    forms = _forms(found)
    status = 200
    if request.method == "POST":
        name = request.POST.get("do", "")
        if name in ACTIONS:
            form = forms[name] = _form(name, found, request.POST)
            if form.is_valid():
                if _did(request, found, ACTIONS[name][1], form):
                    return redirect(request.get_full_path())
                # What was typed is not lost: a note can be kept to the very end.
                forms["note"].initial["body"] = form.cleaned_data.get("body")
        status = 422
    else:
        _start_from_phrase(request, community, forms["reply"])
    return render(
        request,
        "servicedesk/desk_ticket.html",
        {
            "community": community,
            "ticket": found,
            "forms": forms,
            "entries": timeline(found, for_staff=True),
            "phrases": community.reply_phrases.all(),
            "filters": request.GET.urlencode(),
            "said_before": _said_before(found),
            "holds": holds_of(found),
        },
        status=status,
    )


def _forms(ticket: Ticket) -> dict[str, OnceForm]:
    return {name: _form(name, ticket) for name in ACTIONS}


def _form(name: str, ticket: Ticket, posted: Any = None) -> OnceForm:
    form_class, _act = ACTIONS[name]
    more: dict[str, Any] = {}
    if form_class is AssignForm:
        more = {"community": ticket.community, "initial": {"assignee": ticket.assignee_id}}
    if form_class is ResolveForm:
        more = {"kind": ticket.kind}
    return form_class(posted, name=name, **more)


def _start_from_phrase(request: SignedInRequest, community: Community, form: OnceForm) -> None:
    chosen = request.GET.get("phrase", "")
    if chosen.isdecimal():
        phrase = community.reply_phrases.filter(pk=chosen).first()
        if phrase is not None:
            form.initial["body"] = phrase.body


def _did(request: SignedInRequest, ticket: Ticket, act: Act, form: OnceForm) -> bool:
    """Does what was asked, or says why not: the form of it may not be on the page any more."""
    try:
        act(ticket, request.user, form.cleaned_data)
    except TicketError as error:
        flash.error(request, str(error))
        return False
    flash.success(request, _("Done."))
    return True


def _said_before(ticket: Ticket) -> TicketQuerySet | None:
    if ticket.unit_id is None:
        return None
    return (
        Ticket.objects.filter(community=ticket.community, unit=ticket.unit)
        .exclude(pk=ticket.pk)
        .order_by("-created_at")[:SAID_BEFORE]
    )


@staff(Role.CLERK)
def take_down(request: SignedInRequest, community: Community) -> HttpResponse:
    """The person stands there: settle it in one press, promise a time, or put it in the queue."""
    make = partial(TakeDownForm, community=community, initial={"unit": request.GET.get("unit", "")})
    key = f"take-down-{community.pk}"
    if request.method == "POST":
        form = make(request.POST)
        if form.is_valid():
            try:
                ticket = _taken(request, community, form.cleaned_data)
            except TicketError as error:
                form.add_error(None, str(error))
            else:
                taken = _("Taken down as ticket %(number)s.") % {"number": ticket.pk}
                flash.success(request, taken)
                return redirect(reverse("servicedesk:ticket", args=[community.code, ticket.pk]))
        keep_form(request, key, form, most=MOST_TYPED)
        return redirect(request.get_full_path())
    kept = kept_form(request, key, make)
    form = kept[0] if kept else make()
    return render(
        request,
        "servicedesk/take_down.html",
        {"community": community, "form": form, "finding": Ticket.Finding},
    )


def _taken(request: SignedInRequest, community: Community, data: dict[str, Any]) -> Ticket:
    then = request.POST.get("then", "")
    if then == "promise" and data["until"] is None:
        raise TicketError(_("Please say by when we answer."))
    return desk.take_down(
        community=community,
        by=request.user,
        kind=data["kind"],
        body=data["body"],
        form_token=data["form_token"],
        unit=data["unit"],
        contact_name=data["contact_name"],
        contact_phone=data["contact_phone"],
        settled=then if then in Ticket.Finding.values else "",
        promised_until=data["until"] if then == "promise" else None,
    )
