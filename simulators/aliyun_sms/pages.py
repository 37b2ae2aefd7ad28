"""The page that stands for the phones: every message, newest first."""

from simulators.aliyun_sms import messages
from simulators.aliyun_sms.office import Office
from simulators.layout import Markup, PagesApplication, moment, page, tag
from simulators.web import Request, Response

BRAND = "短信 SMS"
REFRESH = 10  # seconds
MOST = 100  # messages on the page
STATUS_NAMES = {
    "waiting": "已发出 Sent",
    "delivered": "已送达 Delivered",
    "failed": "发送失败 Failed",
}


def add_routes(application: PagesApplication, office: Office) -> None:
    application.add_style()

    @application.route("GET", "/")
    def inbox(request: Request) -> Response:
        phone = "".join(request.query.get("phone", "").split())
        still = request.query.get("still") == "1"
        found = messages.find(office.messages, {"phone": phone})
        return page(
            "收到的短信 Messages",
            _search(phone),
            _refreshing(phone, still),
            _list(found, phone),
            brand=BRAND,
            refresh=0 if still else REFRESH,
        )


def _search(phone: str) -> Markup:
    return tag(
        "form",
        tag("label", "手机号 Phone number", for_="phone"),
        tag(
            "div",
            tag(
                "input",
                id="phone",
                name="phone",
                value=phone,
                inputmode="numeric",
                autocomplete="off",
            ),
            tag("button", "查找 Find"),
            class_="row",
        ),
        class_="box",
    )


def _refreshing(phone: str, still: bool) -> Markup:
    """Says that the page renews itself, with a way to stop it."""
    if still:
        link = tag("a", "恢复自动刷新 Refresh again", href=f"/?phone={phone}")
        return tag("p", link, class_="quiet")
    link = tag("a", "停止 Stop", href=f"/?phone={phone}&still=1")
    told = f"每 {REFRESH} 秒自动刷新 Refreshes by itself · "
    return tag("p", told, link, class_="quiet")


def _list(found: list[messages.Message], phone: str) -> Markup:
    if not found:
        told = f"还没有发给 {phone} 的短信。" if phone else "还没有短信。"
        return tag("p", told, " 在门户里发送之后，会出现在这里。 Nothing yet.", class_="empty")
    items = [tag("li", *_message(message)) for message in found[:MOST]]
    return tag("ol", *items, class_="messages")


def _message(message: messages.Message) -> list[Markup]:
    state = tag("span", STATUS_NAMES[message["status"]], class_=f"state {message['status']}")
    head = tag("p", tag("b", message["phone"]), " ", state, class_="row")
    foot = f"{moment(message['sent_at'])} · {message['template']}"
    return [head, tag("p", message["text"]), tag("p", foot, class_="quiet")]
