"""The pages for people: one plain layout, no script, readable on a phone."""

from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path

from simulators.web import Application, Refused, Request, Response, json_response

STYLE = Path(__file__).with_name("style.css").read_bytes()
CHINA = timezone(timedelta(hours=8))


class Markup(str):
    """Text that is HTML already; everything else is escaped by `tag`."""

    __slots__ = ()


def text(value: object) -> Markup:
    return value if isinstance(value, Markup) else Markup(escape(str(value)))


def join(parts: list[Markup]) -> Markup:
    return Markup("".join(parts))


def tag(name: str, /, *content: object, **attributes: object) -> Markup:
    """One element; `class_` and `for_` lose their underscore, None and False are left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in {"input", "link", "meta", "br", "hr"}:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join([text(part) for part in content])}</{name}>")


def page(title: str, *content: Markup, brand: str, refresh: int = 0, status: int = 200) -> Response:
    """A whole page; `refresh` reloads it after so many seconds."""
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title} · {brand}"),
        tag("link", rel="stylesheet", href="/style.css"),
        tag("link", rel="icon", href="data:,"),
    ]
    if refresh:
        head.append(tag("meta", http_equiv="refresh", content=refresh))
    header = tag(
        "header",
        tag("a", brand, href="/"),
        tag("span", "模拟器 Simulator", class_="mark"),
    )
    body = tag("body", header, tag("main", tag("h1", title), *content))
    html = Markup("<!doctype html>") + tag("html", tag("head", *head), body, lang="zh-CN")
    return Response(status, html.encode(), "text/html; charset=utf-8")


def table(columns: list[str], rows: list[list[object]], *, caption: str, empty: str) -> Markup:
    """A table that turns into cards on a narrow screen; a sentence when there is nothing."""
    if not rows:
        return tag("p", empty, class_="empty")
    head = tag("thead", tag("tr", *[tag("th", name, scope="col") for name in columns]))
    lines = [tag("tr", *map(_cell, columns, row)) for row in rows]
    return tag("table", tag("caption", caption), head, tag("tbody", *lines))


def _cell(column: str, value: object) -> Markup:
    return tag("td", value, data_label=column)


def facts(pairs: list[tuple[str, object]]) -> Markup:
    """A list of names and values."""
    return tag("dl", *[join([tag("dt", name), tag("dd", value)]) for name, value in pairs])


def moment(seconds: float | None) -> str:
    """A moment on the clock in China, or a dash."""
    if seconds is None:
        return "—"
    return datetime.fromtimestamp(seconds, CHINA).strftime("%Y-%m-%d %H:%M:%S")


class PagesApplication(Application):
    """An application that also has pages: it serves their style and shows errors on a page."""

    brand = ""

    def add_style(self) -> None:
        @self.route("GET", "/style.css")
        def style(request: Request) -> Response:
            headers = {"Cache-Control": "max-age=300"}
            return Response(200, STYLE, "text/css; charset=utf-8", headers)

    def refuse(self, request: Request, refusal: Refused) -> Response:
        if "text/html" not in request.header("Accept"):
            return json_response({"code": refusal.code, "message": refusal.message}, refusal.status)
        back = tag("p", tag("a", "返回首页 Home", href="/"))
        told = tag("p", refusal.message, class_="notice warn", role="alert")
        return page("出了点问题 Sorry", told, back, brand=self.brand, status=refusal.status)
