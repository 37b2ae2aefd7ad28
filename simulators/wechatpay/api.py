"""The /v3 endpoints: verify the merchant's signature, act, sign the answer."""

from collections.abc import Callable

from simulators.web import Application, Handler, Refused, Request, Response, json_response
from simulators.wechatpay import bill, orders, refunds, signing
from simulators.wechatpay.desk import Desk
from simulators.wechatpay.keys import Keys

SignedHandler = Callable[[Keys, Request], Response]


def add_routes(application: Application, desk: Desk) -> None:
    """Register the endpoints that the merchant's client calls."""

    def api(method: str, pattern: str) -> Callable[[SignedHandler], Handler]:
        return lambda handler: application.route(method, pattern)(_signed(desk, handler))

    @api("POST", "/v3/pay/transactions/{kind}")
    def place(keys: Keys, request: Request) -> Response:
        kind = request.arguments["kind"]
        if kind not in orders.TRADE_TYPES:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "接口不存在")
        order = orders.create(desk.ledger, keys, kind, request.json())
        return json_response(_way_to_pay(request, order))

    @api("GET", "/v3/pay/transactions/out-trade-no/{number}")
    def query(keys: Keys, request: Request) -> Response:
        _check_merchant(keys, request.query.get("mchid"))
        return _order(desk, orders.own(desk.ledger, keys, request.arguments["number"]))

    @api("GET", "/v3/pay/transactions/id/{number}")
    def query_by_transaction(keys: Keys, request: Request) -> Response:
        _check_merchant(keys, request.query.get("mchid"))
        number = request.arguments["number"]
        order = desk.ledger.row("SELECT * FROM orders WHERE transaction_id = ?", number)
        if order is None or order["merchant"] != keys.mchid:
            raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
        return _order(desk, order)

    @api("POST", "/v3/pay/transactions/out-trade-no/{number}/close")
    def close(keys: Keys, request: Request) -> Response:
        _check_merchant(keys, request.json().get("mchid"))
        orders.close(desk.ledger, request.arguments["number"], keys)
        return Response(204)

    @api("POST", "/v3/refund/domestic/refunds")
    def refund(keys: Keys, request: Request) -> Response:
        return json_response(desk.refund(keys, request.json()))

    @api("GET", "/v3/refund/domestic/refunds/{number}")
    def query_refund(keys: Keys, request: Request) -> Response:
        found = refunds.get(desk.ledger, request.arguments["number"])
        return json_response(
            refunds.as_answer(found, orders.own(desk.ledger, keys, found["out_trade_no"]))
        )

    @api("GET", "/v3/bill/tradebill")
    def tradebill(keys: Keys, request: Request) -> Response:
        return json_response(bill.apply_for(desk, keys, request))

    @api("GET", "/v3/billdownload/file")
    def download(keys: Keys, request: Request) -> Response:
        return bill.download(desk, keys, request)


def _signed(desk: Desk, handler: SignedHandler) -> Handler:
    def verified(request: Request) -> Response:
        authorization = request.header("Authorization")
        keys = signing.merchant_of(desk.merchants, authorization)
        signing.verify_request(
            keys,
            method=request.method,
            target=request.target,
            authorization=authorization,
            body=request.body,
        )
        response = handler(keys, request)
        signer = keys.for_answer(request.header("Wechatpay-Serial"))
        response.headers |= signing.signed_headers(signer, response.body)
        return response

    return verified


def _check_merchant(keys: Keys, mchid: object) -> None:
    if mchid != keys.mchid:
        raise Refused(400, "PARAM_ERROR", "参数错误：mchid 与签名的商户号不一致")


def _order(desk: Desk, order: orders.Order) -> Response:
    refunded = refunds.refunded(desk.ledger, order["out_trade_no"]) > 0
    return json_response(orders.as_transaction(desk.merchants.of(order), order, refunded=refunded))


def _way_to_pay(request: Request, order: orders.Order) -> dict[str, str]:
    if order["trade_type"] == "NATIVE":
        return {"code_url": f"weixin://wxpay/bizpayurl?pr={order['scan_token']}"}
    if order["trade_type"] == "JSAPI":
        return {"prepay_id": order["prepay_id"]}
    page = f"{request.base_url}/cgi-bin/mmpayweb-bin/checkmweb"
    return {"h5_url": f"{page}?prepay_id={order['prepay_id']}&package={order['scan_token']}"}
