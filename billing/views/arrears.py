"""Arrears by age for whoever keeps the books: by building, then by account."""

import datetime
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from billing.arrears import AGES, accounts_in_arrears, ageing, sum_of
from billing.arrears.accounts import CHOICES, SORTS
from billing.arrears.jobs import KIND
from billing.arrears.workbooks import XLSX, accounts_xlsx, buildings_xlsx
from community.access import SignedInRequest, staff
from community.models import Community, Role, today
from community.services.jobs import start_job

PAGE = 50
AT_ONCE = 2_000  # accounts in a file that somebody waits for; more is a job


class DayForm(forms.Form):
    """The day on which things stood so; empty means today."""

    on = forms.DateField(label=_("On the day"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["on"].widget = forms.DateInput(
            format="%Y-%m-%d",
            attrs={"type": "date", "class": "form-control", "min": "2000-01-01"},
        )

    def clean_on(self) -> datetime.date | None:
        """Refuses days before there were computers, and those to come."""
        day: datetime.date | None = self.cleaned_data["on"]
        if day and not datetime.date(2000, 1, 1) <= day <= today():
            raise forms.ValidationError(_("must be a day from 2000 up to today"))
        return day

    @property
    def day(self) -> datetime.date:
        chosen = self.cleaned_data.get("on") if self.is_valid() else None
        return chosen or today()


@staff(Role.ACCOUNTANT)
@require_safe
def arrears(request: SignedInRequest, community: Community) -> HttpResponse:
    """What is open by age and building on a day, with the way to the accounts behind each sum."""
    form = DayForm(request.GET or None)
    buildings = ageing(community, form.day)
    whole = sum_of(buildings)
    largest = max(whole.aged.amounts)
    context = {
        "community": community,
        "form": form,
        "day": form.day,
        "buildings": buildings,
        "whole": whole,
        "ages": AGES,
        "bars": [
            (age, amount, round(100 * amount / largest) if largest else 0)
            for age, amount in zip(AGES, whole.aged.amounts, strict=True)
        ],
    }
    return render(request, "billing/arrears.html", context)


@staff(Role.ACCOUNTANT)
@require_safe
def arrears_buildings_xlsx(request: SignedInRequest, community: Community) -> HttpResponse:
    """The table of the page."""
    day = DayForm(request.GET).day
    return _file(buildings_xlsx(ageing(community, day)), f"arrears-{community.code}-{day}.xlsx")


@staff(Role.ACCOUNTANT)
@require_safe
def arrears_accounts(request: SignedInRequest, community: Community) -> HttpResponse:
    """The accounts behind a sum: of a building or all, of an age, sorted."""
    form = DayForm(request.GET)
    asked = _asked(request)
    number = _number(request.GET.get("page"))
    found, count = accounts_in_arrears(
        community, form.day, **asked, limit=PAGE, offset=(number - 1) * PAGE
    )
    if not found and number > 1:
        number = 1
        found, count = accounts_in_arrears(community, form.day, **asked, limit=PAGE)
    context = {
        "community": community,
        "form": form,
        "day": form.day,
        "accounts": found,
        "count": count,
        # The rows are read already; this only knows how many pages there are.
        "page_obj": Paginator(range(count), PAGE).get_page(number),
        "buildings": community.buildings.all(),
        "ages": AGES,
        "sorts": {"amount": _("amount"), "oldest": _("oldest first"), "unit": _("unit")},
        **asked,
    }
    return render(request, "billing/arrears_accounts.html", context)


@staff(Role.ACCOUNTANT)
@require_POST
def arrears_accounts_xlsx(request: SignedInRequest, community: Community) -> HttpResponse:
    """The accounts as a table: at once, or as a job where there are many."""
    day = DayForm(request.POST).day
    asked = _asked(request)
    found, count = accounts_in_arrears(community, day, **asked, limit=AT_ONCE)
    if count > len(found):
        job = start_job(
            KIND, community=community, by=request.user, params={"day": str(day), **asked}
        )
        return redirect("community:job", community=community.code, pk=job.pk)
    return _file(accounts_xlsx(found, day), f"arrears-accounts-{community.code}-{day}.xlsx")


def _asked(request: HttpRequest) -> dict[str, Any]:
    """Which accounts, in which order; nonsense means the usual ones."""
    sent = request.POST if request.method == "POST" else request.GET
    which, sort = sent.get("which", ""), sent.get("sort", "")
    building = _number(sent.get("building"), 0)
    return {
        "building_id": building or None,
        "which": which if which in CHOICES else "overdue",
        "sort": sort if sort in SORTS else "amount",
    }


def _number(text: str | None, default: int = 1) -> int:
    """A number from an address that is no longer than ours are."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else default


def _file(content: bytes, name: str) -> HttpResponse:
    how = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    return HttpResponse(content, content_type=XLSX, headers={"Content-Disposition": how})
