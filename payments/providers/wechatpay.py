"""WeChat Pay, API v3, direct merchant, public-key mode, through the `wechatpayv3` library.

Signing, encryption and the traps that the code below minds: https://pay.weixin.qq.com/doc/v3
(the library checks no timestamp). Keys are the business of `wechatpay_wire`.
"""

import datetime
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from wechatpayv3 import WeChatPay, WeChatPayType

from core.money import to_fen
from payments.models import Payment
from payments.providers import wechat_page
from payments.providers import wechatpay_facts as facts
from payments.providers import wechatpay_wire as wire
from payments.providers.base import (
    AlreadyPaid,
    Answer,
    BalanceShort,
    BillNotReady,
    Capability,
    DailyBill,
    NotGenuine,
    OrderRequest,
    PayInstruction,
    PermanentError,
    Provider,
    ProviderOrder,
    ProviderRefund,
    RefundRequest,
    RefundState,
    Scene,
    TradeState,
    TransientError,
    VerifiedEvent,
)
from payments.providers.bill_files import no_bill
from payments.providers.wechatpay_bill import read_bill

GATEWAY = "https://api.mch.weixin.qq.com"
PATIENCE = 300  # seconds by which a callback may be old (or our clocks differ)
PROBE = "WECHATPAY/SIGNTEST/"  # a signature that must be refused: they test whether we look
PAYMENT_EVENT = "TRANSACTION.SUCCESS"

TYPES = {
    Scene.NATIVE: WeChatPayType.NATIVE,
    Scene.H5: WeChatPayType.H5,
    Scene.JSAPI: WeChatPayType.JSAPI,
}
ADDRESS = {Scene.NATIVE: "code_url", Scene.H5: "h5_url", Scene.JSAPI: "prepay_id"}
PAID_CODES = {"ORDERPAID"}
# Nothing was done or said about the order: the payer types his password (202), our key or clock is
# not right (401), we ask too often (429). Asking again helps, perhaps once somebody mended it.
NOT_NOW = {202, 401, 429}


class WeChatPayProvider(Provider):
    """Native (a QR code on a desktop), H5 (the browser of a phone), JSAPI (inside WeChat)."""

    key = "wechatpay"
    prefix = "WECHATPAY"
    gateway = GATEWAY
    payer_names = ("财付通",)
    method = Payment.Method.WECHAT
    scenes = frozenset(TYPES)
    capabilities = frozenset(Capability)
    optional = frozenset({"APP_SECRET"})  # of the official account: for paying inside WeChat
    app_agent = "MicroMessenger"

    @property
    def open_scenes(self) -> frozenset[Scene]:
        return self.scenes if self.account["APP_SECRET"] else self.scenes - {Scene.JSAPI}

    def load(self) -> None:
        wire.of(self.account)

    @property
    def _wire(self) -> wire.Wire:
        return wire.of(self.account)

    @property
    def client(self) -> WeChatPay:
        return self._wire.client

    def open(self, request: OrderRequest) -> PayInstruction:
        scene_info = None
        if request.scene == Scene.H5:
            scene_info = {"payer_client_ip": request.client_ip, "h5_info": {"type": "Wap"}}
        answer = self._ask(
            lambda client: client.pay(
                description=request.description,
                out_trade_no=request.out_trade_no,
                amount={"total": to_fen(request.amount), "currency": "CNY"},
                time_expire=request.expires_at.isoformat(timespec="seconds"),
                scene_info=scene_info,
                payer={"openid": request.payer} if request.scene == Scene.JSAPI else None,
                notify_url=request.notify_url,
                pay_type=TYPES[request.scene],
            )
        )
        pay_url = str(answer[ADDRESS[request.scene]])
        if request.scene == Scene.H5 and request.return_url:
            pay_url += f"&redirect_url={quote(request.return_url, safe='')}"
        return PayInstruction(pay_url)

    @property
    def app(self) -> str:
        return self.account["APPID"]

    def identify_url(self, *, return_url: str, state: str) -> str:
        return wechat_page.authorize_url(self.account["APPID"], return_url=return_url, state=state)

    def identify(self, code: str) -> str:
        return wechat_page.openid_of(self.app, self.account["APP_SECRET"], code)

    def app_call(self, pay_url: str) -> Mapping[str, str]:
        """The values of getBrandWCPayRequest: `pay_url` is the prepay_id."""
        return wechat_page.bridge_values(
            self.app, package=f"prepay_id={pay_url}", sign=self.client.sign
        )

    def query(self, out_trade_no: str) -> ProviderOrder:
        try:
            answer = self._ask(lambda client: client.query(out_trade_no=out_trade_no))
        except PermanentError as error:
            if error.code in {"ORDER_NOT_EXIST", "ORDERNOTEXIST"}:
                return ProviderOrder(out_trade_no, TradeState.UNKNOWN)
            raise
        return facts.order(answer)

    def close(self, out_trade_no: str) -> bool:
        try:
            self._ask(lambda client: client.close(out_trade_no))
        except PermanentError as error:
            if error.code not in {"ORDER_CLOSED", "ORDER_NOT_EXIST", "ORDERNOTEXIST"}:
                raise
        return True

    def verify(self, headers: Mapping[str, str], body: bytes) -> VerifiedEvent:
        """Checks time, key and signature, then decrypts. Case of header names does not matter."""
        signature = headers.get("Wechatpay-Signature", "")
        if not signature or PROBE in signature:
            raise NotGenuine("no signature, or a probe")
        if headers.get("Wechatpay-Signature-Type") != wire.SIGNATURE_TYPE:
            raise NotGenuine("unknown kind of signature")
        door = self._wire
        if not door.keys.knows(headers.get("Wechatpay-Serial")):
            raise NotGenuine("signed with an unknown key")
        stamp = headers.get("Wechatpay-Timestamp", "")
        if not (stamp.isascii() and stamp.isdigit()) or abs(time.time() - int(stamp)) > PATIENCE:
            raise NotGenuine("signed too long ago")
        try:
            # One client for each APIv3 key that may have encrypted it; None from the wrong ones.
            event = next(filter(None, (one.callback(headers, body) for one in door.clients)), None)
        except Exception as error:  # whatever a stranger's bytes provoke in the library
            raise NotGenuine(f"cannot be read: {error}") from error
        if not isinstance(event, dict) or not isinstance(event.get("resource"), dict):
            raise NotGenuine("signature or content is wrong")
        resource = {name: value for name, value in event["resource"].items() if name != "payer"}
        return VerifiedEvent(
            event_id=str(event.get("id", "")),
            out_trade_no=str(resource.get("out_trade_no", "")),
            payload={"event_type": event.get("event_type"), "resource": resource},
        )

    def claim(self, payload: Mapping[str, Any]) -> ProviderOrder | None:
        """What a payment's event says; None for refunds and whatever else may come."""
        if payload.get("event_type") != PAYMENT_EVENT:
            return None
        return facts.order(payload["resource"])

    def claim_refund(self, payload: Mapping[str, Any]) -> ProviderRefund | None:
        if not str(payload.get("event_type")).startswith("REFUND."):
            return None
        return facts.refund(payload["resource"])

    def is_addressed(self, payload: Mapping[str, Any]) -> bool:
        """Refunds too: they name the merchant, and no app."""
        said, own = payload["resource"], self.account
        ours = {"mchid": own["MCHID"], "appid": own["APPID"]}
        return all(said.get(name, value) == value for name, value in ours.items())

    def is_ours(self, order: ProviderOrder) -> bool:
        return (order.merchant, order.app) == (self.account["MCHID"], self.account["APPID"])

    def accepted(self) -> Answer:
        return Answer(204)

    def refused(self) -> Answer:
        return Answer(401, json.dumps({"code": "FAIL", "message": "验签失败"}, ensure_ascii=False))

    def refund(self, request: RefundRequest) -> ProviderRefund:
        amounts = {"refund": to_fen(request.amount), "total": to_fen(request.total)}
        answer = self._ask(
            lambda client: client.refund(
                out_refund_no=request.out_refund_no,
                amount=amounts | {"currency": "CNY"},
                out_trade_no=request.out_trade_no,
                reason=request.reason[:80] or None,
                notify_url=request.notify_url or None,
            )
        )
        return facts.refund(answer)

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> ProviderRefund:
        try:
            return facts.refund(self._ask(lambda client: client.query_refund(out_refund_no)))
        except PermanentError as error:
            if error.code in {"RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS"}:
                return ProviderRefund(out_refund_no, RefundState.UNKNOWN, out_trade_no)
            raise

    def download_bill(self, day: datetime.date) -> DailyBill:
        try:
            promised = self._ask(lambda client: client.trade_bill(day.isoformat()))
        except PermanentError as error:
            if error.code == "NO_STATEMENT_EXIST":
                return no_bill(day)
            raise
        try:
            status, packed = self.client.download_bill(promised["download_url"])
        except Exception as error:  # the network, in any of the library's words
            raise TransientError(str(error)) from error
        if status != 200 or not isinstance(packed, bytes):
            raise TransientError(f"the bill's file came with status {status}")
        return read_bill(day, packed, sha1=str(promised.get("hash_value", "")))

    def _ask(self, call: Callable[[WeChatPay], tuple[int, str | bytes]]) -> dict[str, Any]:
        """The JSON of a good answer ({} for an empty one), else one of the typed errors."""
        try:
            status, text = call(self.client)
        except Exception as error:  # network, or a signature that does not fit
            raise TransientError(str(error)) from error
        try:
            answer = json.loads(text) if text else {}
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TransientError(f"status {status} without JSON")
        if 200 <= status < 300 and status not in NOT_NOW:
            return answer
        code, message = str(answer.get("code", status)), str(answer.get("message", ""))
        if code in PAID_CODES:
            raise AlreadyPaid(message)
        if code == "NOT_ENOUGH":
            raise BalanceShort(code, message)
        if code == "STATEMENT_CREATING":
            raise BillNotReady(f"{code}: {message}")
        if status >= 500 or status in NOT_NOW:
            raise TransientError(f"{code}: {message}")
        raise PermanentError(code, message)
