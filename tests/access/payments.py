"""Money in: residents' pages, the counter, receipts, callbacks."""

from typing import Any

from tests.access.rows import ANY_ANSWER, Row
from tests.access.world import Side, Visitor
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.payments import make_order, make_payment


def own_bill(side: Side) -> Any:
    return make_bill(account=AccountFactory(unit=side.unit, party=side.party))


def own_order(side: Side) -> dict[str, Any]:
    """An order that is over: its pages ask nobody outside."""
    return {"pk": make_order(own_bill(side), user=side.owner, state="closed").pk}


def own_receipt(side: Side) -> dict[str, Any]:
    return {"pk": make_payment(own_bill(side)).receipt.pk}


def own_token(side: Side) -> dict[str, Any]:
    return {"token": make_payment(own_bill(side)).receipt.check_token}


def own_unit(side: Side) -> dict[str, Any]:
    own_bill(side)
    return {"pk": side.unit.pk}


ROWS = [
    Row("payments:pay"),
    Row("payments:transfer"),
    Row("payments:records"),
    Row("payments:order", own_order),
    Row("payments:order_status", own_order),
    Row("payments:order_go", own_order),
    Row("payments:order_scene", own_order, post=True, data=lambda side: {"scene": "h5"}),
    Row("payments:order_open", own_order, post=True),
    Row("payments:order_cancel", own_order, post=True),
    Row("payments:receipt", own_receipt),
    Row("payments:receipt_pdf", own_receipt),
    Row("payments:collect", own_unit),
    Row("payments:receipts"),
    Row("payments:unsettled"),
    Row("payments:look", own_order, post=True, data=lambda side: {"words": "退款已办"}),
    Row("payments:paid_twice", post=True, data=lambda side: {"paid_twice": "refund"}),
    # Whoever holds the paper may check it.
    Row("payments:receipt_check", own_token),
    # Not found without a merchant account; tests/payments/test_callbacks.py says the rest.
    Row(
        "payments:callback",
        lambda side: {"provider": "wechatpay"},
        post=True,
        expect=dict.fromkeys(Visitor, ANY_ANSWER),
    ),
    Row(
        "payments:merchant_callback",
        lambda side: {"provider": "alipay", "merchant": "yunqi"},
        post=True,
        expect=dict.fromkeys(Visitor, ANY_ANSWER),
    ),
]
