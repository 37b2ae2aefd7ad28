"""A worker killed while it sends a refund: the provider's ledger has it once all the same."""

import datetime

import pytest
from django.utils import timezone

from core import books
from payments.models import Refund
from payments.services.giving_back import refunds
from payments.services.online import original_refunds
from tests.factories.billing import make_bill
from tests.factories.payments import make_refund
from tests.fixtures.simulators import WeChatPaySimulator
from tests.payments.conftest import merchant  # noqa: F401 - fixture
from tests.payments.online import paid
from tests.reliability import processes

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.reliability,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
KILLED = -9


@pytest.mark.parametrize(
    "point",
    [
        "before it is claimed",
        "before send",
        "between send and record",
        "before record commits",
    ],
)
def test_a_killed_worker_gives_back_once(
    point: str,
    merchant: WeChatPaySimulator,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refunds, "ring", lambda *args: None)
    bill = make_bill("7.00")
    payment = paid(merchant, bill)
    of_it = {"payment": payment, "method": Refund.Method.ORIGINAL}
    refund = make_refund(bill.account, "7.00", approved=True, **of_it)  # type: ignore[arg-type]
    env = processes.environment(**merchant.account)
    assert (
        processes.run_until_it_dies("tests.reliability.doomed", "refund", point, refund.pk, env=env)
        == KILLED
    )
    for _ in range(2):
        past = timezone.now() - datetime.timedelta(seconds=1)
        Refund.objects.filter(check_at__isnull=False).update(check_at=past)
        original_refunds.sweep_refunds()
    refund.refresh_from_db()
    assert refund.state == Refund.State.PAID
    assert [one["amount"] for one in merchant.ledger()["refunds"]] == [700]
    assert not books.verify().breaks
