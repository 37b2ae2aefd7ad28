"""WeChat Pay, API v3, direct merchant, public-key mode, through the `wechatpayv3` library.

Signing, encryption and the traps that the code below minds: https://pay.weixin.qq.com/doc/v3
(the library checks no timestamp, and asks the network when a serial number is not the known one).
"""

import datetime
import json
import operator
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils.dateparse import parse_datetime
from wechatpayv3 import WeChatPay, WeChatPayType

from core.money import from_fen, to_fen
from payments.models import Payment
from payments.providers.base import (
    AlreadyPaid,
    Answer,
    Capability,
    NotGenuine,
    OrderRequest,
    PayInstruction,
    PermanentError,
    Provider,
    ProviderOrder,
    Scene,
    TradeState,
    TransientError,
    VerifiedEvent,
)

GATEWAY = "https://api.mch.weixin.qq.com"
TIMEOUT = (3, 8)  # seconds to connect, to answer
PATIENCE = 300  # seconds by which a callback may be old (or our clocks differ)
PROBE = "WECHATPAY/SIGNTEST/"  # a signature that must be refused: they test whether we look
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
PAYMENT_EVENT = "TRANSACTION.SUCCESS"

TYPES = {Scene.NATIVE: WeChatPayType.NATIVE, Scene.H5: WeChatPayType.H5}
ADDRESS = {Scene.NATIVE: "code_url", Scene.H5: "h5_url"}
STATES = {
    "NOTPAY": TradeState.UNPAID,
    "USERPAYING": TradeState.UNPAID,
    "PAYERROR": TradeState.UNPAID,
    "SUCCESS": TradeState.PAID,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
    "REFUND": TradeState.REFUNDED,
}
PAID_CODES = {"ORDERPAID"}


class WeChatPayProvider(Provider):
    """Native (a QR code on a desktop) and H5 (the browser of a phone)."""

    key = "wechatpay"
    method = Payment.Method.WECHAT
    scenes = frozenset(TYPES)
    capabilities = frozenset({Capability.CLOSE})

    def is_configured(self) -> bool:
        """Whether every variable of the merchant account is set."""
        return all(settings.WECHATPAY.values())

    def problems(self) -> list[str]:
        """Half a configuration, unreadable keys, or a simulator in production."""
        account = settings.WECHATPAY
        missing = [name for name, value in account.items() if not value and name != "GATEWAY"]
        if len(missing) == len(account) - 1:
            return []  # no merchant account: not offered
        if missing:
            return [f"WECHATPAY_{name} is not set" for name in sorted(missing)]
        found = []
        if settings.PRODUCTION and account["GATEWAY"] != GATEWAY:
            found.append(f"WECHATPAY_GATEWAY is {account['GATEWAY']}: not the real WeChat Pay")
        try:
            _client(tuple(sorted(account.items())))
        except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
            found.append(f"the merchant account cannot be used: {error}")
        return found

    @property
    def client(self) -> WeChatPay:
        return _client(tuple(sorted(settings.WECHATPAY.items())))

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
                notify_url=request.notify_url,
                pay_type=TYPES[request.scene],
            )
        )
        pay_url = str(answer[ADDRESS[request.scene]])
        if request.scene == Scene.H5 and request.return_url:
            pay_url += f"&redirect_url={quote(request.return_url, safe='')}"
        return PayInstruction(pay_url)

    def query(self, out_trade_no: str) -> ProviderOrder:
        try:
            answer = self._ask(lambda client: client.query(out_trade_no=out_trade_no))
        except PermanentError as error:
            if error.code in {"ORDER_NOT_EXIST", "ORDERNOTEXIST"}:
                return ProviderOrder(out_trade_no, TradeState.UNKNOWN)
            raise
        return _order(answer)

    def close(self, out_trade_no: str) -> None:
        try:
            self._ask(lambda client: client.close(out_trade_no))
        except PermanentError as error:
            if error.code not in {"ORDER_CLOSED", "ORDER_NOT_EXIST", "ORDERNOTEXIST"}:
                raise

    def verify(self, headers: Mapping[str, str], body: bytes) -> VerifiedEvent:
        """Checks time, key and signature, then decrypts. Case of header names does not matter."""
        signature = headers.get("Wechatpay-Signature", "")
        if not signature or PROBE in signature:
            raise NotGenuine("no signature, or a probe")
        if headers.get("Wechatpay-Signature-Type") != SIGNATURE_TYPE:
            raise NotGenuine("unknown kind of signature")
        if headers.get("Wechatpay-Serial") != settings.WECHATPAY["PUBLIC_KEY_ID"]:
            raise NotGenuine("signed with an unknown key")
        stamp = headers.get("Wechatpay-Timestamp", "")
        if not (stamp.isascii() and stamp.isdigit()) or abs(time.time() - int(stamp)) > PATIENCE:
            raise NotGenuine("signed too long ago")
        try:
            event = self.client.callback(headers, body)
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
        return _order(payload["resource"])

    def is_ours(self, order: ProviderOrder) -> bool:
        account = settings.WECHATPAY
        return (order.merchant, order.app) == (account["MCHID"], account["APPID"])

    def accepted(self) -> Answer:
        return Answer(204)

    def refused(self) -> Answer:
        return Answer(401, json.dumps({"code": "FAIL", "message": "验签失败"}, ensure_ascii=False))

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
        if 200 <= status < 300:
            return answer
        code, message = str(answer.get("code", status)), str(answer.get("message", ""))
        if code in PAID_CODES:
            raise AlreadyPaid(message)
        if status >= 500 or status == 429:
            raise TransientError(f"{code}: {message}")
        raise PermanentError(code, message)


@lru_cache(maxsize=8)
def _client(account: tuple[tuple[str, str], ...]) -> WeChatPay:
    """The library's client for an account. Making one parses keys, so it is kept."""
    values = dict(account)
    client = WeChatPay(
        WeChatPayType.NATIVE,
        values["MCHID"],
        Path(values["PRIVATE_KEY_FILE"]).read_text(encoding="ascii"),
        values["SERIAL_NO"],
        values["APPID"],
        values["APIV3_KEY"],
        timeout=TIMEOUT,
        public_key=Path(values["PUBLIC_KEY_FILE"]).read_text(encoding="ascii"),
        public_key_id=values["PUBLIC_KEY_ID"],
    )
    client._core._gate_way = values["GATEWAY"]  # the library has no argument for it
    return client


def _order(facts: Mapping[str, Any]) -> ProviderOrder:
    """An order as answers and events describe it. Raises PermanentError if it makes no sense."""
    try:
        total = (facts.get("amount") or {}).get("total")
        return ProviderOrder(
            out_trade_no=str(facts["out_trade_no"]),
            state=STATES[facts["trade_state"]],
            amount=None if total is None else from_fen(operator.index(total)),
            transaction_id=str(facts.get("transaction_id", "")),
            paid_at=_moment(facts.get("success_time")),
            merchant=str(facts.get("mchid", "")),
            app=str(facts.get("appid", "")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PermanentError("UNREADABLE", repr(error)) from error


def _moment(text: str | None) -> datetime.datetime | None:
    return parse_datetime(text) if text else None
