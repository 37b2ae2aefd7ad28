"""Reconciliation; refunds the way the money came."""

from typing import Any

from django.utils import timezone

from community.models import today
from payments.models import Payment, Reconciliation, ReconciliationLine, Refund
from payments.services.online.sharing import share_bill, token_of
from tests.access.rows import Row
from tests.access.world import Side, Visitor
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.payments import make_order, make_payment, make_refund


def a_day(side: Side) -> dict[str, Any]:
    return {"pk": a_reconciliation(side).pk}


def a_reconciliation(side: Side) -> Reconciliation:
    return Reconciliation.objects.create(
        community=side.community,
        provider="wechatpay",
        day=today(),
        digest="0" * 64,
        their_lines=1,
        compared_at=timezone.now(),
    )


def a_difference(side: Side) -> dict[str, Any]:
    line = ReconciliationLine.objects.create(
        reconciliation=a_reconciliation(side),
        kind=ReconciliationLine.Kind.NOT_HERE,
        flow=ReconciliationLine.Flow.PAYMENT,
        out_trade_no="X1",
        theirs="5.00",
    )
    return {"pk": line.pk}


def paid_online(side: Side) -> Payment:
    bill = make_bill("20.00", account=AccountFactory(unit=side.unit, party=side.party))
    order = make_order(bill, state="paid", user=side.owner)
    return make_payment(bill, method=Payment.Method.WECHAT, order=order)


def a_payment(side: Side) -> dict[str, Any]:
    return {"pk": paid_online(side).pk}


def given_up(side: Side) -> dict[str, Any]:
    """A refund that its provider does not get to the payer."""
    payment = paid_online(side)
    account = payment.postings.get().credit_entry.account
    of_it: dict[str, Any] = {"method": Refund.Method.ORIGINAL, "payment": payment}
    refund = make_refund(account, "5.00", approved=True, **of_it)
    Refund.objects.filter(pk=refund.pk).update(
        state=Refund.State.PROCESSING, sent_at=timezone.now(), check_at=None
    )
    return {"pk": refund.pk}


def own_bill(side: Side) -> Any:
    return make_bill("20.00", account=AccountFactory(unit=side.unit, party=side.party))


def a_bill(side: Side) -> dict[str, Any]:
    return {"pk": own_bill(side).pk}


def a_link(side: Side) -> dict[str, Any]:
    return {"token": token_of(share_bill(bill=own_bill(side), by=side.owner))}


def by_link(side: Side) -> dict[str, Any]:
    bill = own_bill(side)
    share = share_bill(bill=bill, by=side.owner)
    return {"token": token_of(share), "pk": make_order(bill, user=side.owner, share=share).pk}


# A link is the payer's own affair: staff do not make one for him.
NO_STAFF = dict.fromkeys((Visitor.CLERK, Visitor.ACCOUNTANT, Visitor.MANAGER), 404)

ROWS = [
    Row("payments:share", a_bill, expect=NO_STAFF),
    Row("payments:revoke_share", a_bill, post=True, expect=NO_STAFF),
    Row("payments:shared_bill", a_link),
    Row("payments:shared_order", by_link),
    Row("payments:shared_order_status", by_link),
    Row("payments:shared_order_go", by_link),
    Row("payments:ask_original_refund", a_payment),
    Row("payments:confirm_refund", given_up, post=True, data=lambda side: {"words": "查过"}),
    Row("payments:reconciliations"),
    Row("payments:compare_day", post=True),
    Row("payments:reconciliation", a_day),
    Row("payments:close_reconciliation", a_day, post=True),
    Row("payments:difference", a_difference),
    Row(
        "payments:settle_difference",
        a_difference,
        post=True,
        data=lambda side: {"way": "explain", "words": "查过"},
    ),
]
