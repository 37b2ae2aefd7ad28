"""Language and elder mode: one tap away on each page, signed in or not."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST
from django.views.i18n import set_language as django_set_language

from community.access import public
from community.services import preferences
from core.http import safe_next

ELDER_COOKIE = "elder_mode"
YEAR = 365 * 24 * 3600

# Django's own view would answer GET with a redirect that changes nothing.
set_language = public(require_POST(django_set_language))


def wants_elder_mode(request: HttpRequest) -> bool:
    """Whether this browser was switched to elder mode."""
    return request.COOKIES.get(ELDER_COOKIE) == "1"


@public
@require_POST
def elder_mode(request: HttpRequest) -> HttpResponse:
    """Switches elder mode as the form says (`on` = 1 or 0), and leads back.

    The cookie remembers it for the browser, the user's row for his other devices.
    """
    on = request.POST.get("on") == "1"
    if request.user.is_authenticated:
        preferences.set_elder_mode(user=request.user, on=on)
    response = HttpResponseRedirect(safe_next(request))
    if on:
        response.set_cookie(
            ELDER_COOKIE, "1", max_age=YEAR, samesite="Lax", secure=request.is_secure()
        )
    else:
        response.delete_cookie(ELDER_COOKIE, samesite="Lax")
    return response
