"""The control API: what a test does in the customer's, the network's or a forger's place."""

from dataclasses import asdict

from simulators.controls import add_fault_routes
from simulators.web import Application, Refused, Request, Response, json_response
from simulators.wechatpay import ledger as books
from simulators.wechatpay import orders
from simulators.wechatpay.callbacks import FIRST_STATE
from simulators.wechatpay.desk import Desk


def add_routes(application: Application, desk: Desk) -> None:
    add_fault_routes(application, check=_check_switches)
    _add_order_routes(application, desk)
    route = application.route

    @route("GET", "/control/ledger")
    def ledger(request: Request) -> Response:
        return json_response(books.everything(desk.ledger))

    @route("POST", "/control/refunds/{number}")
    def settle(request: Request) -> Response:
        status = str(request.json().get("status", "SUCCESS"))
        return json_response(desk.settle(request.arguments["number"], status))

    @route("GET", "/control/callbacks/wait")
    def wait(request: Request) -> Response:
        seconds = request.seconds("timeout", default=10)
        number = request.query.get("out_trade_no", "")
        return json_response({"callbacks": desk.callbacks.wait(number, seconds=seconds)})

    @route("POST", "/control/callbacks/deliver")
    def deliver(request: Request) -> Response:
        reverse = request.json().get("order") == "reversed"
        return json_response({"answers": desk.callbacks.deliver_all(reverse=reverse)})

    @route("POST", "/control/reset")
    def reset(request: Request) -> Response:
        desk.faults.clear()
        books.empty(desk.ledger)
        return Response(204)


def _add_order_routes(application: Application, desk: Desk) -> None:
    route = application.route

    @route("GET", "/control/orders/{number}")
    def show(request: Request) -> Response:
        return json_response(orders.get(desk.ledger, request.arguments["number"]))

    @route("POST", "/control/orders/{number}/pay")
    def pay(request: Request) -> Response:
        asked = request.json()
        order = desk.pay(
            request.arguments["number"],
            openid=str(asked.get("openid", "")),
            callback=bool(asked.get("callback", True)),
        )
        return json_response(order)

    @route("POST", "/control/orders/{number}/close")
    def close(request: Request) -> Response:
        orders.get(desk.ledger, request.arguments["number"])
        orders.close(desk.ledger, request.arguments["number"])
        return json_response(orders.get(desk.ledger, request.arguments["number"]))

    @route("POST", "/control/orders/{number}/notify")
    def notify(request: Request) -> Response:
        order = orders.get(desk.ledger, request.arguments["number"])
        options = request.json()
        answer = desk.callbacks.send_now(order, str(options.get("fault", "")), options)
        return json_response(asdict(answer))


def _check_switches(values: dict[str, object]) -> None:
    if values.get("callbacks", "deliver") not in FIRST_STATE:
        raise Refused(400, "PARAM_ERROR", f"callbacks is one of {', '.join(FIRST_STATE)}")
