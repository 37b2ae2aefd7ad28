"""Who pays inside a provider's app: asked once a session, by way of the app's own page."""

import secrets

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from community.access import public
from payments import providers
from payments.models import PayerIdentity, PaymentOrder
from payments.providers.base import PermanentError, TransientError
from payments.services.online.ordering import open_order, order_path
from payments.services.online.orders import name_payer

KNOWN = "payers"  # in the session: app → the PayerIdentity of who uses this browser
ASKED = "payers_asked"  # in the session: state → the order that it was asked for
AT_ONCE = 5  # that may be asked for in one session at the same time


def go_to_app(request: HttpRequest, order: PaymentOrder) -> HttpResponse:
    """The next step of an order that waits to know who pays: on if we know, else to ask the app.

    Whoever pays by a shared link is asked every time: he is nobody's user.
    """
    try:
        provider = providers.of(order)
    except KeyError:
        return _unreachable(request, order)
    known = PayerIdentity.objects.filter(
        pk=request.session.get(KNOWN, {}).get(provider.app), user=order.user
    ).first()
    if known is not None and order.share_id is None:
        return _open(request, order, known.identity)
    state = secrets.token_hex(16)
    asked = list(request.session.get(ASKED, {}).items())[-AT_ONCE + 1 :]
    request.session[ASKED] = dict([*asked, (state, order.pk)])
    return_url = settings.SITE_URL + reverse("payments:payer_return")
    return HttpResponseRedirect(provider.identify_url(return_url=return_url, state=state))


@public
@never_cache
@require_safe
def payer_return(request: HttpRequest) -> HttpResponse:
    """The app sends the browser back, with a code that says who it is, or without."""
    pk = request.session.get(ASKED, {}).get(request.GET.get("state", ""))
    order = get_object_or_404(
        PaymentOrder.objects.select_related("community", "share", "user"), pk=pk
    )
    if order.share is None and order.user != request.user:
        raise Http404
    if not order.waits_for_payer:  # gone back to
        return redirect(order_path(order))
    code = request.GET.get("code", "")
    if not code:
        return _unknown(request, order)
    try:
        provider = providers.of(order)
        identity = provider.identify(code)
    except PermanentError:
        return _unknown(request, order)
    except (TransientError, KeyError):
        return _unreachable(request, order)
    if order.share is None:
        kept, _new = PayerIdentity.objects.get_or_create(
            user=order.user, app=provider.app, identity=identity
        )
        request.session[KNOWN] = request.session.get(KNOWN, {}) | {kept.app: kept.pk}
    return _open(request, order, identity)


def _open(request: HttpRequest, order: PaymentOrder, identity: str) -> HttpResponse:
    try:
        open_order(name_payer(order.pk, identity))
    except (TransientError, KeyError):
        return _unreachable(request, order)
    return redirect(order_path(order))


def _unknown(request: HttpRequest, order: PaymentOrder) -> HttpResponse:
    messages.warning(
        request,
        _("WeChat did not let us open the payment. Nothing was taken; please pay another way."),
    )
    return redirect(f"{order_path(order)}?asked")


def _unreachable(request: HttpRequest, order: PaymentOrder) -> HttpResponse:
    messages.warning(
        request,
        _("We cannot reach the payment service just now. Nothing was lost; please try again."),
    )
    return redirect(f"{order_path(order)}?asked")
