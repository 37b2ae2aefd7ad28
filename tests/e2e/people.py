"""The people of the stories, each with a browser of his own, and what the simulators tell.

Pages are read by roles of elements, addresses and data attributes, never by their wording.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from playwright.sync_api import Browser, Page, Playwright, expect

from scripts.services import PROJECT
from scripts.stack import Stack
from tests.factories.community import PASSWORD
from tests.fixtures.simulators import (
    MailboxSimulator,
    Simulator,
    SmsSimulator,
    WeChatPaySimulator,
)

PATIENCE = 60  # seconds for what goes by the broker, a beat and a simulator

AnySimulator = TypeVar("AnySimulator", bound=Simulator)


def running(kind: type[AnySimulator], address: str) -> AnySimulator:
    """A client of the control API of a simulator that the stack has started."""
    simulator = kind(Path())
    simulator.addresses["http"] = address
    return simulator


@dataclass
class Town:
    """The running stack with everybody outside the portal: banks, phones, mailboxes."""

    stack: Stack
    browser: Browser
    playwright: Playwright
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.address = self.stack.address("WEB_PORT")
        self.environment = os.environ | self.stack.environment(self.stack.ports())
        self.phones = running(SmsSimulator, self.stack.address("SIM_SMS_PORT"))
        self.mailboxes = running(MailboxSimulator, self.stack.address("SIM_MAILBOX_PORT"))
        self.wechat = running(WeChatPaySimulator, self.stack.address("SIM_WECHATPAY_PORT"))

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`manage.py …` as an operator of the running portal types it."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=PROJECT,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )

    def person(self, *, device: str = "") -> Page:
        """A fresh browser, as on a phone with `device`; what breaks in it is kept."""
        how = dict(self.playwright.devices[device]) if device else {}
        how.pop("default_browser_type", None)
        page = self.browser.new_context(
            base_url=self.address, locale="zh-CN", timezone_id="Asia/Shanghai", **how
        ).new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(f"{message.location['url']}: {message.text}")
                if message.type == "error" and message.location["url"].startswith(self.address)
                else None
            ),
        )
        return page

    def last_sms(self, phone: str) -> int:
        """The id of the newest text message to a number, 0 if there is none."""
        found = self.phones.messages(phone=phone)
        return int(found[0]["id"]) if found else 0

    def last_mail(self, to: str) -> int:
        found = self.mailboxes.messages(to=to)
        return int(found[0]["id"]) if found else 0


def sign_in_by_phone(town: Town, page: Page, phone: str) -> None:
    """A resident asks for a code and reads it on his phone: the page of the SMS simulator."""
    before = town.last_sms(phone)
    page.goto("/accounts/login/")
    page.locator("[name=phone]").fill(phone)
    page.locator("form", has=page.locator("[name=phone]")).get_by_role("button").click()
    expect(page.locator("[name=code]")).to_be_visible()
    town.phones.wait(phone=phone, after=before, timeout=PATIENCE)
    display = town.person()
    display.goto(f"{town.phones.url}/?phone={phone}&still=1")
    newest = display.locator("ol.messages li").first.inner_text()
    display.context.close()
    code = re.search(r"(?<!\d)\d{6}(?!\d)", newest)
    assert code, newest
    page.locator("[name=code]").fill(code[0])
    page.locator("form", has=page.locator("[name=code]")).get_by_role("button").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)


def sign_in_by_password(page: Page, username: str) -> None:
    """A member of staff signs in."""
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill(username)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form", has=page.locator("[name=password]")).get_by_role("button").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
