"""The parts of the control API that simulators share: fault switches, and sent notifications."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from simulators.callbacks import FIRST_STATE, Callbacks, Order
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


def add_callback_routes(
    application: Application, callbacks: Callbacks, find: Callable[[str], Order]
) -> None:
    """Waiting for notifications, sending them now, spoilt or in another order.

    `find` gives the order with a number, or raises Refused.
    """
    route = application.route

    @route("GET", "/control/callbacks/wait")
    def wait(request: Request) -> Response:
        seconds = request.seconds("timeout", default=10)
        number = request.query.get("out_trade_no", "")
        return json_response({"callbacks": callbacks.wait(number, seconds=seconds)})

    @route("POST", "/control/callbacks/deliver")
    def deliver(request: Request) -> Response:
        reverse = request.json().get("order") == "reversed"
        return json_response({"answers": callbacks.deliver_all(reverse=reverse)})

    @route("POST", "/control/orders/{number}/notify")
    def notify(request: Request) -> Response:
        order = find(request.arguments["number"])
        options = request.json()
        answer = callbacks.send_now(order, str(options.get("fault", "")), options)
        return json_response(asdict(answer))


def check_callback_switch(values: dict[str, Any]) -> None:
    if values.get("callbacks", "deliver") not in FIRST_STATE:
        raise Refused(400, "PARAM_ERROR", f"callbacks is one of {', '.join(FIRST_STATE)}")


def number_after(request: Request) -> int:
    """The id in `?after=`, 0 without one. Raises Refused (400)."""
    text = request.query.get("after", "0")
    if not text.isdigit():
        raise Refused(400, "PARAM_ERROR", "after is not a number")
    return int(text)
