"""What the portal knows about the resident himself, and how he likes it."""

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from community.access import SignedInRequest, signed_in
from community.models import BindingRequest, Occupancy, today
from community.services import binding


@signed_in
@require_safe
def me(request: SignedInRequest) -> HttpResponse:
    """Homes and claims, contact (masked), language, elder mode, signing out."""
    occupancies = Occupancy.objects.select_related("unit").order_by("unit__sort_key")
    context = {
        "bindings": request.user.bindings.select_related("party__community").prefetch_related(
            Prefetch("party__occupancies", queryset=occupancies)
        ),
        "today": today(),
        "registered": binding.on_register(user=request.user),
        # The answer to an approved claim is the binding itself.
        "claims": BindingRequest.objects.filter(user=request.user)
        .exclude(state=BindingRequest.State.APPROVED)
        .select_related("unit__community")
        .order_by("-pk")[:10],
    }
    return render(request, "community/me.html", context)
