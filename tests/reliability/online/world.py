"""A community whose residents pay online, and the outside world that takes their money."""

import http.client
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.test import Client

from community.models import Community, User
from payments.models import PaymentOrder
from scripts.processes import wait_until
from scripts.stack import Stack
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import (
    BindingFactory,
    CommunityFactory,
    OccupancyFactory,
    PartyFactory,
    StaffUserFactory,
)
from tests.fixtures.simulators import (
    ANSWER_WITHIN,
    AlipaySimulator,
    ControlError,
    PaymentSimulator,
    WeChatPaySimulator,
)

PATIENCE = 120  # seconds until a person who presses again and again gives up: a failure
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64)"
CSRF = "s" * 32


class Unreachable(Exception):
    """The portal did not answer: it was killed, or is being started again."""


@dataclass
class World:
    """Everything that the stories and the chaos touch, and what they counted."""

    stack: Stack
    seed: int
    community: Community
    bills: list[Any]
    users: dict[int, User]  # by account
    staff: list[User]
    sessions: dict[int, str]  # by user
    simulators: dict[str, PaymentSimulator]
    counted: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.counted[what] += number

    def person(self, bill: Any, chance: random.Random) -> "Person":
        """The payer of a bill, at a computer or with a telephone."""
        user = self.users[bill.account_id]
        agent = chance.choice([PHONE, DESKTOP])
        return Person(self, user, self.sessions[user.pk], agent)


def make_world(stack: Stack, *, seed: int, bills: int) -> World:
    """A community with so many open bills of ever different amounts, one for each account."""
    community = CommunityFactory.create()
    made, users = [], {}
    everybody: list[tuple[Any, User]] = []
    for number in range(bills):
        if number % 5 == 0:  # every payer has five homes
            party = PartyFactory.create(community=community)
            everybody.append((party, BindingFactory.create(party=party).user))
        party, user = everybody[-1]
        account = AccountFactory.create(community=community, party=party)
        OccupancyFactory.create(community=community, unit=account.unit, party=party)
        amount = Decimal(100) + Decimal(number) * Decimal("0.37")
        made.append(make_bill(amount, account=account))
        users[account.pk] = user
    return World(
        stack=stack,
        seed=seed,
        community=community,
        bills=made,
        users=users,
        staff=[StaffUserFactory.create() for _ in range(2)],
        sessions={user.pk: _session(user) for _party, user in everybody},
        simulators={
            "wechatpay": _running(WeChatPaySimulator, stack.address("SIM_WECHATPAY_PORT")),
            "alipay": _running(AlipaySimulator, stack.address("SIM_ALIPAY_PORT")),
        },
    )


def _session(user: User) -> str:
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _running(kind: type[PaymentSimulator], address: str) -> PaymentSimulator:
    simulator = kind(Path())
    simulator.addresses["http"] = address
    return simulator


@dataclass
class Person:
    """A resident with a browser. What does not answer he presses again, as people do."""

    world: World
    user: User
    session: str
    agent: str

    def order(self, *bills: Any, provider: str, token: uuid.UUID | None = None) -> Any:
        """Presses "pay" for bills until there is an order, or nothing to pay any more: None."""
        token = token or uuid.uuid4()
        form = {"bill": [bill.pk for bill in bills], "provider": provider, "token": str(token)}
        found: Any = None

        def there() -> bool:
            nonlocal found
            where = self.press("/pay/", **form)
            found = PaymentOrder.objects.filter(form_token=token).first()
            # Nothing to pay: somebody was quicker, or an earlier order turned out to be paid.
            return found is not None or "/payments/" in where or "/pay/orders/" in where

        self._again(there)
        return self.opened(found) if found else None

    def opened(self, order: Any) -> Any:
        """Presses "try again" until it is known to the provider, or not to be paid any more."""

        def placed() -> bool:
            order.refresh_from_db()
            if order.state != "created":
                return True
            self.press(f"/pay/orders/{order.pk}/open/")
            order.refresh_from_db()
            return bool(order.state != "created")

        self._again(placed)
        return order

    def cancel(self, order: Any) -> None:
        self._again(lambda: self.press(f"/pay/orders/{order.pk}/cancel/") != "")

    def look(self, order: Any) -> None:
        """Looks at the page that waits, once."""
        self._ask("GET", f"/pay/orders/{order.pk}/status/?state={order.state}")

    def pay(self, order: Any, *, callback: bool = True) -> bool:
        """Pays at the provider with what the page showed; whether the provider took it."""
        if not order.pay_url:
            return False
        if order.scene != "native":
            self._visit(order.pay_url)
        try:
            self.world.simulators[order.provider].pay(order.out_trade_no, callback=callback)
        except ControlError:
            return False  # closed, expired, paid already
        self.world.count("paid at the provider")
        return True

    def press(self, path: str, **form: Any) -> str:
        """Sends a form; where the answer leads, "" when there was none."""
        status, where = self._ask("POST", path, form)
        if status >= 400:
            raise AssertionError(f"{path} answered {status}")
        return where

    def _again(self, try_once: Callable[[], bool]) -> None:
        if not wait_until(try_once, seconds=PATIENCE, every=0.3):
            raise AssertionError("a person pressed for two minutes in vain")

    def _ask(self, method: str, path: str, form: dict[str, Any] | None = None) -> tuple[int, str]:
        address = self.world.stack.address("WEB_PORT")
        headers = {
            "User-Agent": self.agent,
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={self.session}; csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=ANSWER_WITHIN)
        try:
            connection.request(method, path, urlencode(form or {}, doseq=True), headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.world.count("requests without an answer")
            return 0, ""
        else:
            return answer.status, answer.headers.get("Location", "")
        finally:
            connection.close()

    def _visit(self, address: str) -> None:
        """Opens the provider's page, which makes it a trade there; again if the line is cut."""
        parts = urlsplit(address)

        def opened() -> bool:
            connection = http.client.HTTPConnection(parts.netloc, timeout=ANSWER_WITHIN)
            try:
                connection.request("GET", f"{parts.path}?{parts.query}")
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return False
            else:
                return answer.status < 500
            finally:
                connection.close()

        self._again(opened)
