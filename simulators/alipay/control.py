"""The control API: what a test does in the payer's, the network's or a forger's place."""

from simulators.alipay import ledger as books
from simulators.alipay import trades
from simulators.alipay.desk import Desk
from simulators.alipay.keys import STEPS
from simulators.controls import add_callback_routes, add_fault_routes, check_callback_switch
from simulators.merchants import add_key_route
from simulators.web import Application, Request, Response, json_response


def add_routes(application: Application, desk: Desk) -> None:
    add_fault_routes(application, check=check_callback_switch)
    add_callback_routes(application, desk.callbacks, lambda number: trades.get(desk.ledger, number))
    add_key_route(application, desk.merchants, STEPS)
    route = application.route

    @route("GET", "/control/ledger")
    def ledger(request: Request) -> Response:
        return json_response(books.everything(desk.ledger))

    @route("GET", "/control/orders/{number}")
    def show(request: Request) -> Response:
        return json_response(trades.get(desk.ledger, request.arguments["number"]))

    @route("POST", "/control/orders/{number}/look")
    def look(request: Request) -> Response:
        return json_response(trades.look(desk.ledger, request.arguments["number"]))

    @route("POST", "/control/orders/{number}/pay")
    def pay(request: Request) -> Response:
        callback = bool(request.json().get("callback", True))
        return json_response(desk.pay(request.arguments["number"], callback=callback))

    @route("POST", "/control/orders/{number}/close")
    def close(request: Request) -> Response:
        number = request.arguments["number"]
        trades.close(desk.ledger, {"out_trade_no": number})
        return json_response(trades.get(desk.ledger, number))

    @route("POST", "/control/refunds/{order}/{number}")
    def settle(request: Request) -> Response:
        status = str(request.json().get("status", "SUCCESS"))
        order, number = request.arguments["order"], request.arguments["number"]
        return json_response(desk.settle(order, number, status))

    @route("POST", "/control/reset")
    def reset(request: Request) -> Response:
        desk.faults.clear()
        books.empty(desk.ledger)
        return Response(204)
