"""Two tabs of a resident and the front desk pay one bill together: it is settled once, the rest of
what came in is the resident's credit, and each of them is told."""

import datetime
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, Playwright, expect

from billing.models import Account, Bill
from community.models import Role, User
from core.money import plain_yuan
from payments.models import Payment, PaymentOrder
from scripts.stack import Stack
from tests.e2e.conftest import SignIn
from tests.e2e.people import PATIENCE, Town
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import BindingFactory, MembershipFactory, OccupancyFactory

pytestmark = pytest.mark.e2e


@pytest.fixture
def town(stack: Stack, stack_db: None, browser: Browser, playwright: Playwright) -> Town:
    found = Town(stack, browser, playwright)
    found.wechat.reset()
    return found


@pytest.fixture
def bill(stack_db: None) -> Bill:
    """344.12 yuan of the unit's payer of today."""
    lives = OccupancyFactory.create()
    return make_bill("302.12", "42.00", account=AccountFactory(unit=lives.unit, party=lives.party))


@pytest.fixture
def resident(bill: Bill) -> User:
    user: User = BindingFactory.create(party=bill.account.party).user
    return user


def staff(bill: Bill, role: Role) -> User:
    user: User = MembershipFactory.create(community=bill.account.community, role=role).user
    return user


def order_of(page: Page) -> PaymentOrder:
    """Presses WeChat Pay; the order that comes of it, which no sweep asks about meanwhile."""
    page.goto("/pay/")
    page.locator("button[name=provider][value=wechatpay]").click()
    page.wait_for_url("**/pay/orders/*/")
    order = PaymentOrder.objects.latest("pk")
    later = timezone.now() + datetime.timedelta(hours=1)
    PaymentOrder.objects.filter(pk=order.pk).update(check_at=later)
    return order


def to_the_cashier(page: Page) -> None:
    page.locator("a[href$='/go/']").click()
    expect(page.locator("#pay")).to_be_visible()


def test_two_tabs_and_the_desk_pay_one_bill(
    town: Town, bill: Bill, resident: User, sign_in: SignIn
) -> None:
    first_tab = town.person(device="iPhone 13")
    sign_in(first_tab, resident)
    first = order_of(first_tab)
    to_the_cashier(first_tab)
    second_tab = first_tab.context.new_page()
    second = order_of(second_tab)
    to_the_cashier(second_tab)
    the_first_tab_is_told_that_it_is_closed(town, first_tab, first)

    clerk, late_clerk = (at_the_desk(town, bill, sign_in) for _ in range(2))
    clerk.keyboard.press("Enter")
    clerk.wait_for_url("**/receipts/*/")

    second_tab.locator("#pay").click()  # his telephone knows nothing of the desk
    town.wechat.wait_for_callbacks(second.out_trade_no, timeout=PATIENCE)
    the_resident_is_told_what_became_of_the_rest(town, second_tab, resident, second, bill)

    late_clerk.keyboard.press("Enter")
    expect(late_clerk.locator(".invalid-feedback, .errorlist").first).to_be_visible()
    the_accountant_sees_it(town, second, bill, sign_in)

    payments = Payment.objects.filter(community=bill.account.community)
    assert sorted(payments.values_list("method", flat=True)) == ["cash", "wechat"]
    account = Account.objects.with_balance().get(pk=bill.account_id)
    assert (account.owed, account.credit) == (0, bill.amount)
    verified = town.command("verify_books", "--community", bill.account.community.code)
    assert verified.returncode == 0, verified.stdout


def the_first_tab_is_told_that_it_is_closed(town: Town, tab: Page, order: PaymentOrder) -> None:
    """The second order closed it at the provider: its cashier takes nothing; our page says so."""
    tab.locator("#pay").click()
    [there] = [
        one for one in town.wechat.ledger()["orders"] if one["out_trade_no"] == order.out_trade_no
    ]
    assert there["state"] == "CLOSED"
    tab.goto(reverse("payments:order", args=[order.pk]))
    expect(tab.locator(".order .message-warning")).to_be_visible()
    expect(tab.locator(".order .tag-done")).to_have_count(0)


def at_the_desk(town: Town, bill: Bill, sign_in: SignIn) -> Page:
    """A clerk whose form still shows the bill as open."""
    page = town.person()
    sign_in(page, staff(bill, Role.CLERK))
    account = bill.account
    page.goto(reverse("payments:collect", args=[account.community.code, account.unit_id]))
    expect(page.locator("[name=amount]")).to_have_value(plain_yuan(bill.amount))
    page.locator("[name=tendered]").fill("400")
    return page


def the_resident_is_told_what_became_of_the_rest(
    town: Town, tab: Page, resident: User, order: PaymentOrder, bill: Bill
) -> None:
    """On the page, and by a text message: the desk was faster, all of it is his credit."""
    tab.goto(reverse("payments:order", args=[order.pk]))
    expect(tab.locator(".order .tag-done")).to_be_visible(timeout=PATIENCE * 1000)
    expect(tab.locator(".order .message")).to_contain_text(plain_yuan(bill.amount))
    said = town.phones.wait(phone=bill.account.party.phone, timeout=PATIENCE)
    assert plain_yuan(bill.amount) in said["text"]


def the_accountant_sees_it(town: Town, order: PaymentOrder, bill: Bill, sign_in: SignIn) -> None:
    page = town.person()
    sign_in(page, staff(bill, Role.ACCOUNTANT))
    page.goto(reverse("payments:unsettled", args=[bill.account.community.code]))
    expect(page.get_by_text(order.out_trade_no)).to_be_visible()


def test_the_desk_is_told_when_the_resident_was_faster(
    town: Town, bill: Bill, resident: User, sign_in: SignIn
) -> None:
    clerk: Any = at_the_desk(town, bill, sign_in)
    tab = town.person(device="iPhone 13")
    sign_in(tab, resident)
    order = order_of(tab)
    to_the_cashier(tab)
    tab.locator("#pay").click()
    tab.goto(reverse("payments:order", args=[order.pk]))
    expect(tab.locator(".order .tag-done")).to_be_visible(timeout=PATIENCE * 1000)
    clerk.keyboard.press("Enter")
    expect(clerk.locator(".invalid-feedback, .errorlist").first).to_be_visible()
    assert Payment.objects.get(community=bill.account.community).order == order
