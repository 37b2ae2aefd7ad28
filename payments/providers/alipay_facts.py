"""What Alipay's answers and notifications say, in our words."""

from collections.abc import Mapping
from typing import Any

from payments.providers.base import (
    PermanentError,
    ProviderOrder,
    ProviderRefund,
    RefundRequest,
    RefundState,
    TradeState,
)
from payments.providers.bill_files import moment, yuan

PAID = {"TRADE_SUCCESS", "TRADE_FINISHED"}
DONE = "REFUND_SUCCESS"
# What is kept of a notification: nothing about who paid.
KEPT = (
    *("notify_type", "trade_status", "out_trade_no", "trade_no", "total_amount", "gmt_payment"),
    *("seller_id", "app_id", "refund_fee", "out_biz_no", "gmt_refund", "gmt_close"),
)


def order(told: Mapping[str, Any]) -> ProviderOrder:
    """An order as queries (send_pay_date) and notifications (gmt_payment) describe it.

    Raises PermanentError if it makes no sense.
    """
    try:
        paid_at = told.get("send_pay_date") or told.get("gmt_payment")
        return ProviderOrder(
            out_trade_no=str(told["out_trade_no"]),
            state=_state(told["trade_status"], was_paid=bool(paid_at)),
            amount=yuan(told["total_amount"]),
            transaction_id=str(told.get("trade_no", "")),
            paid_at=moment(paid_at) if paid_at else None,
            merchant=str(told.get("seller_id", "")),
            app=str(told.get("app_id", "")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PermanentError("UNREADABLE", repr(error)) from error


def _state(status: str, *, was_paid: bool) -> TradeState:
    """A trade that is closed after it was paid has been refunded whole. Raises KeyError."""
    if status == "TRADE_CLOSED":
        return TradeState.REFUNDED if was_paid else TradeState.CLOSED
    return (
        dict.fromkeys(PAID, TradeState.PAID).get(status)
        or {"WAIT_BUYER_PAY": TradeState.UNPAID}[status]
    )


def is_refund(payload: Mapping[str, Any]) -> bool:
    """Whether a notification was sent because of a refund; its trade_status may be a paid one."""
    return bool(payload.get("refund_fee") or payload.get("gmt_refund"))


def done(request: RefundRequest) -> ProviderRefund:
    """A refund that was asked for and moved money. (The answer's refund_fee is all that
    ever went back of the trade.)"""
    return ProviderRefund(
        out_refund_no=request.out_refund_no,
        state=RefundState.DONE,
        out_trade_no=request.out_trade_no,
        amount=request.amount,
    )


def refund(told: Mapping[str, Any]) -> ProviderRefund:
    """A refund as its query describes it. Raises PermanentError if it makes no sense."""
    try:
        paid_at = told.get("gmt_refund_pay")
        return ProviderRefund(
            out_refund_no=str(told["out_request_no"]),
            state=RefundState.DONE,
            out_trade_no=str(told["out_trade_no"]),
            amount=yuan(told["refund_amount"]),
            done_at=moment(paid_at) if paid_at else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PermanentError("UNREADABLE", repr(error)) from error
