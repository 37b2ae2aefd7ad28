"""Browser tests: a phone, a desk, the demo in the running stack, and a way to be signed in."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page

from community.models import Community, Membership, Occupancy, Role, User
from portal.demo.build import FIRST
from portal.demo.files import WANG
from scripts.services import PROJECT
from scripts.stack import Stack
from tests.access import Side

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1366, "height": 820}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """`page` is a phone's."""
    return {**browser_context_args, "viewport": PHONE}


@pytest.fixture
def desktop_page(
    browser: Browser, browser_context_args: dict[str, Any], base_url: str
) -> Iterator[Page]:
    """A page on the screen of the front desk."""
    context = browser.new_context(**{**browser_context_args, "viewport": DESK})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def seeded(stack: Stack) -> None:
    """The demo in the database of the stack, made by the command that people use."""
    subprocess.run(
        [sys.executable, "manage.py", "seed_demo", "--units", "60"],
        cwd=PROJECT,
        env=os.environ | stack.environment(stack.ports()),
        check=True,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture
def demo(seeded: None, stack_db: None) -> Side:
    """The demo's first community, with the resident who owns a home and a parking space."""
    community = Community.objects.get(code=FIRST)
    occupancy = Occupancy.objects.select_related("unit__building", "party").get(
        unit__community=community, unit__kind="dwelling", party__phone=WANG.phone
    )
    staff = {role: Membership.objects.get(community=community, role=role).user for role in Role}
    return Side(
        community=community,
        building=occupancy.unit.building,
        unit=occupancy.unit,
        party=occupancy.party,
        occupancy=occupancy,
        owner=User.objects.get(phone=WANG.phone),
        clerk=staff[Role.CLERK],
        accountant=staff[Role.ACCOUNTANT],
        manager=staff[Role.MANAGER],
    )


SignIn = Callable[[Page, User], None]


@pytest.fixture
def sign_in(stack_db: None, base_url: str) -> SignIn:
    """Signs a user in without the doors, which have tests of their own (the story)."""

    def with_session(page: Page, user: User) -> None:
        client = Client()
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": base_url}]
        )

    return with_session
