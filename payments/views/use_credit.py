"""The button that uses an account's credit for what is open: for its payer and for the desk."""

import uuid
from collections.abc import Collection

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing.models import Account
from community.access import SignedInRequest, signed_in, staff
from community.models import Community, Role, Unit
from core.money import ZERO, format_yuan
from payments.forms.counter import ids_of
from payments.services.using_credit import use_credit_now


class UseCreditForm(forms.Form):
    """The token alone: whose credit it is follows from who asks."""

    token = forms.UUIDField()


@signed_in
@require_POST
def use_credit(request: SignedInRequest) -> HttpResponse:
    """Uses the resident's credit, each account's for what is open on it."""
    accounts = Account.objects.of_resident(request.user)
    use_it(request, set(accounts.values_list("pk", flat=True)))
    return redirect("payments:pay")


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def use_credit_at_desk(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Uses the credit of an account that the desk is about to take money for."""
    unit = get_object_or_404(Unit, pk=pk, community=community)
    wanted = ids_of(request.POST.getlist("account"))
    accounts = Account.objects.filter(pk__in=wanted, community=community)
    use_it(request, set(accounts.values_list("pk", flat=True)))
    return redirect("payments:collect", community.code, unit.pk)


def use_it(request: SignedInRequest, account_ids: Collection[int]) -> None:
    """Does it and says what was done; a form without its token does nothing."""
    form = UseCreditForm(request.POST)
    token: uuid.UUID | None = form.cleaned_data["token"] if form.is_valid() else None
    uses = use_credit_now(account_ids=account_ids, by=request.user, token=token) if token else []
    used = sum((use.amount for use in uses), ZERO)
    if used:
        said = _("%(amount)s of the credit was used for what was open.")
        messages.success(request, said % {"amount": format_yuan(used)})
    else:
        messages.info(request, _("There was no credit left that could be used."))
