"""What a request for an adjustment needs, and that nobody asks twice without meaning it."""

import contextlib
import threading
import uuid
from decimal import Decimal

import pytest

from billing.models import Adjustment
from billing.services.accounts import adjustment_requests
from billing.services.accounts.adjustment_requests import (
    EvidenceMissing,
    SameWaiting,
    may_take_off,
    request_extra_charge,
)
from billing.services.accounts.adjustments import reject
from community.models import today
from tests.billing.test_adjustments import Kind, ask, bill, clerk, manager
from tests.factories.billing import FeeItemFactory
from tests.factories.community import StaffUserFactory
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
__all__ = ["bill", "clerk", "manager"]  # fixtures


@pytest.mark.parametrize("kind", [Kind.WAIVER, Kind.DISCOUNT, Kind.WRITE_OFF])
def test_nothing_is_asked_for_without_evidence(bill, clerk, kind):
    with pytest.raises(EvidenceMissing):
        ask(bill, clerk, kind=kind, evidence_note="  ")
    assert not Adjustment.objects.exists()


def test_an_equal_request_that_waits_is_pointed_out_until_it_is_meant(bill, clerk, manager):
    first = ask(bill, clerk, "20.00")
    with pytest.raises(SameWaiting) as refused:
        ask(bill, StaffUserFactory(), "20.00", reason="another clerk")
    assert refused.value.other == first
    ask(bill, clerk, "20.01")
    ask(bill, clerk, "20.00", kind=Kind.DISCOUNT)
    assert ask(bill, clerk, "20.00", again=True) != first
    with pytest.raises(SameWaiting):
        ask(bill, clerk, "20.00", kind=Kind.DISCOUNT)
    reject(adjustment=Adjustment.objects.get(kind=Kind.DISCOUNT), by=manager, words="no")
    assert ask(bill, clerk, "20.00", kind=Kind.DISCOUNT), "what is decided is in nobody's way"


def test_an_extra_charge_needs_evidence_too(bill, clerk):
    with pytest.raises(EvidenceMissing):
        request_extra_charge(
            account=bill.account,
            fee_item=FeeItemFactory(community=bill.account.community),
            amount=Decimal("25.00"),
            due_on=today(),
            reason="补办",
            by=clerk,
            form_token=uuid.uuid4(),
        )


@pytest.mark.django_db(transaction=True)
def test_two_clerks_at_the_same_moment_ask_once(bill, clerk, monkeypatch):
    looked = threading.Barrier(2)

    def when_both_have_looked(*told):
        """Without the account's lock both come here and find that nobody has asked."""
        with contextlib.suppress(threading.BrokenBarrierError):
            looked.wait(0.5)
        return may_take_off(*told)

    monkeypatch.setattr(adjustment_requests, "may_take_off", when_both_have_looked)
    done = together(*[lambda: ask(bill, StaffUserFactory(), "20.00")] * 2)
    assert [type(error) for error in errors_in(done)] == [SameWaiting]
    assert Adjustment.objects.count() == 1
