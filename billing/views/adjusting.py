"""Asking for adjustments at the desk: something off a line, or an extra charge."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.forms.adjustments import LATE_FEE, AdjustForm, ExtraChargeForm
from billing.models import Account, Adjustment, Bill, Charge, FeeItem
from billing.services.accounts.adjustment_requests import (
    SameWaiting,
    may_take_off,
    request_adjustment,
    request_extra_charge,
    request_late_fee_waiver,
)
from billing.services.accounts.adjustments import TooMuch
from billing.services.accounts.amounts_due import with_late_fees
from billing.services.accounts.late_fees import ITEM
from community.access import SignedInRequest, staff
from community.evidence import keep_evidence
from community.models import Community, Occupancy, Party, Role, Unit, today
from community.services.decisions import ReasonMissing
from core.money import format_yuan


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def adjust(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Asks for something off one line of a bill; another person decides."""
    bill = get_object_or_404(
        Bill.objects.filter(account__community=community)
        .with_open()
        .select_related("account__unit", "account__party", "run__period", "run__corrects__period"),
        pk=pk,
    )
    with_late_fees([bill], on=today())
    form = AdjustForm(request.POST or None, request.FILES or None, lines=_lines(bill))
    if request.method == "POST" and form.is_valid() and _asked(request, bill, form):
        return redirect("billing:desk_bill", community.code, bill.pk)
    return render(
        request,
        "billing/adjust.html",
        {
            "community": community,
            "bill": bill,
            "form": form,
            "waiting": _waiting().filter(lessens__bill=bill),
        },
        status=422 if form.is_bound else 200,
    )


def _waiting() -> QuerySet[Adjustment]:
    """The requests that wait, oldest first, as a form shows them before one more is made."""
    return (
        Adjustment.objects.waiting()
        .select_related("lessens__fee_item", "fee_item", "requested_by")
        .order_by("pk")
    )


def _lines(bill: Any) -> list[tuple[str, str]]:
    """What may be lessened: each line with what is left of it, and the late fee of today."""
    lines = []
    for charge in (
        bill.charges.with_open()
        .select_related("fee_item")
        .order_by("fee_item__position", "fee_item_id", "starts_on", "pk")
    ):
        left = may_take_off(charge, Adjustment.Kind.WAIVER)
        if left > 0:
            lines.append(
                (
                    str(charge.pk),
                    _("%(item)s, %(first)s – %(last)s: up to %(left)s (%(open)s is open)")
                    % {
                        "item": charge.fee_item,
                        "first": charge.starts_on,
                        "last": charge.ends_on,
                        "left": format_yuan(left),
                        "open": format_yuan(charge.open_amount),
                    },
                )
            )
    if bill.late_fee:
        lines.append(
            (
                LATE_FEE,
                _("%(item)s of today, not on a line yet: %(amount)s")
                % {"item": ITEM, "amount": format_yuan(bill.late_fee)},
            )
        )
    return lines


def _asked(request: SignedInRequest, bill: Bill, form: AdjustForm) -> bool:
    """Whether the request was made; else the form says why not."""
    asked = form.cleaned_data
    common: dict[str, Any] = {
        "amount": asked["amount"],
        "reason": asked["reason"],
        "by": request.user,
        "form_token": asked["form_token"],
        "evidence_note": asked["evidence_note"],
        "again": asked.get("again", False),
    }
    if asked["line"] == LATE_FEE and asked["kind"] != Adjustment.Kind.WAIVER:
        form.add_error("kind", _("A late fee that is on no line yet can only be waived."))
        return False
    try:
        with transaction.atomic():
            common["evidence"] = keep_evidence(
                asked["evidence"], community=bill.account.community, by=request.user
            )
            if asked["line"] == LATE_FEE:
                request_late_fee_waiver(bill=bill, **common)
            else:
                charge = Charge.objects.select_related("account").get(pk=asked["line"], bill=bill)
                request_adjustment(kind=Adjustment.Kind(asked["kind"]), charge=charge, **common)
    except TooMuch as error:
        form.add_error(
            "amount",
            _("At most %(left)s can be taken off this line now.")
            % {"left": format_yuan(error.left)},
        )
        return False
    except SameWaiting as error:
        form.point_out(error.other)
        return False
    except ReasonMissing:
        form.add_error("reason", _("Please say why."))
        return False
    messages.success(request, _("Asked for. It counts as soon as another person approves it."))
    return True


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def extra_charge(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Asks for an extra charge to one of the unit's payers; another person decides."""
    unit = get_object_or_404(Unit, pk=pk, community=community)
    payer = Occupancy.objects.current().payers().filter(unit=unit).values("party")
    form = ExtraChargeForm(
        request.POST or None,
        request.FILES or None,
        parties=Party.objects.filter(Q(pk__in=payer) | Q(accounts__unit=unit))
        .distinct()
        .order_by("pk"),
        items=FeeItem.objects.filter(community=community).exclude(name=ITEM),
        initial={"due_on": today()},
    )
    if request.method == "POST" and form.is_valid() and _asked_extra(request, unit, form):
        return redirect("billing:adjustments", community.code)
    return render(
        request,
        "billing/extra_charge.html",
        {
            "community": community,
            "unit": unit,
            "form": form,
            "waiting": _waiting().filter(account__unit=unit, kind=Adjustment.Kind.EXTRA),
        },
        status=422 if form.is_bound else 200,
    )


def _asked_extra(request: SignedInRequest, unit: Unit, form: ExtraChargeForm) -> bool:
    """Whether the request was made; else the form says why not."""
    asked = dict(form.cleaned_data)
    community = unit.community
    try:
        with transaction.atomic():
            # A new owner who was never billed yet has no account; the request opens it.
            account, _made = Account.objects.get_or_create(
                unit=unit, party=asked.pop("party"), defaults={"community": community}
            )
            evidence = keep_evidence(asked.pop("evidence"), community=community, by=request.user)
            request_extra_charge(account=account, by=request.user, evidence=evidence, **asked)
    except SameWaiting as error:
        form.point_out(error.other)
        return False
    messages.success(request, _("Asked for. It is charged as soon as another person approves it."))
    return True
