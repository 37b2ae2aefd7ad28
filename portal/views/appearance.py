"""The switch between light, dark and whatever the device says."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from community.access import public
from portal.context_processors import APPEARANCE_COOKIE, APPEARANCES

YEAR = 365 * 24 * 3600


@public
@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Remembers the choice in a cookie and leads back; anything unknown means the device's."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        back = "/"
    response = HttpResponseRedirect(back)
    chosen = request.POST.get("appearance")
    if chosen in APPEARANCES:
        response.set_cookie(APPEARANCE_COOKIE, chosen, max_age=YEAR, samesite="Lax")
    else:
        response.delete_cookie(APPEARANCE_COOKIE)
    return response
