"""A form that took money already leads to its receipt, however it comes back."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from community.access import SignedInRequest
from community.models import Community
from payments.models import Payment


def receipt_of_used_form(
    request: SignedInRequest, community: Community, *, kind: str
) -> HttpResponse | None:
    """Leads to the receipt that the sent form, or the one named by `?form=`, has issued; else None.

    The browser's Back from a receipt shows the receipt, and whatever was changed on the used form
    takes nothing. `kind` is what the keys of such payments begin with.
    """
    posted = request.method == "POST"
    try:
        token = uuid.UUID(request.POST.get("token", "") if posted else request.GET.get("form", ""))
    except ValueError:
        return None
    known = Payment.objects.filter(community=community, idempotency_key=f"{kind}:{token}")
    payment = known.select_related("receipt").first()
    if payment is None:
        return None
    if not posted or request.POST.get("amount") != str(payment.amount):
        messages.info(
            request, _("This was taken already: here is its receipt. Nothing was taken again.")
        )
    return redirect("payments:receipt", pk=payment.receipt.pk)
