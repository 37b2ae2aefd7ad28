"""Receipts: on the screen, as PDF, and the check that whoever holds the paper can make."""

from django.core.paginator import Paginator
from django.db.models import Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from community.access import SignedInRequest, public, signed_in, staff, works_in
from community.models import Community, Role
from community.privacy import masked_name
from core.money import amount_in_words
from payments.documents import receipt_pdf as printed
from payments.documents import receipt_rows, voucher_pdf
from payments.models import PayoutVoucher, Receipt

PAGE = 50


@signed_in
@require_safe
def receipt(request: SignedInRequest, pk: int) -> HttpResponse:
    """A receipt, for who paid it and for the staff of the community."""
    found = get_object_or_404(
        Receipt.objects.visible_to(request.user).select_related("community", "payment"), pk=pk
    )
    at_desk = works_in(request.user, found.community, *Role)
    if at_desk:  # gives the page the desk's frame
        request.membership = request.user.memberships.select_related("community").get(
            community=found.community
        )
    payment = found.payment
    change = payment.tendered - payment.amount if payment.tendered is not None else None
    return render(
        request,
        "payments/receipt.html",
        {
            "layout": "desk/base.html" if at_desk else "resident/base.html",
            "at_desk": at_desk,
            "receipt": found,
            "community": found.community,
            "payment": payment,
            "rows": receipt_rows(found),
            "words": amount_in_words(found.amount),
            "change": change if at_desk else None,
            "countered": found.countered_by.order_by("pk"),
            # The names on a receipt of several units need not all be his.
            "papers": set(
                PayoutVoucher.objects.visible_to(request.user)
                .filter(counters=found)
                .values_list("pk", flat=True)
            ),
            "can_refund": payment.order_id is not None
            and works_in(request.user, found.community, Role.CLERK, Role.ACCOUNTANT),
            "unit_id": found.lines.values_list("account__unit", flat=True).first(),
        },
    )


@signed_in
@require_safe
def receipt_pdf(request: SignedInRequest, pk: int) -> HttpResponse:
    """The receipt as PDF, shown in the browser; `?download` saves it."""
    found = get_object_or_404(
        Receipt.objects.visible_to(request.user).select_related("community", "payment"), pk=pk
    )
    how = "attachment" if "download" in request.GET else "inline"
    return HttpResponse(
        printed(found),
        content_type="application/pdf",
        headers={"Content-Disposition": f'{how}; filename="receipt-{found.code}.pdf"'},
    )


@signed_in
@require_safe
def voucher(request: SignedInRequest, pk: int) -> HttpResponse:
    """The counter-receipt (冲红收据) or voucher of a refund, for its payer and the staff."""
    found = get_object_or_404(
        PayoutVoucher.objects.visible_to(request.user).select_related(
            "community",
            "counters",
            "refund__account__unit",
            "refund__deposit",
            "refund__requested_by",
        ),
        pk=pk,
    )
    return voucher_file(request, found)


def voucher_file(request: HttpRequest, found: PayoutVoucher) -> HttpResponse:
    """A voucher as PDF, shown in the browser; `?download` saves it."""
    how = "attachment" if "download" in request.GET else "inline"
    return HttpResponse(
        voucher_pdf(found),
        content_type="application/pdf",
        headers={"Content-Disposition": f'{how}; filename="voucher-{found.code}.pdf"'},
    )


@public
@require_safe
def receipt_check(request: HttpRequest, token: str) -> HttpResponse:
    """Whether a receipt is genuine: what whoever holds the paper sees there anyway, no more."""
    found = Receipt.objects.select_related("community").filter(check_token=token).first()
    return render(
        request,
        "payments/receipt_check.html",
        {
            "receipt": found,
            "community": found.community if found else None,
            "countered": found.countered_by.aggregate(total=Sum("amount"))["total"]
            if found
            else None,
            "payer": "、".join(map(masked_name, found.payer_name.split("、"))) if found else "",
        },
        status=200 if found else 404,
    )


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def receipts(request: SignedInRequest, community: Community) -> HttpResponse:
    """The receipts of a community, newest first; `q` finds by number, payer or unit."""
    query = request.GET.get("q", "").strip()[:60]
    found = Receipt.objects.filter(community=community).select_related("payment")
    if query:
        wanted = Q(payer_name__icontains=query) | Q(lines__account__unit__code=query)
        if query.isdecimal() and len(query) > 4:
            wanted |= Q(year=int(query[:4]), number=int(query[4:]))
        found = found.filter(pk__in=Receipt.objects.filter(wanted).values("pk"))
    page = Paginator(found.order_by("-year", "-number"), PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "payments/receipts.html",
        {"community": community, "page_obj": page, "wanted": query},
    )
