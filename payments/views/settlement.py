"""Settlement: a month of days beside the bank, payouts that wait, statements to take over."""

import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Min
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from community.access import SignedInRequest, staff
from community.models import Community, Role, today
from core import tables
from payments.forms.reconciliation import ExplainForm
from payments.forms.settlement import DaysForm, StatementForm
from payments.models import BankLine, Reconciliation, SettlementEntry
from payments.reconciliation.payouts import REACH
from payments.reconciliation.settlement import Month, net_and_entries, next_month
from payments.services.channels import settling as services
from payments.services.channels.bank_statements import Taken, import_statement
from payments.wording import channel_names

PAGE = 50
WAITING = 20  # payouts that wait, shown on the page of a month, of earlier months too
OBSTACLES = {
    "nothing": gettext_lazy("Nothing was paid through a channel in this month."),
    "not_over": gettext_lazy("The month is not over yet."),
    "days_open": gettext_lazy("Some of its days are not signed off yet: see Reconciliation."),
    "outstanding": gettext_lazy(
        "Of some days not everything has come: it has to arrive, or be explained."
    ),
    "lines": gettext_lazy("Some payouts at the bank are not matched with any day."),
}
REFUSALS = {
    "days": gettext_lazy("Please choose days of the channel that paid."),
    "later": gettext_lazy("A payout is for days before it came."),
    "much": gettext_lazy("These days together are far more than came. Please choose fewer."),
    "words": gettext_lazy("Please say what explains the difference."),
    "matched": gettext_lazy("It is matched with days. Please take that back first."),
    "signed_off": gettext_lazy("The month is signed off: nothing of it is taken back any more."),
}


# --- the month ------------------------------------------------------------------------------


@staff(Role.ACCOUNTANT)
@require_safe
def settlements(request: SignedInRequest, community: Community) -> HttpResponse:
    """A month: what each day owes, what came when, and the sum that ties it together."""
    month = Month(community, _month(request.GET.get("month")))
    first = Reconciliation.objects.filter(community=community).aggregate(day=Min("day"))["day"]
    names = channel_names()
    for row in month.rows:
        row.channel = names.get(row.provider, row.provider)
    obstacles = month.obstacles()
    return render(
        request,
        "payments/settlements.html",
        {
            "community": community,
            "month": month,
            "obstacles": [OBSTACLES[name] for name in obstacles],
            "waiting": community.bank_lines.waiting()
            .filter(booked_on__lt=month.end)
            .order_by("booked_on", "pk")[:WAITING],
            "aside": month.aside[:WAITING],
            "before": next_month(month.first, back=True) if first and first < month.first else None,
            "after": month.end if month.end <= today() else None,
        },
    )


def _month(asked: str | None) -> datetime.date:
    """The first day of a month in an address (2026-10), of this one without."""
    if not asked:
        return today().replace(day=1)
    try:
        return datetime.date.fromisoformat(f"{asked}-01")
    except ValueError:
        raise Http404(asked) from None


@staff(Role.ACCOUNTANT)
@require_POST
def close_settlement_month(request: SignedInRequest, community: Community) -> HttpResponse:
    """Signs a month off."""
    month = _month(request.POST.get("month"))
    try:
        services.sign_off_month(month, community=community, by=request.user)
    except services.CannotSettle as error:
        messages.error(request, OBSTACLES[str(error)])
    else:
        messages.success(request, _("Signed off. Nothing of this month is taken back any more."))
    return _to_month(community, month)


def _to_month(community: Community, day: datetime.date) -> HttpResponse:
    found = redirect("payments:settlements", community.code)
    found["Location"] += f"?month={day:%Y-%m}"
    return found


# --- a payout that fits no day by itself ----------------------------------------------------


@staff(Role.ACCOUNTANT)
@require_safe
def bank_line(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """A payout at the bank: what it says, the days that it may be for, what else it may be."""
    return _shown(request, community, _line(community, pk))


def _line(community: Community, pk: int) -> BankLine:
    """A payout, or what was taken for one: other lines are nobody's business here."""
    lines = BankLine.objects.select_related("statement", "decided_by").exclude(provider="")
    return get_object_or_404(lines, pk=pk, community=community)


def _shown(
    request: SignedInRequest, community: Community, line: BankLine, form: DaysForm | None = None
) -> HttpResponse:
    return render(
        request,
        "payments/bank_line.html",
        {
            "community": community,
            "line": line,
            "name": channel_names().get(line.provider, line.provider),
            "entries": line.entries.filter(undone_at=None)
            .select_related("reconciliation", "made_by")
            .order_by("reconciliation__day", "pk"),
            "days": _days(line),
            "form": form,
            "chosen": {int(pk) for pk in request.POST.getlist("days") if pk.isdigit()},
            "waiting": BankLine.objects.waiting().filter(pk=line.pk).exists(),
        },
        status=422 if form else 200,
    )


def _days(line: BankLine) -> list[Any]:
    """The outstanding days before a payout, the latest first."""
    near = Reconciliation.objects.filter(
        community=line.community_id,
        provider=line.provider,
        day__lt=line.booked_on,
        day__gte=line.booked_on - 3 * REACH,
    )
    return list(net_and_entries(near).exclude(outstanding=0).order_by("-day", "pk"))


@staff(Role.ACCOUNTANT)
@require_POST
def settle_bank_line(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Settles a payout: `way` match, aside, or payout for what was set aside."""
    line = _line(community, pk)
    way = request.POST.get("way")
    if way == "match":
        form = DaysForm(request.POST, days=[day.pk for day in _days(line)])
        if not form.is_valid():
            return _shown(request, community, line, form)
    try:
        if way == "match":
            services.match_line(line.pk, days=form.cleaned_data["days"], by=request.user)
            messages.success(request, _("The payout is matched with its days."))
        elif way == "aside":
            services.set_aside(line.pk, by=request.user)
            messages.success(request, _("It counts as a payer's transfer now."))
        elif way == "payout":
            services.take_up(line.pk, by=request.user)
            return redirect("payments:bank_line", community.code, pk)
    except services.CannotSettle as error:
        messages.error(request, REFUSALS.get(str(error), _("It cannot be settled that way.")))
        return redirect("payments:bank_line", community.code, pk)
    return _to_month(community, line.booked_on)


# --- a day ----------------------------------------------------------------------------------


@staff(Role.ACCOUNTANT)
@require_POST
def explain_settlement(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Says in words why what is outstanding of a day will not come."""
    day = get_object_or_404(Reconciliation, pk=pk, community=community)
    words = ExplainForm(request.POST)
    said = words.cleaned_data["words"] if words.is_valid() else ""
    try:
        services.explain(day.pk, by=request.user, words=said)
    except services.CannotSettle as error:
        messages.error(request, REFUSALS[str(error)])
    else:
        messages.success(request, _("Explained."))
    return redirect("payments:reconciliation", community.code, pk)


@staff(Role.ACCOUNTANT)
@require_POST
def undo_settlement(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Takes back what a day's money was said to be, and with it all of the same payout."""
    entry = get_object_or_404(SettlementEntry, pk=pk, reconciliation__community=community)
    try:
        services.take_back(entry.pk, by=request.user)
    except services.CannotSettle as error:
        messages.error(request, REFUSALS[str(error)])
    else:
        messages.success(request, _("Taken back. What it was for is outstanding again."))
    return redirect("payments:reconciliation", community.code, entry.reconciliation_id)


# --- statements -----------------------------------------------------------------------------


@staff(Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def bank_statements(request: SignedInRequest, community: Community) -> HttpResponse:
    """The statements taken over, and the next one."""
    form = StatementForm(request.POST or None, request.FILES or None)
    problems: list[str] = []
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            taken = import_statement(
                source=upload, community=community, name=upload.name, by=request.user
            )
        except tables.TableRefused as refusal:
            problems = [str(problem) for problem in refusal.problems]
        else:
            _say(request, taken, services.match_payouts(community))
            return redirect("payments:bank_statements", community.code)
    found = community.bank_statements.select_related("imported_by")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "payments/bank_statements.html",
        {
            "community": community,
            "form": form,
            "problems": problems[:PAGE],
            "more_problems": max(0, len(problems) - PAGE),
            "page_obj": page,
        },
        status=422 if problems or form.errors else 200,
    )


def _say(request: SignedInRequest, taken: Taken, settled: int) -> None:
    if not taken.new:
        messages.info(request, _("Every line of this file was on record. Nothing was changed."))
        return
    new = ngettext("%(n)s new line.", "%(n)s new lines.", taken.new) % {"n": taken.new}
    matched = ngettext(
        "%(n)s payout of a channel was matched with its days.",
        "%(n)s payouts of channels were matched with their days.",
        settled,
    ) % {"n": settled}
    messages.success(request, f"{new} {matched}")
