"""People with browsers. What does not answer they press again, as people do."""

import http.client
import json
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import unescape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from billing.models import Bill
from community.models import User
from payments.models import Payment, PaymentOrder, Refund
from scripts.processes import wait_until
from simulators.wechatpay.browser import USER_AGENT as WECHAT
from tests.fixtures.simulators import ANSWER_WITHIN, ControlError
from tests.reliability.online.world import PATIENCE, World, session_of

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64)"
CSRF = "s" * 32
BRIDGE = re.compile(r'data-bridge="([^"]+)"')
# How somebody pays: provider and scene → the browser in which the portal offers that.
WAYS = {
    ("wechatpay", "native"): DESKTOP,
    ("wechatpay", "h5"): PHONE,
    ("wechatpay", "jsapi"): WECHAT,
    ("alipay", "native"): DESKTOP,
    ("alipay", "h5"): PHONE,
    ("alipay", "page"): DESKTOP,
}


@dataclass(frozen=True)
class Shown:
    """What came back; status 0 when nothing did."""

    status: int = 0
    where: str = ""
    text: str = ""


class Browser:
    """Sends forms to the portal and opens other people's pages."""

    def __init__(self, world: World, *, agent: str = DESKTOP, user: User | None = None) -> None:
        self.world = world
        self.agent = agent
        self.cookies = {"csrftoken": CSRF}
        if user is not None:
            self.cookies[settings.SESSION_COOKIE_NAME] = session_of(user)

    def post(self, path: str, **form: Any) -> Shown:
        return self._ask("POST", path, urlencode(form, doseq=True))

    def get(self, path: str) -> Shown:
        return self._ask("GET", path)

    def visit(self, address: str) -> Shown:
        """Opens a page of a provider; again if the line is cut or it is out of order."""
        seen = Shown()

        def opened() -> bool:
            nonlocal seen
            seen = self._request("GET", address)
            return 0 < seen.status < 500

        self.again(opened)
        return seen

    def again(self, try_once: Callable[[], bool]) -> None:
        """Presses until it worked."""
        if not wait_until(try_once, seconds=PATIENCE, every=0.3):
            raise AssertionError("a person pressed for two minutes in vain")

    def _ask(self, method: str, path: str, form: str = "") -> Shown:
        shown = self._request(method, self.world.stack.address("WEB_PORT") + path, form)
        if not shown.status:
            self.world.count("requests without an answer")
        if shown.status >= 400 and shown.status != 422:
            raise AssertionError(f"{method} {path} answered {shown.status}")
        return shown

    def _request(self, method: str, address: str, form: str = "") -> Shown:
        parts = urlsplit(address)
        own = parts.netloc == urlsplit(self.world.stack.address("WEB_PORT")).netloc
        headers = {"User-Agent": self.agent}
        if own:
            headers["Cookie"] = "; ".join(f"{name}={v}" for name, v in self.cookies.items())
            headers["X-CSRFToken"] = CSRF
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection = http.client.HTTPConnection(parts.netloc, timeout=ANSWER_WITHIN)
        try:
            connection.request(method, target, form, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            return Shown()
        finally:
            connection.close()
        if own:
            self._keep(answer.headers.get_all("Set-Cookie") or [])
        return Shown(answer.status, answer.headers.get("Location", ""), text)

    def _keep(self, cookies: list[str]) -> None:
        for line in cookies:
            for name, morsel in SimpleCookie(line).items():
                if name != "csrftoken":
                    self.cookies[name] = morsel.value


class Payer(Browser):
    """Pays in one way: a resident who is signed in, or with `link` whoever was sent it."""

    def __init__(
        self, world: World, way: tuple[str, str], *, user: User | None = None, link: str = ""
    ) -> None:
        super().__init__(world, agent=WAYS[way], user=user)
        self.provider, self.scene = way
        self.link = f"/pay/for/{link}/" if link else ""

    def order(self, *bills: Any, ahead: Any = None, months: int = 6) -> Any:
        """Presses "pay" until there is an order, or nothing to pay any more: None."""
        token = uuid.uuid4()
        form: dict[str, Any] = {"provider": self.provider, "token": str(token)}
        if ahead is not None:
            path, form = "/pay/ahead/", form | {"account": ahead.pk, "months": months}
        else:
            path, form = self.link or "/pay/", form | {"bill": [bill.pk for bill in bills]}
        if self.scene in ("native", "page"):
            form["scene"] = "native"
        found: Any = None

        def there() -> bool:
            nonlocal found
            shown = self.post(path, **form)
            found = PaymentOrder.objects.filter(form_token=token).first()
            # Nothing to pay: somebody was quicker, or an earlier order turned out to be paid.
            leads = "/payments/" in shown.where or "/pay/orders/" in shown.where
            return found is not None or leads or self._paid_meanwhile(bills)

        self.again(there)
        if found is None:
            return None
        if self.scene == "page":
            found = self._on_their_page(found)
        return self.opened(found)

    def opened(self, order: Any) -> Any:
        """Tries to go on until it is known to the provider, or not to be paid any more."""

        def placed() -> bool:
            order.refresh_from_db()
            if order.state == "created":
                self._go(order)
                order.refresh_from_db()
            return bool(order.state != "created")

        self.again(placed)
        return order

    def cancel(self, order: Any) -> None:
        self.again(lambda: self.post(f"/pay/orders/{order.pk}/cancel/").status != 0)

    def look(self, order: Any) -> None:
        """Looks at the page that waits, once."""
        self.get(f"{self._page(order)}status/?state={order.state}")

    def pay(self, order: Any, *, callback: bool = True) -> bool:
        """Pays at the provider with what the page showed; whether the provider has the money."""
        if not order.pay_url:
            return False
        call = self._call(order) if order.scene == "jsapi" else {}
        if order.scene in ("h5", "page"):
            self.visit(order.pay_url)
        try:
            if call and callback:
                self.world.at(order.provider, lambda there: there.post("/jsapi/pay", **call))
            else:
                self.world.at(
                    order.provider, lambda there: there.pay(order.out_trade_no, callback=callback)
                )
        except ControlError:
            pass  # closed, expired, or paid before the line was cut
        try:
            there = self.world.at(order.provider, lambda there: there.order(order.out_trade_no))
        except ControlError:
            return False
        return there["paid_at"] is not None

    def _page(self, order: Any) -> str:
        return f"{self.link or '/pay/'}orders/{order.pk}/"

    def _go(self, order: Any) -> None:
        """One step on the way to the provider, over WeChat's own page if it has to say who pays."""
        shown = self.get(f"{self._page(order)}go/")
        if "/connect/oauth2/" in shown.where:
            back = urlsplit(self.visit(shown.where).where)
            self.get(f"{back.path}?{back.query}")

    def _on_their_page(self, order: Any) -> Any:
        """Rather than the code: another order, for which the first is closed."""
        token = uuid.uuid5(order.form_token, "page")
        found: Any = None

        def there() -> bool:
            nonlocal found
            self.post(f"{self._page(order)}scene/", scene="page")
            order.refresh_from_db()
            found = PaymentOrder.objects.filter(form_token=token).first()
            return found is not None or order.state not in ("created", "pending")

        self.again(there)
        return found or order

    def _call(self, order: Any) -> dict[str, str]:
        """What the page hands WeChat, which shows it to its person; nothing if it shows nothing."""
        shown = Shown()

        def seen() -> bool:
            nonlocal shown
            shown = self.get(self._page(order))
            return shown.status == 200

        self.again(seen)
        found = BRIDGE.search(shown.text)
        if found is None:
            return {}
        call: dict[str, str] = json.loads(unescape(found[1]))
        try:
            self.world.at(order.provider, lambda there: there.get("/jsapi/pay", **call))
        except ControlError:
            return {}
        self.world.count("opened inside WeChat, with the payer's openid")
        return call

    def _paid_meanwhile(self, bills: Sequence[Any]) -> bool:
        wanted = Bill.objects.filter(pk__in=[bill.pk for bill in bills])
        return bool(bills) and not wanted.open().exists()


class Office(Browser):
    """Somebody who works for a community, in his browser."""

    def __init__(self, world: World, user: User, community: Any) -> None:
        super().__init__(world, user=user)
        self.desk = f"/c/{community.code}/desk/"

    def ask_back(self, payment: Payment, account: Any, amount: Any) -> int | None:
        """Asks that money goes back the way it came: the refund, or None if less is there."""
        form = {
            "account": account.pk,
            "amount": str(amount),
            "reason": "paid by mistake",
            "form_token": str(uuid.uuid4()),
        }
        shown = Shown()

        def asked() -> bool:
            nonlocal shown
            shown = self.post(f"{self.desk}payments/{payment.pk}/refund/", **form)
            return shown.status != 0

        self.again(asked)
        return int(shown.where.rstrip("/").rpartition("/")[2]) if shown.status == 302 else None

    def approve(self, refund: int) -> None:
        """Says yes until it is said, or there is not enough there any more: then no."""

        def decided() -> bool:
            words = {"decision": "approve", "words": ""}
            if self.post(f"{self.desk}refunds/{refund}/decide/", **words).status == 0:
                return False
            if Refund.objects.filter(pk=refund, state="requested").exists():
                no = {"decision": "reject", "words": "nothing is there"}
                self.world.count("refunds rejected: not enough is there")
                return self.post(f"{self.desk}refunds/{refund}/decide/", **no).status != 0
            return True

        self.again(decided)
