"""A small threaded HTTP server on the standard library: routes, JSON, forms, faults on demand."""

import json
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from simulators.faults import Faults

LARGEST_BODY = 1_000_000  # bytes; nothing that the portal sends comes near


class Refused(Exception):
    """A request that is answered with an error; each simulator shapes the body in its own way."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Request:
    """One request. `target` is path and query exactly as sent, since signatures cover it."""

    method: str
    target: str
    headers: Message
    body: bytes
    arguments: dict[str, str] = field(default_factory=dict)

    @cached_property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        pairs = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in pairs.items()}

    @property
    def base_url(self) -> str:
        """The address under which the caller reached us, without a slash at the end."""
        return f"http://{self.headers['Host']}"

    def header(self, name: str) -> str:
        return str(self.headers.get(name, ""))

    def form(self) -> dict[str, str]:
        pairs = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in pairs.items()}

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is an empty object. Raises Refused (400)."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError as error:
            raise Refused(400, "PARAM_ERROR", f"The body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise Refused(400, "PARAM_ERROR", "The body is not a JSON object")
        return value

    def seconds(self, name: str, *, default: float, most: float = 60) -> float:
        """A length of time in the query. Raises Refused (400)."""
        try:
            value = float(self.query.get(name, default))
        except ValueError as error:
            raise Refused(400, "PARAM_ERROR", f"{name} is not a number") from error
        return min(max(value, 0), most)


@dataclass
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(value: Any, status: int = 200) -> Response:
    body = json.dumps(value, ensure_ascii=False).encode()
    return Response(status, body, "application/json; charset=utf-8")


def redirect(location: str) -> Response:
    """See other: what a form answers, so that reloading the page posts nothing again."""
    return Response(303, headers={"Location": location})


Handler = Callable[[Request], Response]


class Application:
    """Routes of one simulator. `refuse` shapes an error for this request's kind of caller."""

    # What `fail_next` answers.
    failure = Refused(500, "SYSTEM_ERROR", "系统异常，请稍后重试")

    def __init__(self, name: str, faults: Faults) -> None:
        self.name = name
        self.faults = faults
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def route(self, method: str, pattern: str) -> Callable[[Handler], Handler]:
        """Register a handler; `{name}` in the pattern takes one path segment."""
        expression = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern) + r"\Z")

        def register(handler: Handler) -> Handler:
            self._routes.append((method, expression, handler))
            return handler

        return register

    def respond(self, request: Request) -> Response:
        handler, arguments = self._find(request)
        matched = Request(request.method, request.target, request.headers, request.body, arguments)
        try:
            if handler is None:
                raise Refused(404, "NOT_FOUND", f"Nothing at {request.method} {request.path}")
            return handler(matched)
        except Refused as refusal:
            return self.refuse(matched, refusal)

    def _find(self, request: Request) -> tuple[Handler | None, dict[str, str]]:
        for method, expression, handler in self._routes:
            match = expression.match(request.path)
            if match and method == request.method:
                return handler, {name: unquote(text) for name, text in match.groupdict().items()}
        return None, {}

    def refuse(self, request: Request, refusal: Refused) -> Response:
        return json_response({"code": refusal.code, "message": refusal.message}, refusal.status)

    def is_faulty(self, request: Request) -> bool:
        """Whether the fault switches reach this request: the wire protocol, never the controls."""
        return False


class Server(ThreadingHTTPServer):
    """One thread a connection; a connection that the client dropped is no news."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], application: Application) -> None:
        self.application = application
        super().__init__(address, Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Buffered, so that head and body leave in one packet: two would wait for each other.
    wbufsize = -1
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the ledger tells what happened."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        application = self.server.application
        request = self._read()
        if request is None:
            self._send(json_response({"code": "PARAM_ERROR", "message": "Body too long"}, 413))
            self.close_connection = True
            return
        fault = application.faults.draw(request.target) if application.is_faulty(request) else ""
        if fault == "refuse":
            self._cut()
            return
        if fault == "slow":
            application.faults.dawdle()
        if fault == "fail":
            response = application.refuse(request, application.failure)
        else:
            response = application.respond(request)
        if fault == "cut":
            self._cut()
        else:
            self._send(response)

    def _read(self) -> Request | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return None
        body = self.rfile.read(int(length))
        return Request(self.command, self.path, self.headers, body)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        if response.status != 204:
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)
        self.wfile.flush()

    def _cut(self) -> None:
        """Drop the line without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
