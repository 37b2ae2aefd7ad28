"""Alipay's open platform with RSA2 keys, through the `python-alipay-sdk` library.

Wire protocol: https://opendocs.alipay.com (自行实现签名, 异步通知验签). What the code below minds:
a code that was not scanned, or a page that was not opened, is no trade yet (ACQ.TRADE_NOT_EXIST),
and can be paid all the same; a trade refunded whole is TRADE_CLOSED; a refund that is not done is a
success without a status; the library verifies signatures of lenient base64 and, like the protocol,
cannot tell `a=b&c=d` in one value from two.
"""

import datetime
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.utils import timezone

from payments.models import Payment
from payments.providers import alipay_facts as facts
from payments.providers import alipay_wire as wire
from payments.providers.alipay_bill import read_bill
from payments.providers.base import (
    AlreadyPaid,
    Answer,
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
from payments.providers.bill_files import moment, no_bill

GATEWAY = "https://openapi.alipay.com/gateway.do"
PATIENCE = 300  # seconds by which a callback may be old (or our clocks differ)
NOT_THERE = "ACQ.TRADE_NOT_EXIST"
WRONG_STATE = {
    *("ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS"),
}
NO_BILL = {"isp.bill_not_exist", "BILL_NOT_EXIST", "NO_BILL_DATA"}
# Two parameters in the value of one: the signature is the same as that of both.
SMUGGLED = re.compile(r"&\w+=")
FORBIDDEN = str.maketrans("/=&", "   ")  # in a subject

PAGES = {
    Scene.H5: ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
    Scene.PAGE: ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
}


class AlipayProvider(Provider):
    """A code on a desktop, the app or browser of a phone, and Alipay's own page on a computer."""

    key = "alipay"
    prefix = "ALIPAY"
    gateway = GATEWAY
    payer_names = ("支付宝",)
    method = Payment.Method.ALIPAY
    scenes = frozenset({Scene.NATIVE, *PAGES})
    capabilities = frozenset(Capability)

    def load(self) -> None:
        wire.of(self.account)

    @property
    def _wire(self) -> wire.Wire:
        return wire.of(self.account)

    def open(self, request: OrderRequest) -> PayInstruction:
        content = {
            "out_trade_no": request.out_trade_no,
            "total_amount": str(request.amount),
            "subject": request.description.translate(FORBIDDEN),
            "time_expire": wire.clock(request.expires_at),
        }
        if request.scene == Scene.NATIVE:
            answer = self._wire.ask(
                "alipay.trade.precreate", content, notify_url=request.notify_url
            )
            return PayInstruction(str(answer["qr_code"]))
        # An address is only signed, not told to anybody: ask whether it still may be used.
        self._check_open(request)
        method, product = PAGES[request.scene]
        address = self._wire.address(
            method,
            content | {"product_code": product},
            notify_url=request.notify_url,
            return_url=request.return_url,
        )
        return PayInstruction(address)

    def _check_open(self, request: OrderRequest) -> None:
        known = self.query(request.out_trade_no)
        if known.state == TradeState.PAID:
            raise AlreadyPaid(request.out_trade_no)
        if known.state in (TradeState.CLOSED, TradeState.REFUNDED):
            raise PermanentError("ACQ.TRADE_HAS_CLOSE", request.out_trade_no)
        if known.state == TradeState.UNPAID and known.amount != request.amount:
            raise PermanentError("ACQ.CONTEXT_INCONSISTENT", request.out_trade_no)

    def query(self, out_trade_no: str) -> ProviderOrder:
        try:
            answer = self._wire.ask("alipay.trade.query", {"out_trade_no": out_trade_no})
        except PermanentError as error:
            if error.code == NOT_THERE:
                return ProviderOrder(out_trade_no, TradeState.UNKNOWN)
            raise
        # A query names no merchant: it was ours that asked, and Alipay that signed.
        ours = {"seller_id": self.account["SELLER_ID"], "app_id": self.account["APP_ID"]}
        return facts.order(answer | ours)

    def close(self, out_trade_no: str) -> bool:
        try:
            self._wire.ask("alipay.trade.close", {"out_trade_no": out_trade_no})
        except PermanentError as error:
            if error.code == NOT_THERE:
                return False
            if error.code not in WRONG_STATE:
                raise
            known = self.query(out_trade_no)
            if known.state == TradeState.PAID:
                raise AlreadyPaid(out_trade_no) from error
            if known.state == TradeState.UNPAID:
                raise TransientError(f"{out_trade_no} changed while it was closed") from error
        return True

    def verify(self, headers: Mapping[str, str], body: bytes) -> VerifiedEvent:
        """Checks form, signature and time. The signature covers every parameter but itself."""
        told = _form(body)
        signature = told.pop("sign", "")
        if told.pop("sign_type", "") != "RSA2":
            raise NotGenuine("unknown kind of signature")
        if any(SMUGGLED.search(value) for value in told.values()):
            raise NotGenuine("a parameter inside another")
        if not self._wire.is_signed(told, signature):
            raise NotGenuine("signature is wrong")
        try:
            sent_at = moment(told.get("notify_time", ""))
        except ValueError as error:
            raise NotGenuine("without a time") from error
        if abs((timezone.now() - sent_at).total_seconds()) > PATIENCE:
            raise NotGenuine("signed too long ago")
        number = told.get("notify_id", "")
        return VerifiedEvent(
            # Never cut: two numbers may begin alike.
            event_id=hashlib.sha256(number.encode()).hexdigest() if len(number) > 64 else number,
            out_trade_no=told.get("out_trade_no", ""),
            payload={name: told[name] for name in facts.KEPT if name in told},
        )

    def claim(self, payload: Mapping[str, Any]) -> ProviderOrder | None:
        """What a payment's event says; None for refunds, closings and whatever else may come."""
        if facts.is_refund(payload) or payload.get("trade_status") not in facts.PAID:
            return None
        return facts.order(payload)

    def claim_refund(self, payload: Mapping[str, Any]) -> ProviderRefund | None:
        """That some of a trade went back; the event says no more than the number, and the sum."""
        if not facts.is_refund(payload):
            return None
        return ProviderRefund(
            out_refund_no=str(payload.get("out_biz_no", "")),
            state=RefundState.DONE,
            out_trade_no=str(payload.get("out_trade_no", "")),
        )

    def is_addressed(self, payload: Mapping[str, Any]) -> bool:
        """Refunds and closings too: every message about a trade names seller and app."""
        ours = {"seller_id": self.account["SELLER_ID"], "app_id": self.account["APP_ID"]}
        return all(payload.get(name, value) == value for name, value in ours.items())

    def is_ours(self, order: ProviderOrder) -> bool:
        return (order.merchant, order.app) == (self.account["SELLER_ID"], self.account["APP_ID"])

    def accepted(self) -> Answer:
        return Answer(200, "success", "text/plain")

    def refused(self) -> Answer:
        return Answer(400, "fail", "text/plain")

    def refund(self, request: RefundRequest) -> ProviderRefund:
        """Money moves at once, or not: then its state is UNKNOWN, and it is asked for again under
        its number. Its news go to the order's own notify_url."""
        content = {
            "out_trade_no": request.out_trade_no,
            "refund_amount": str(request.amount),
            "out_request_no": request.out_refund_no,
        }
        if request.reason:
            content["refund_reason"] = request.reason[:256]
        answer = self._wire.ask("alipay.trade.refund", content)
        if answer.get("fund_change") == "Y":
            return facts.done(request)
        # No change of funds: it was done before, or is not done. Alipay knows no third.
        return self.query_refund(
            out_trade_no=request.out_trade_no, out_refund_no=request.out_refund_no
        )

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> ProviderRefund:
        content = {"out_trade_no": out_trade_no, "out_request_no": out_refund_no}
        unknown = ProviderRefund(out_refund_no, RefundState.UNKNOWN, out_trade_no)
        try:
            answer = self._wire.ask(
                "alipay.trade.fastpay.refund.query",
                content | {"query_options": ["gmt_refund_pay"]},
            )
        except PermanentError as error:
            if error.code == NOT_THERE:
                return unknown
            raise
        return facts.refund(answer) if answer.get("refund_status") == facts.DONE else unknown

    def download_bill(self, day: datetime.date) -> DailyBill:
        content = {"bill_type": "trade", "bill_date": day.isoformat()}
        try:
            answer = self._wire.ask("alipay.data.dataservice.bill.downloadurl.query", content)
        except PermanentError as error:
            if error.code in NO_BILL:
                return no_bill(day)
            raise
        return read_bill(day, wire.fetch(str(answer.get("bill_download_url", ""))))


def _form(body: bytes) -> dict[str, str]:
    """The parameters of a form, each once. Raises NotGenuine."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=100,
        )
    except ValueError as error:
        raise NotGenuine(f"cannot be read: {error}") from error
    told = dict(pairs)
    if len(told) != len(pairs):
        raise NotGenuine("a parameter twice")
    return told
