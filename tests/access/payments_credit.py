"""Paying ahead, deposits, refunds, moving out."""

from typing import Any

from django.utils import timezone

from billing.models import Meter
from community.models import today
from payments.models import Clearance, Payment, Refund
from payments.services.giving_back import moving_out, refunds
from tests.access.rows import Row
from tests.access.world import Side
from tests.factories.billing import AccountFactory, FeeItemFactory, make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_payment, make_refund


def own_account(side: Side) -> Any:
    """The owner's account with 50 yuan of credit."""
    bill = make_bill("20.00", account=AccountFactory(unit=side.unit, party=side.party))
    make_payment(bill, amount="70.00")
    return bill.account


def own_unit(side: Side) -> dict[str, Any]:
    own_account(side)
    return {"pk": side.unit.pk}


def an_account(side: Side) -> dict[str, Any]:
    return {"pk": own_account(side).pk}


def asked(side: Side) -> dict[str, Any]:
    return {"pk": make_refund(own_account(side)).pk}


def approved(side: Side) -> dict[str, Any]:
    return {"pk": make_refund(own_account(side), approved=True).pk}


def by_transfer(side: Side) -> dict[str, Any]:
    account = own_account(side)
    of_it: dict[str, Any] = {"method": "transfer", "payee_account": "6217000012345678"}
    return {"pk": make_refund(account, approved=True, **of_it).pk}


def paid_out(side: Side) -> dict[str, Any]:
    refund = make_refund(own_account(side), approved=True)
    return {"pk": refunds.pay_in_cash(refund.pk, by=StaffUserFactory.create()).pk}


def own_voucher(side: Side) -> dict[str, Any]:
    return {"pk": Refund.objects.get(**paid_out(side)).voucher.pk}


def leaving(side: Side) -> dict[str, Any]:
    """Somebody who owes nothing, and to whom nothing is owed."""
    bill = make_bill("20.00", account=AccountFactory(unit=side.unit, party=side.party))
    make_payment(bill, method=Payment.Method.CASH)
    day = bill.run.period.ends_on
    return {"pk": moving_out.begin(account=bill.account, day=day, by=side.clerk).pk}


def leaving_a_meter(side: Side) -> dict[str, Any]:
    meter = Meter.objects.create(unit=side.unit, fee_item=FeeItemFactory(community=side.community))
    return leaving(side) | {"item": meter.fee_item_id}


def gone(side: Side) -> dict[str, Any]:
    clearance = Clearance.objects.create(
        community=side.community,
        unit=side.unit,
        account=own_account(side),
        day=today(),
        state=Clearance.State.CLEARED,
        opened_by=side.clerk,
        ended_by=side.clerk,
        ended_at=timezone.now(),
        snapshot={"unit": side.unit.code},
    )
    return {"pk": clearance.pk}


ROWS = [
    Row("payments:prepay"),
    Row("payments:desk_prepay", own_unit),
    Row("payments:use_credit", post=True),
    Row("payments:use_credit_at_desk", own_unit, post=True),
    Row("payments:take_deposit", own_unit),
    Row("payments:deposits"),
    Row("payments:ask_refund", an_account),
    Row("payments:refunds"),
    Row("payments:refund", asked),
    Row("payments:decide_refund", asked, post=True, data=lambda side: {"words": "同意"}),
    Row("payments:pay_refund", approved, post=True),
    Row("payments:transfer_refund", by_transfer, post=True),
    Row(
        "payments:end_refund",
        approved,
        post=True,
        data=lambda side: {"ending": "failed", "words": "退回"},
    ),
    Row("payments:refund_account", by_transfer, post=True, data=lambda side: {"reason": "转账"}),
    Row("payments:refund_voucher", paid_out),
    Row("payments:voucher", own_voucher),
    Row("payments:move_out", own_unit),
    Row("payments:clearance", leaving),
    Row("payments:clear", leaving, post=True),
    Row(
        "payments:read_at_the_end",
        leaving_a_meter,
        post=True,
        data=lambda side: {"value": "1"},
    ),
    Row("payments:accept_left_out", leaving, post=True),
    Row("payments:settle_clearance", leaving, post=True),
    Row("payments:take_back_clearance", leaving, post=True),
    Row("payments:clearance_note", gone),
]
