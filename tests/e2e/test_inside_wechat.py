"""Paying inside WeChat: a Chromium that calls itself MicroMessenger and has its bridge."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from payments.models import PaymentOrder
from payments.services.online.sharing import share_bill, token_of
from scripts.stack import Stack
from simulators.wechatpay.browser import USER_AGENT, make_wechat
from tests.e2e.people import PATIENCE, running
from tests.factories.billing import make_bill
from tests.factories.community import BindingFactory
from tests.fixtures.simulators import WeChatPaySimulator

pytestmark = pytest.mark.e2e
# A bridge that says whatever it wants: nothing was paid.
LIAR = """window.WeixinJSBridge = {invoke: (name, values, done) =>
    done({err_msg: "get_brand_wcpay_request:%s"})};"""

Open = Callable[..., Page]


@pytest.fixture
def wechat(stack: Stack) -> WeChatPaySimulator:
    simulator = running(WeChatPaySimulator, stack.address("SIM_WECHATPAY_PORT"))
    simulator.reset()
    return simulator


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def inside(
    browser: Browser, browser_context_args: dict[str, Any], stack: Stack, complaints: list[str]
) -> Open:
    """Opens a page inside WeChat; with `bridge` that script in the place of WeChat's own."""

    def open_page(*, bridge: str | None = None, **how: Any) -> Page:
        context = browser.new_context(
            **{**browser_context_args, "base_url": stack.address("WEB_PORT")},
            user_agent=USER_AGENT,
            **how,
        )
        if bridge is None:
            make_wechat(context, stack.address("SIM_WECHATPAY_PORT"))
        else:
            context.add_init_script(bridge)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        return page

    return open_page


@pytest.fixture
def bill(stack_db: None) -> Any:
    return make_bill("302.12", "42.00")


@pytest.fixture
def resident(bill: Any) -> Any:
    return BindingFactory(party=bill.account.party).user


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")


def press_pay(page: Page) -> None:
    page.locator("button[name=provider][value=wechatpay]").click()


def expect_paid(page: Page) -> None:
    expect(page.locator(".order .tag-done")).to_be_visible(timeout=PATIENCE * 1000)


def test_a_resident_pays_inside_wechat(
    inside: Open,
    wechat: WeChatPaySimulator,
    sign_in: Any,
    resident: Any,
    bill: Any,
    complaints: list[str],
) -> None:
    page = inside()
    sign_in(page, resident)
    page.goto("/pay/")
    expect(page.locator("button[name=provider]")).to_have_count(1)
    picture(page, "choose")
    press_pay(page)
    page.locator("[data-bridge-pay]").click()
    page.locator("#wechat-cancel").click()
    expect(page.locator("[data-bridge-says=cancel]")).to_be_visible()
    picture(page, "cancelled")
    page.locator("[data-bridge-pay]").click()
    picture(page, "sheet")
    page.locator("#wechat-pay").click()
    expect_paid(page)
    picture(page, "paid")
    [order] = wechat.ledger()["orders"]
    assert (order["trade_type"], order["total"], order["state"]) == ("JSAPI", 34412, "SUCCESS")
    assert not bill.charges.open().exists()
    assert complaints == []


def test_whoever_has_the_link_pays_inside_wechat(
    inside: Open, wechat: WeChatPaySimulator, resident: Any, bill: Any, complaints: list[str]
) -> None:
    page = inside()
    page.goto(f"/pay/for/{token_of(share_bill(bill=bill, by=resident))}/")
    picture(page, "link")
    press_pay(page)
    expect(page.locator("[data-bridge-pay]")).to_be_visible()
    picture(page, "link-order")
    page.locator("[data-bridge-pay]").click()
    page.locator("#wechat-pay").click()
    expect_paid(page)
    assert complaints == []


@pytest.mark.parametrize("lie", ["ok", "fail"])
def test_the_bridges_word_is_not_believed(
    inside: Open, wechat: WeChatPaySimulator, sign_in: Any, resident: Any, bill: Any, lie: str
) -> None:
    page = inside(bridge=LIAR % lie)
    sign_in(page, resident)
    page.goto("/pay/")
    press_pay(page)
    with page.expect_response(lambda answer: "/status/" in answer.url):
        page.locator("[data-bridge-pay]").click()
    order = PaymentOrder.objects.get(user=resident)
    assert order.state == "pending"
    expect(page.locator(".order .tag-done")).to_have_count(0)
    expect(page.locator("[data-bridge-says=fail]")).to_be_visible(visible=lie == "fail")
    expect(page.locator("[data-once-paid]")).to_be_visible(visible=lie == "ok")
    for action in ("cancel", "scene"):
        expect(page.locator(f"form[action$='/{action}/']")).to_be_visible(visible=lie == "fail")
    picture(page, f"lie-{lie}")
    wechat.pay(order.out_trade_no, callback=False)  # paid after all, and nobody told us
    expect_paid(page)


def test_without_a_bridge_or_script_a_code_is_the_way_out(
    inside: Open, wechat: WeChatPaySimulator, sign_in: Any, resident: Any, bill: Any
) -> None:
    page = inside(bridge="")
    sign_in(page, resident)
    page.goto("/pay/")
    press_pay(page)
    expect(page.locator("[data-bridge-says=none]")).to_be_visible()
    expect(page.locator("[data-bridge-pay]")).to_be_hidden()
    picture(page, "no-bridge")
    plain = inside(bridge="", java_script_enabled=False)
    sign_in(plain, resident)
    plain.goto(page.url)
    expect(plain.locator("[data-bridge-pay]")).to_be_hidden()
    plain.locator("button[name=scene][value=native]").click()
    expect(plain.locator(".scan img").first).to_be_visible()
    picture(plain, "code")
    assert PaymentOrder.objects.filter(user=resident, state="pending").get().scene == "native"
