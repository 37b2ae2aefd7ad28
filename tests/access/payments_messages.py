"""Messages of providers about no order of ours: whoever keeps the books deals with them."""

from typing import Any

from payments.models import ProviderEvent
from tests.access.rows import ANY_ANSWER, Row
from tests.access.world import Side, Visitor


def message(side: Side) -> dict[str, Any]:
    event = ProviderEvent.objects.create(
        provider="wechatpay",
        event_id=f"ASTRAY{ProviderEvent.objects.count()}",
        out_trade_no="NOBODYS",
        payload={},
        state=ProviderEvent.State.REFUSED,
        outcome="unknown order NOBODYS",
    )
    return {"pk": event.pk}


ROWS = [
    Row("payments:astray"),
    Row(
        "payments:look_message",
        message,
        post=True,
        data=lambda side: {"words": "已核对"},
        # Communities without a merchant account of their own share the message, so another's is
        # theirs too; tests/payments/test_astray.py says who is let in and who is not.
        expect=dict.fromkeys((Visitor.ACCOUNTANT, Visitor.MANAGER), ANY_ANSWER),
    ),
]
