"""The control API: what a test does in the customer's, the network's or a forger's place."""

from simulators.controls import add_callback_routes, add_fault_routes, check_callback_switch
from simulators.merchants import add_key_route
from simulators.web import Application, Request, Response, json_response
from simulators.wechatpay import ledger as books
from simulators.wechatpay import orders
from simulators.wechatpay.desk import Desk
from simulators.wechatpay.keys import STEPS


def add_routes(application: Application, desk: Desk) -> None:
    add_fault_routes(application, check=check_callback_switch)
    add_callback_routes(application, desk.callbacks, lambda number: orders.get(desk.ledger, number))
    add_key_route(application, desk.merchants, STEPS)
    _add_order_routes(application, desk)
    route = application.route

    @route("GET", "/control/ledger")
    def ledger(request: Request) -> Response:
        return json_response(books.everything(desk.ledger))

    @route("POST", "/control/refunds/{number}")
    def settle(request: Request) -> Response:
        status = str(request.json().get("status", "SUCCESS"))
        return json_response(desk.settle(request.arguments["number"], status))

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
