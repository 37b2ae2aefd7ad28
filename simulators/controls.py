"""The part of the control API that every simulator has: its fault switches."""

from collections.abc import Callable
from typing import Any

from simulators.web import Application, Refused, Request, Response, json_response


def add_fault_routes(
    application: Application, *, check: Callable[[dict[str, Any]], None] = lambda values: None
) -> None:
    """GET, POST, DELETE on /control/faults; `check` raises Refused for values that do not fit."""
    faults = application.faults

    @application.route("GET", "/control/faults")
    def show(request: Request) -> Response:
        return json_response(faults.shown())

    @application.route("POST", "/control/faults")
    def change(request: Request) -> Response:
        values = request.json()
        check(values)
        try:
            faults.set(values)
        except ValueError as error:
            raise Refused(400, "PARAM_ERROR", str(error)) from error
        return json_response(faults.shown())

    @application.route("DELETE", "/control/faults")
    def clear(request: Request) -> Response:
        faults.clear()
        return json_response(faults.shown())


def number_after(request: Request) -> int:
    """The id in `?after=`, 0 without one. Raises Refused (400)."""
    text = request.query.get("after", "0")
    if not text.isdigit():
        raise Refused(400, "PARAM_ERROR", "after is not a number")
    return int(text)
