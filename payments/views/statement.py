"""The statement of an account on the screen, as PDF and as a table, for its payer and for staff."""

import datetime
from decimal import Decimal

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from billing.arrears import limit_of_account
from billing.models import Account, Bill
from billing.services.accounts.late_fees import accrued
from community.access import SignedInRequest, signed_in, works_in
from community.models import Role, today
from core.money import ZERO
from payments.statement import Statement, load_statement
from payments.statement.paper import statement_pdf
from payments.statement.workbook import XLSX, statement_xlsx

PAGE = 24


class SpanForm(forms.Form):
    """From one day to another, both inclusive, either may be empty."""

    since = forms.DateField(label=_("From"), required=False)
    until = forms.DateField(label=pgettext_lazy("last day", "To"), required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for field in self.fields.values():
            # An explicit format: a browser's date field reads ISO only.
            field.widget = forms.DateInput(
                format="%Y-%m-%d", attrs={"type": "date", "class": "form-control"}
            )

    def clean(self) -> dict[str, datetime.date | None]:
        """Refuses a span that ends before it begins."""
        found = self.cleaned_data
        since, until = found.get("since"), found.get("until")
        if since and until and until < since:
            self.add_error("until", _("lies before the first day"))
        return found

    def of(self, whole: Statement) -> Statement:
        """The days asked for; everything if they make no sense."""
        if not self.is_valid():
            return whole
        return whole.between(self.cleaned_data["since"], self.cleaned_data["until"])


def _account(request: SignedInRequest, pk: int) -> Account:
    accounts = Account.objects.visible_to(request.user).with_balance().with_oldest_due()
    return get_object_or_404(accounts.select_related("unit", "party", "community"), pk=pk)


def _late_fee_of_today(account: Account) -> Decimal:
    """What paying today would add: it is on no line before money settles its bill."""
    owed = Bill.objects.filter(account=account).open().values_list("pk", flat=True)
    return sum(accrued(bill_ids=list(owed), on=today()).values(), ZERO)


@signed_in
@require_safe
def statement(request: SignedInRequest, pk: int) -> HttpResponse:
    """Everything on an account, newest first; staff see it in the desk's frame, names masked."""
    account = _account(request, pk)
    at_desk = works_in(request.user, account.community, *Role)
    if at_desk:  # gives the page the desk's frame
        request.membership = request.user.memberships.select_related("community").get(
            community=account.community
        )
    form = SpanForm(request.GET)
    shown = form.of(load_statement(account))
    year = today().year
    return render(
        request,
        "payments/statement.html",
        {
            "layout": "desk/base.html" if at_desk else "resident/base.html",
            "at_desk": at_desk,
            "limit": limit_of_account(account) if at_desk else None,
            "account": account,
            "community": account.community,
            "form": form,
            "statement": shown,
            "late_fee": _late_fee_of_today(account),
            "page_obj": Paginator(shown.lines[::-1], PAGE).get_page(request.GET.get("page")),
            "years": [(each, f"{each}-01-01", f"{each}-12-31") for each in (year, year - 1)],
        },
    )


@signed_in
@require_safe
def statement_as_pdf(request: SignedInRequest, pk: int) -> HttpResponse:
    """The days asked for as PDF, shown in the browser; `?download` saves it."""
    account = _account(request, pk)
    shown = SpanForm(request.GET).of(load_statement(account))
    late_fee = ZERO if shown.until else _late_fee_of_today(account)
    content = statement_pdf(account, shown, late_fee=late_fee)
    return _file(content, "application/pdf", f"{account.unit.code}.pdf", "download" in request.GET)


@signed_in
@require_safe
def statement_as_xlsx(request: SignedInRequest, pk: int) -> HttpResponse:
    """The days asked for as a table."""
    account = _account(request, pk)
    content = statement_xlsx(SpanForm(request.GET).of(load_statement(account)))
    return _file(content, XLSX, f"{account.unit.code}.xlsx", saved=True)


def _file(content: bytes, content_type: str, name: str, saved: bool) -> HttpResponse:
    how = content_disposition_header(as_attachment=saved, filename=f"statement-{name}")
    return HttpResponse(
        content, content_type=content_type, headers={"Content-Disposition": how or "inline"}
    )
