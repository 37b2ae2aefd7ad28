"""The mailbox to look into: the list, one message, its attachments."""

import json
import re
from urllib.parse import quote

from simulators.database import Database
from simulators.layout import Markup, PagesApplication, facts, join, moment, page, table, tag, text
from simulators.mailbox import messages
from simulators.web import Refused, Request, Response

BRAND = "邮箱 Mailbox"
ADDRESS = re.compile(r"(https?://[^\s<>\"，。）]+)")
MOST = 100  # messages on the page


def add_routes(application: PagesApplication, store: Database) -> None:
    application.add_style()
    route = application.route

    @route("GET", "/")
    def inbox(request: Request) -> Response:
        to = request.query.get("to", "").strip()
        found = messages.find(store, {"to": to})[:MOST]
        return page("收到的邮件 Messages", _search(to), _list(found), brand=BRAND)

    @route("GET", "/messages/{number}")
    def show(request: Request) -> Response:
        row = messages.get(store, request.arguments["number"])
        return page(row["subject"] or "（无主题 No subject）", _message(row), brand=BRAND)

    @route("GET", "/messages/{number}/raw")
    def raw(request: Request) -> Response:
        return Response(200, messages.get(store, request.arguments["number"])["raw"])

    @route("GET", "/messages/{number}/attachments/{index}")
    def attachment(request: Request) -> Response:
        row = messages.get(store, request.arguments["number"])
        parts = messages.attachments(messages.parse(row["raw"]))
        index = request.arguments["index"]
        if not index.isdigit() or int(index) >= len(parts):
            raise Refused(404, "NOT_FOUND", "没有这个附件 No such attachment")
        part = parts[int(index)]
        name = quote(part.get_filename() or "attachment")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(200, messages.content(part), part.get_content_type(), headers)


def _search(to: str) -> Markup:
    field = tag("input", id="to", name="to", value=to, type="email", autocomplete="off")
    return tag(
        "form",
        tag("label", "收件人 Recipient", for_="to"),
        tag("div", field, tag("button", "查找 Find"), class_="row"),
        class_="box",
    )


def _list(found: list[messages.Row]) -> Markup:
    rows: list[list[object]] = [
        [
            tag("a", row["subject"] or "（无主题）", href=f"/messages/{row['id']}"),
            ", ".join(json.loads(row["recipients"])),
            moment(row["received_at"]),
        ]
        for row in found
    ]
    return table(
        ["主题 Subject", "收件人 To", "时间 Time"],
        rows,
        caption="最近的邮件 Latest messages",
        empty="还没有邮件。在门户里发送之后，会出现在这里。 Nothing yet.",
    )


def _message(row: messages.Row) -> Markup:
    message = messages.parse(row["raw"])
    number = row["id"]
    parts = [
        facts(
            [
                ("发件人 From", str(message.get("From", row["sender"]))),
                ("收件人 To", ", ".join(json.loads(row["recipients"]))),
                ("时间 Time", moment(row["received_at"])),
            ]
        )
    ]
    if html := messages.body(message, "html"):
        # A document of its own, in which nothing runs.
        parts.append(
            tag("iframe", srcdoc=html, sandbox="", title="邮件正文 Message", class_="mail")
        )
    if plain := messages.body(message, "plain"):
        parts.append(tag("div", tag("pre", _with_links(plain)), class_="box"))
    links = [
        tag("li", tag("a", part.get_filename() or "attachment", href=_attachment(number, index)))
        for index, part in enumerate(messages.attachments(message))
    ]
    if links:
        parts += [tag("h2", "附件 Attachments"), tag("ul", *links)]
    parts.append(tag("p", tag("a", "原文 Source", href=f"/messages/{number}/raw"), class_="quiet"))
    return join(parts)


def _with_links(plain: str) -> Markup:
    """The text with its web addresses as links."""
    pieces = ADDRESS.split(plain)  # text, address, text, …
    return join(
        [
            tag("a", piece, href=piece) if index % 2 else text(piece)
            for index, piece in enumerate(pieces)
        ]
    )


def _attachment(number: int, index: int) -> str:
    return f"/messages/{number}/attachments/{index}"
