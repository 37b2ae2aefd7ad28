"""What WeChat Pay's answers and events say, in our words."""

import datetime
import operator
from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_datetime

from core.money import from_fen
from payments.providers.base import (
    PermanentError,
    ProviderOrder,
    ProviderRefund,
    RefundState,
    TradeState,
)

STATES = {
    "NOTPAY": TradeState.UNPAID,
    "USERPAYING": TradeState.UNPAID,
    "PAYERROR": TradeState.UNPAID,
    "SUCCESS": TradeState.PAID,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
    "REFUND": TradeState.REFUNDED,
}
REFUND_STATES = {
    "PROCESSING": RefundState.PROCESSING,
    "SUCCESS": RefundState.DONE,
    "CLOSED": RefundState.FAILED,
    "ABNORMAL": RefundState.ABNORMAL,
}


def order(facts: Mapping[str, Any]) -> ProviderOrder:
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


def refund(facts: Mapping[str, Any]) -> ProviderRefund:
    """A refund as answers (status) and events (refund_status) describe it."""
    try:
        amount = (facts.get("amount") or {}).get("refund")
        return ProviderRefund(
            out_refund_no=str(facts["out_refund_no"]),
            state=REFUND_STATES[facts.get("status") or facts["refund_status"]],
            out_trade_no=str(facts.get("out_trade_no", "")),
            amount=None if amount is None else from_fen(operator.index(amount)),
            refund_id=str(facts.get("refund_id", "")),
            done_at=_moment(facts.get("success_time")),
            # 交易账单: a refund is listed when it was taken on (发起), under way or not, and that
            # line is never changed.
            # https://pay.weixin.qq.com/docs/merchant/products/bill-download/format-trade.html
            taken_on_at=_moment(facts.get("create_time")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PermanentError("UNREADABLE", repr(error)) from error
