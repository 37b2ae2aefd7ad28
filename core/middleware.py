"""Middleware without a domain."""

from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils import translation


class ChosenLanguageMiddleware:
    """Shows the language that the person chose, else Chinese.

    Django's LocaleMiddleware would follow the browser's Accept-Language; but the phone of an
    elderly resident is as often set to English by accident as by choice, so only the switch on
    the page counts.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.known = {code for code, _name in settings.LANGUAGES}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        language = chosen if chosen in self.known else settings.LANGUAGE_CODE
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
            return response


class PlainAddressMiddleware:
    """Refuses (400) an address with a NUL in it: nobody types one, and no database takes it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("NUL in the address")
        return self.get_response(request)


class CallbacksMiddleware:
    """Answers other machines at callbacks/… without what only browsers need.

    They come in crowds and wait seconds at most; session, language, messages and policies for
    pages would take as long as storing what they say. Only public views are answered so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/callbacks/"):
            try:
                found = resolve(request.path_info)
                if not getattr(found.func, "login_required", True):
                    answer: HttpResponse = found.func(request, *found.args, **found.kwargs)
                    return answer
            except Http404:
                pass  # a page says so, with everything that pages have
        return self.get_response(request)


class PrivatePagesMiddleware:
    """Keeps what a signed-in person sees out of every cache, the browser's own included.

    After signing out at a shared computer the back button must not bring the page back.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class FormAddressMiddleware:
    """Shows a page with a way back to a person who opens an address that only a form leads to.

    It happens after a reload, with the back button, or on signing in again in the middle of a form.
    The answer stays 405; what asks for no HTML, and a callback (it takes no form's token), is told
    only that.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and _is_person_at_a_form(request):
            above = page_above(request.path_info)
            response.content = render_to_string("405.html", {"back": above}, request)
        return response


def _is_person_at_a_form(request: HttpRequest) -> bool:
    """Every browser names text/html when it opens a page; machines and htmx take anything."""
    match = request.resolver_match
    is_callback = match is None or getattr(match.func, "csrf_exempt", False)
    wants_a_page = "text/html" in request.headers.get("Accept", "")
    return request.method == "GET" and wants_a_page and not is_callback


def page_above(path: str) -> str:
    """The nearest address of ours above one, by its folders; at last the first page."""
    while len(path) > 1:
        path = path.rstrip("/").rpartition("/")[0] + "/"
        with suppress(Resolver404):
            resolve(path)
            return path
    return "/"
