"""What hands do: keys at the desk, one tap on a phone, and a button pressed twice."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, Request, expect

from payments.models import Payment
from tests.access import Side
from tests.e2e.conftest import SignIn
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import BindingFactory, OccupancyFactory, UnitFactory
from tests.factories.payments import make_order

pytestmark = pytest.mark.e2e


@pytest.fixture
def desk(desktop_page: Page, demo: Side, sign_in: SignIn) -> Page:
    """The front desk's first page, with its clerk."""
    sign_in(desktop_page, demo.clerk)
    desktop_page.goto(reverse("portal:desk", args=[demo.community.code]))
    return desktop_page


def test_from_a_name_to_the_till_without_a_mouse(desk: Page, demo: Side) -> None:
    desk.keyboard.press("/")
    box = desk.locator("#search")
    expect(box).to_be_focused()
    desk.keyboard.type(demo.unit.code)
    first = desk.locator("#found a").first
    expect(first).to_contain_text(demo.unit.code)
    desk.keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    desk.keyboard.press("ArrowUp")
    expect(box).to_be_focused()
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    desk.wait_for_url(re.compile(rf"/desk/units/{demo.unit.pk}/$"))
    desk.keyboard.press("F2")
    desk.wait_for_url(re.compile(rf"/desk/units/{demo.unit.pk}/collect/"))


def test_keys_choose_and_only_counted_money_is_taken(desk: Page, demo: Side) -> None:
    """F2 pressed twice, held, and pressed after Back: nothing is taken but what was counted."""
    community = demo.community
    account = AccountFactory(unit=UnitFactory(building=demo.building), community=community)
    OccupancyFactory(unit=account.unit, party=account.party)
    bills = [make_bill("88.00", account=account), make_bill("12.00", account=account, quarter=2)]
    sent: list[Request] = []
    desk.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    desk.goto(reverse("portal:unit", args=[community.code, account.unit_id]))
    desk.keyboard.press("F2")
    desk.wait_for_url("**/collect/**")
    given = desk.locator("[name=tendered]")
    for key in ("F2", "F2", "Enter"):
        desk.keyboard.press(key)
        expect(given).to_be_focused()
    desk.locator(f"[name=bill][value='{bills[1].pk}']").uncheck()
    desk.keyboard.press("F3")
    expect(given).to_be_hidden()
    expect(desk.locator("[data-take]")).to_be_focused()
    desk.keyboard.press("F2")
    given.fill("87")
    desk.keyboard.press("Enter")
    assert not sent, "too little cash takes nothing"
    given.fill("100")
    desk.keyboard.down("Enter")
    desk.wait_for_url("**/receipts/*/")
    desk.keyboard.down("Enter")  # still held: the browser repeats it
    desk.keyboard.up("Enter")
    receipt = desk.url
    desk.go_back()
    desk.wait_for_url(receipt)
    desk.keyboard.press("F2")
    assert len(sent) == 1
    payment = Payment.objects.get(postings__credit_entry__account=account)
    assert (payment.method, str(payment.amount), str(payment.tendered)) == (
        "cash",
        "88.00",
        "100.00",
    )

    desk.goto(reverse("payments:collect", args=[community.code, account.unit_id]))
    desk.keyboard.press("F3")
    expect(desk.locator("[data-take]")).to_be_focused()
    desk.keyboard.press("Enter")
    desk.wait_for_url(re.compile(r"/receipts/\d+/$"))
    assert desk.url != receipt
    assert len(sent) == 2


def test_escape_puts_the_list_away(desk: Page, demo: Side) -> None:
    desk.locator("#search").press_sequentially(demo.unit.code)
    expect(desk.locator("#found a").first).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.locator("#found a")).to_have_count(0)


def test_enter_alone_is_enough(desk: Page, demo: Side) -> None:
    desk.locator("#search").fill(demo.unit.code)
    desk.keyboard.press("Enter")
    desk.wait_for_url(re.compile(rf"/desk/units/{demo.unit.pk}/$"))


def test_single_keys_can_be_switched_off(desk: Page) -> None:
    """WCAG 2.1.4: whoever speaks to the machine must not press keys by accident."""
    desk.locator("details.menu > summary").click()
    switch = desk.locator("[data-keys-switch]")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    desk.reload()
    desk.keyboard.press("/")
    expect(desk.locator("#search")).not_to_be_focused()


def test_elder_mode_is_one_tap_away_and_remembered(page: Page, demo: Side, sign_in: SignIn) -> None:
    sign_in(page, demo.owner)
    page.goto("/")
    switch = page.locator("header form", has=page.locator("[name=on]")).get_by_role("button")
    for pressed in (True, False):
        switch.click()
        expect(switch).to_have_attribute("aria-pressed", str(pressed).lower())
        page.goto("/bills/")
        assert ("elder" in (page.locator("html").get_attribute("class") or "")) is pressed


def test_the_look_is_remembered(desk: Page) -> None:
    desk.locator("details.menu > summary").click()
    desk.locator("[name=appearance][value=dark]").click()
    expect(desk.locator("html")).to_have_attribute("data-bs-theme", "dark")
    desk.goto("/")
    expect(desk.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_a_button_pressed_twice_sends_once(page: Page, demo: Side, sign_in: SignIn) -> None:
    """The second press does nothing, and the button says that it works."""
    sign_in(page, demo.owner)
    url = reverse("servicedesk:new")
    page.goto(url)
    page.locator("[name=kind]").first.check()
    page.locator("select[name=unit]").select_option(index=1)
    page.locator("[name=subject]").fill("路灯")
    page.locator("[name=body]").fill("门口的路灯不亮")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    busy = page.evaluate(
        """() => {
            const button = document.querySelector("main form button.btn-primary");
            button.click();
            const busy = button.classList.contains("is-busy");
            button.click();
            return busy;
        }"""
    )
    page.wait_for_url(re.compile(r"/service/\d+/$"))
    assert busy
    assert len(sent) == 1


def test_an_answer_that_does_not_come_is_told_in_words(desk: Page) -> None:
    desk.context.set_offline(True)
    desk.locator("#search").press_sequentially("1-1")
    expect(desk.locator("#messages [role=alert]")).to_be_visible()


def test_a_waiting_page_is_calm_again_once_it_is_answered(
    page: Page, sign_in: SignIn, stack_db: None
) -> None:
    """Its questions are answered by 204, which puts nothing new on the page."""
    bill = make_bill("302.12")
    user = BindingFactory(party=bill.account.party).user
    order = make_order(bill, user=user, state="pending", pay_url="weixin://x")
    sign_in(page, user)
    page.goto(reverse("payments:order", args=[order.pk]))
    for _time in range(2):
        page.context.set_offline(True)
        expect(page.locator("#messages [role=alert]")).to_be_visible()
        page.context.set_offline(False)
        expect(page.locator("#messages [role=alert]")).to_have_count(0)
    expect(page.locator(".waiting")).to_be_visible()


def test_copied_on_a_phone_it_says_so(
    page: Page, sign_in: SignIn, stack_db: None, clean_page: Page
) -> None:
    bill = make_bill("302.12")
    community = bill.account.community
    community.bank_account_number = "5719 0001 2310 801"
    community.save()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, BindingFactory(party=bill.account.party).user)

    def copied(selector: str) -> str:
        button = page.locator(f"[data-copy^='{selector}']")
        button.click()
        expect(button.locator("[data-copy-done]")).to_be_visible()
        return str(page.evaluate("navigator.clipboard.readText()"))

    page.goto(reverse("payments:transfer"))
    assert copied("#account") == "571900012310801"
    assert copied("#amount") == "302.12"
    page.goto(reverse("payments:share", args=[bill.pk]))
    page.locator("main form button").click()
    page.locator("#link").click()
    assert "/pay/for/" in copied("#link")
