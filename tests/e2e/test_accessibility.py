"""axe-core over every page there is: a phone and a desk, light, dark and elder mode.

The pages are those of the permission sweep (tests/access), so a new one cannot be forgotten. Each
is opened once, as somebody who may; the other looks are switched on in place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import reverse
from playwright.sync_api import Browser, Page

from billing.models import Bill, BillRun
from community.models import User
from notices.models import Campaign
from payments.models import Receipt
from servicedesk.models import Ticket
from tests.access import Row, Side, Visitor
from tests.access.rows import ALLOWED
from tests.access.world import make_side
from tests.e2e.conftest import DESK, PHONE, SignIn
from tests.test_access import OWN_URLS, ROWS, access_of

pytestmark = pytest.mark.e2e

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size"]}}
EVERYTHING = {"runOnly": {"type": "tag", "values": [*WCAG, "best-practice"]}}
# Narrower than any phone sold today, and what 1280 px look like at 400 % (WCAG 1.4.10).
NARROWEST = {"width": 320, "height": 640}
# The innermost element that sticks out of the page, '' if the page does not scroll sideways.
TOO_WIDE = """() => {
    if (document.scrollingElement.scrollWidth <= innerWidth) return "";
    const out = [...document.querySelectorAll("main *, header *, nav *")]
        .filter((node) => node.getBoundingClientRect().right > innerWidth + 1)
        .filter((node) => !node.closest(".scroll-x, .side"));
    return out.length ? out.at(-1).outerHTML.slice(0, 160) : "something outside of main";
}"""


VISITORS = (
    Visitor.ANONYMOUS,
    Visitor.OWNER,
    Visitor.CLERK,
    Visitor.ACCOUNTANT,
    Visitor.MANAGER,
)


def shown_to(row: Row) -> Visitor | None:
    """The first who may open a page; what is public is seen by a stranger, some by nobody."""
    access = access_of(row)
    return next((who for who in VISITORS if row.expected(access, who) == ALLOWED), None)


PAGES = [row for row in ROWS if not row.post and not row.url.startswith("mfa_") and shown_to(row)]


def visitor_of(row: Row, side: Side) -> User | None:
    """Who opens a page; None for a stranger."""
    visitor = shown_to(row)
    assert visitor
    return {
        Visitor.ANONYMOUS: None,
        Visitor.OWNER: side.owner,
        Visitor.CLERK: side.clerk,
        Visitor.ACCOUNTANT: side.accountant,
        Visitor.MANAGER: side.manager,
    }[visitor]


@dataclass(frozen=True)
class Look:
    """One way to look at a page, and the rules that this way could break."""

    size: dict[str, int]
    scheme: str
    elder: bool
    rules: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.size['width']} px {self.scheme}{' elder' if self.elder else ''}"


# A page is looked at thoroughly once, and for its colours and sizes in the other looks.
LOOKS = (
    Look(PHONE, "light", False, EVERYTHING),
    Look(DESK, "dark", False, CONTRAST),
    Look(PHONE, "light", True, CONTRAST),
)
MORE_LOOKS = (
    *LOOKS,
    Look(DESK, "light", False, EVERYTHING),
    Look(PHONE, "dark", False, CONTRAST),
    Look(PHONE, "dark", True, CONTRAST),
)
RUN = """async rules => (await axe.run(document, rules)).violations.map(found => [
    found.id, found.impact, found.nodes.slice(0, 3).map(node => node.html.slice(0, 140)).join("; "),
])"""


def faults_of(page: Page, looks: tuple[Look, ...] = LOOKS) -> list[str]:
    """What axe finds in any look, and where a page is wider than the screen."""
    faults = []
    page.evaluate(AXE_SCRIPT)
    for look in looks:
        page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        _elder(page, look.elder)
        _resize(page, look.size)
        for rule, impact, where in page.evaluate(RUN, look.rules):
            faults.append(f"{look}: {rule} ({impact}): {where}")
    for size in (NARROWEST, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for elder in (False, True):
            _elder(page, elder)
            if wide := page.evaluate(TOO_WIDE):
                faults.append(f"too wide for {size['width']} px, elder={elder}: {wide}")
    return faults


def _resize(page: Page, size: dict[str, int]) -> None:
    """As wide as the device, and high enough that no bar lies over anything."""
    page.set_viewport_size(size)  # type: ignore[arg-type]
    high = page.evaluate("document.scrollingElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": max(high, size["height"])})


def _elder(page: Page, on: bool) -> None:
    page.evaluate("on => document.documentElement.classList.toggle('elder', on)", on)


def visit(page: Page, url: str) -> bool:
    """Opens a page; False for what is none (a PDF, a piece of a page, an answer to a machine)."""
    answer = page.request.get(url)
    assert answer.status == 200, f"{url}: {answer.status}"
    if "text/html" not in answer.headers.get("content-type", "") or "<html" not in answer.text():
        return False
    page.goto(url)
    return True


@pytest.fixture(scope="module")
def window(browser: Browser, browser_context_args: dict[str, Any], base_url: str) -> Iterator[Page]:
    """One for all pages: to open a new one takes a browser longer than to show a page in it."""
    context = browser.new_context(**browser_context_args)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(window: Page) -> Iterator[Page]:
    """In it nobody is signed in; at the end everything that the browser had to say was heard."""
    window.context.clear_cookies()
    yield window
    window.evaluate("0")


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.url)
def test_every_page(row: Row, clean_page: Page, sign_in: SignIn) -> None:
    side = make_side()
    arguments = dict(row.kwargs(side)) if row.kwargs else {}
    if "community" in OWN_URLS[row.url].pattern.converters:
        arguments["community"] = side.community.code
    user = visitor_of(row, side)
    if user:
        sign_in(clean_page, user)
    if not visit(clean_page, reverse(row.url, kwargs=arguments) + row.query):
        pytest.skip("no page")
    assert faults_of(clean_page) == []


def full_pages(side: Side) -> Iterator[tuple[User, str]]:
    """Pages of the demo that have much to show."""
    code = side.community.code
    bill = Bill.objects.filter(account__party=side.party).latest("pk")
    yield side.owner, "/"
    yield side.owner, reverse("billing:bill", args=[bill.pk])
    yield side.owner, reverse("payments:pay")
    ticket = Ticket.objects.filter(reporter=side.owner, messages__isnull=False).first()
    assert ticket
    yield side.owner, reverse("servicedesk:my_ticket", args=[ticket.pk])
    yield side.clerk, reverse("portal:unit", args=[code, side.unit.pk])
    yield side.clerk, reverse("payments:collect", args=[code, side.unit.pk])
    yield side.clerk, reverse("servicedesk:ticket", args=[code, ticket.pk])
    receipt = Receipt.objects.filter(community=side.community).latest("pk")
    yield side.clerk, reverse("payments:receipt", args=[receipt.pk])
    yield side.manager, reverse("portal:manager", args=[code])
    run = BillRun.objects.filter(period__community=side.community).latest("pk")
    yield side.manager, reverse("billing:run", args=[code, run.pk])
    campaign = Campaign.objects.filter(community=side.community).latest("pk")
    yield side.manager, reverse("notices:campaign", args=[code, campaign.pk])
    yield side.manager, reverse("servicedesk:queue", args=[code])


def test_full_pages(clean_page: Page, demo: Side, sign_in: SignIn) -> None:
    """Factories make thin rows; these pages are as full as at work."""
    faults = {}
    for user, url in full_pages(demo):
        clean_page.context.clear_cookies()
        sign_in(clean_page, user)
        assert visit(clean_page, url), url
        if found := faults_of(clean_page, MORE_LOOKS):
            faults[url] = found
    assert faults == {}


@pytest.mark.parametrize("path", ["/nowhere/", "/accounts/login/?next=/", "/receipts/check/x/"])
def test_what_a_stranger_meets(page: Page, stack_db: None, path: str) -> None:
    """An error page is a page too. (The browser complains of the 404 itself.)"""
    page.goto(path)
    assert faults_of(page) == []
