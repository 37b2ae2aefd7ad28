"""From the payer to the bank, with real files: the simulators' bills and their payouts."""

import datetime
import sqlite3
from urllib.request import urlopen

import pytest

from community.models import today
from core.books import verify
from payments.models import Reconciliation
from payments.reconciliation.settlement import net_and_entries
from payments.services.channels import reconciling
from payments.services.channels.bank_statements import import_statement
from payments.services.channels.settling import match_payouts
from payments.services.online.asking import ask
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import UnitFactory
from tests.payments.online import paid_there

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
DAY = datetime.timedelta(days=1)
FAULTS = {
    "": ([0, 0, 0], 3, 0),
    "payout_short": ([0, 1, 0], 2, 1),
    "payout_late": ([0, 1, 0], 2, 0),
    "payout_merged": ([0, 0, 0], 2, 0),
    "payout_missing": ([0, 1, 0], 2, 0),
}


@pytest.fixture(params=["wechatpay", "alipay"])
def channel(request):
    """A provider with its merchant account, and its key."""
    key = request.param
    simulator = request.getfixturevalue("merchant" if key == "wechatpay" else "alipay")
    return key, simulator


def pay_on_three_days(key, simulator):
    """Three orders of one community, paid on the three days before today."""
    first = make_bill("100.00")
    unit = first.account.unit
    bills = [first] + [
        make_bill(amount, account=AccountFactory(unit=UnitFactory(building=unit.building)))
        for amount in ("200.00", "400.00")
    ]
    folder = simulator.home / key / "ledger.sqlite3"
    for back, bill in zip((3, 2, 1), bills, strict=True):
        order = paid_there(simulator, bill, key)
        books = sqlite3.connect(folder)
        with books:
            books.execute(
                "UPDATE orders SET paid_at = paid_at - ? WHERE out_trade_no = ?",
                (back * 86400, order.out_trade_no),
            )
        books.close()
        ask(order)
    return first.account.community


@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_simulator_pays_out_is_found_or_waits(channel, fault):
    key, simulator = channel
    community = pay_on_three_days(key, simulator)
    middle = today() - 2 * DAY
    if fault:
        simulator.faults(**{fault: [middle.isoformat()]})
    for back in (3, 2, 1):
        reconciling.reconcile(channel=key, day=today() - back * DAY, community=community)
    status, text = simulator.raw("GET", "/payouts", headers={"Accept": "text/html"})
    assert status == 200
    assert "Payouts" in text
    taken = import_statement(source=_file(simulator), community=community)
    open_days, matched, waiting = FAULTS[fault]
    assert match_payouts(community) == matched
    assert community.bank_lines.waiting().count() == waiting
    days = net_and_entries(Reconciliation.objects.filter(community=community)).order_by("day")
    assert [bool(day.outstanding) for day in days] == [bool(one) for one in open_days]
    assert taken.new == matched + waiting
    assert not verify(community.code).breaks


def _file(simulator):
    """The bytes of the statement: it is in GB18030."""
    with urlopen(f"{simulator.url}/control/statement") as answer:
        return answer.read()
