"""What was said to a resident, to be read again."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from community.access import SignedInRequest, signed_in
from notices.content import page_of
from notices.content.fee import contexts
from notices.models import Notice

PAGE = 20


@signed_in
@require_safe
def notices(request: SignedInRequest) -> HttpResponse:
    """Everything that was said to the visitor, newest first."""
    said = (
        Notice.objects.of_resident(request.user)
        .select_related("community", "party")
        .order_by("-created_at", "-pk")
    )
    page = Paginator(said, PAGE).get_page(request.GET.get("page"))
    fees = contexts([notice for notice in page if notice.kind == Notice.Kind.FEE])
    entries = [(notice, fees.get(notice.pk)) for notice in page]
    return render(request, "notices/notices.html", {"page_obj": page, "entries": entries})


@signed_in
@require_safe
def notice(request: SignedInRequest, pk: int) -> HttpResponse:
    """One notice, with what is true today: what was paid since is shown as paid."""
    visible = Notice.objects.visible_to(request.user).exclude(kind=Notice.Kind.SIGN_IN_CODE)
    found = get_object_or_404(visible.select_related("community", "party", "user"), pk=pk)
    subject, body = page_of(found)
    own = Notice.objects.of_resident(request.user).filter(pk=pk).exists()
    context = {"notice": found, "subject": subject, "body": body, "own": own}
    return render(request, "notices/notice.html", context)
