"""Nobody opens what is not his: the sweep over every URL (see tests/access/__init__.py)."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import resolve_url
from django.test import Client
from django.urls import URLPattern, resolve, reverse

import tests.access
from community.access import Access
from community.checks import all_urls, every_view_says_who_may_open_it, is_third_party
from tests.access.rows import ALLOWED, ANY_ANSWER, DENIED, TO_SIGN_IN, Expected, Row
from tests.access.world import Visitor, World, make_world

URLS: dict[str, URLPattern] = dict(all_urls())
OWN_URLS = {name: pattern for name, pattern in URLS.items() if not is_third_party(name)}


def access_of(row: Row) -> Access:
    access: Access = OWN_URLS[row.url].callback.access
    return access


def is_callback(row: Row) -> bool:
    return getattr(OWN_URLS[row.url].callback, "csrf_exempt", False)


def own_url(row: Row, world: World) -> str:
    """The row's address with an object of the own community in it."""
    own = dict(row.kwargs(world.own)) if row.kwargs else {}
    if "community" in OWN_URLS[row.url].pattern.converters:
        own["community"] = world.own.community.code
    return reverse(row.url, kwargs=own)


def needs_sign_in(visitor: Visitor, path: str) -> bool:
    view = resolve(path).func
    return visitor is Visitor.ANONYMOUS and view.access.audience != "public"


def all_rows() -> Iterator[Row]:
    for module in pkgutil.iter_modules(tests.access.__path__):
        yield from getattr(importlib.import_module(f"tests.access.{module.name}"), "ROWS", [])


ROWS = list(all_rows())


def test_every_url_is_known() -> None:
    known = [row.url for row in ROWS]
    assert set(OWN_URLS) - set(known) == set(), "add a Row to tests/access/<room>.py"
    assert set(known) - set(OWN_URLS) == set(), "rows of addresses that are gone"
    assert len(known) == len(set(known))
    # A walk that saw next to nothing would prove nothing.
    assert len(OWN_URLS) >= 58
    assert len(URLS) - len(OWN_URLS) > 20, "the admin is walked too"


def test_every_view_says_who_may_open_it() -> None:
    assert every_view_says_who_may_open_it() == []


@pytest.fixture
def world(db: None, caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level("CRITICAL", "django.request")  # hundreds of refusals are the point here
    return make_world()


class Walk:
    """Requests as each visitor, undone after each so that the next finds the same world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wrong: list[str] = []
        self.client = Client(raise_request_exception=False)

    def ask(
        self, visitor: Visitor, method: str, url: str, data: object = None, accept: str = "*/*"
    ) -> HttpResponse:
        with transaction.atomic():
            self.client.cookies.clear()
            user = self.world.users[visitor]
            if user is not None:
                self.client.force_login(user)
            response: HttpResponse = getattr(self.client, method)(
                url, data, headers={"accept": accept}
            )
            transaction.set_rollback(True)
        return response

    def check(
        self, visitor: Visitor, method: str, url: str, expected: Expected, data: object = None
    ) -> None:
        response = self.ask(visitor, method, url, data)
        if not fits(response, expected):
            self.wrong.append(
                f"{visitor} {method.upper()} {url}: {response.status_code} "
                f"{response.headers.get('Location', '')}, not {expected}"
            )


def fits(response: HttpResponse, expected: Expected) -> bool:
    """Whether `response` is what was expected; an error of ours never is."""
    status = response.status_code
    to_sign_in = status == 302 and response.headers["Location"].startswith(
        f"{resolve_url(settings.LOGIN_URL)}?next="
    )
    if status >= 500:
        return False
    if expected == ANY_ANSWER:
        return True
    if expected == ALLOWED:
        return not to_sign_in and status not in DENIED
    return to_sign_in if expected == TO_SIGN_IN else status == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.url)
def test_access(row: Row, world: World) -> None:
    """Each visitor at an address of the own community, by GET and by POST."""
    access = access_of(row)
    url = own_url(row, world) + row.query
    walk = Walk(world)
    for visitor in Visitor:
        expected = row.expected(access, visitor)
        data = row.data(world.own) if row.data else {}
        if expected in (ALLOWED, ANY_ANSWER):
            walk.check(visitor, "get", url, 405 if row.post else expected)
            if row.post:
                walk.check(visitor, "post", url, expected, data)
        else:
            for method in ("get", "post"):
                response = walk.ask(visitor, method, url, data)
                # Where every signed-in person gets in, the method may be refused before the object.
                if not fits(response, expected) and not (
                    access.audience == "signed_in" and fits(response, 405)
                ):
                    walk.wrong.append(
                        f"{visitor} {method.upper()} {url}: {response.status_code}, not {expected}"
                    )
    assert walk.wrong == []


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.kwargs and access_of(row).audience == "staff"],
    ids=lambda row: row.url,
)
def test_foreign_object_under_own_address(row: Row, world: World) -> None:
    """The right role, the own community in the address, but another community's object."""
    assert row.kwargs is not None
    access = access_of(row)
    foreign = dict(row.kwargs(world.foreign))
    url = reverse(row.url, kwargs={**foreign, "community": world.own.community.code}) + row.query
    data = row.data(world.foreign) if row.data else {}
    walk = Walk(world)
    for visitor in Visitor:
        if row.expected(access, visitor) != ALLOWED:
            continue
        walk.check(visitor, "post" if row.post else "get", url, 404, data)
    assert walk.wrong == []


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.post and not is_callback(row)],
    ids=lambda row: row.url,
)
def test_the_address_of_a_form_leads_back_to_a_page(row: Row, world: World) -> None:
    """Whoever opens it by itself (loads it again, goes back) finds a page that he may see."""
    walk = Walk(world)
    url = own_url(row, world)
    for visitor in Visitor:
        if row.expected(access_of(row), visitor) != ALLOWED:
            continue
        response = walk.ask(visitor, "get", url, accept="text/html,*/*;q=0.8")
        assert response.status_code == 405
        [back] = re.findall(r'data-back href="([^"]+)"', response.content.decode())
        walk.check(visitor, "get", back, TO_SIGN_IN if needs_sign_in(visitor, back) else ALLOWED)
    assert walk.wrong == []


GARBAGE = ("\x00", "9" * 30, "-1.999", "𠀀'\"><%s{{7*7}}" + "长" * 400)
FIELD_NAMES = re.compile(r'<(?:input|select|textarea|button)[^>]* name="([^"]+)"')


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.url)
def test_garbage_breaks_nothing(row: Row, world: World) -> None:
    """Whatever is typed into a page's fields or its address: never an error of ours."""
    access = access_of(row)
    visitor = {"public": Visitor.ANONYMOUS, "signed_in": Visitor.OWNER}.get(
        access.audience, Visitor.MANAGER
    )
    url = own_url(row, world)
    walk = Walk(world)
    page = walk.ask(visitor, "get", url + row.query)
    text = "" if page.streaming else page.content.decode(errors="replace")
    fields = {*FIELD_NAMES.findall(text), *(row.data(world.own) if row.data else ()), "q", "page"}
    fields -= {"csrfmiddlewaretoken"}
    for garbage in GARBAGE:
        for method in ("get", "post"):
            walk.check(visitor, method, url, ANY_ANSWER, dict.fromkeys(fields, garbage))
    assert walk.wrong == []


def test_only_machines_may_post_without_a_token() -> None:
    """Callbacks prove themselves by a signature; everything else by the form's token."""
    exempt = {
        name
        for name, pattern in OWN_URLS.items()
        if getattr(pattern.callback, "csrf_exempt", False)
    }
    assert exempt == {"payments:callback", "payments:merchant_callback", "notices:sms_report"}


def test_third_party_pages_are_closed(world: World) -> None:
    """The admin is for is_staff only: nobody of the sweep gets in, whatever the address."""
    walk = Walk(world)
    for name in sorted(set(URLS) - set(OWN_URLS)):
        pattern = URLS[name]
        if pattern.name is None:  # "not found" and old addresses that redirect
            continue
        arguments = dict.fromkeys(pattern.pattern.regex.groupindex, "1")
        if "app_label" in arguments:
            arguments["app_label"] = "auth"
        url = reverse(name, kwargs=arguments)
        for visitor in (Visitor.ANONYMOUS, Visitor.OWNER, Visitor.MANAGER):
            response = walk.ask(visitor, "get", url)
            if response.status_code not in (302, 403, 404):
                walk.wrong.append(f"{visitor} {url}: {response.status_code}")
    assert walk.wrong == []
