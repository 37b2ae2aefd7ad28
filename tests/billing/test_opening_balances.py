"""What a company brings along: aged arrears, prepayments, and no bill that never was."""

from datetime import date
from decimal import Decimal

import pgtrigger
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import Account, Bill, Charge, CreditEntry, FeeItem, OpeningBalance
from community.models import Occupancy, Party
from core import books
from core.tables import TableRefused
from tests.billing.small import issue, opening_balances, small_community
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db

OWED = "1,1,101,业主0,13900000000,物业服务费,2025-10-01,2025-12-31,2025-11-15,705.00"
PREPAID = "1,1,102,业主1,13900000001,物业服务费,2026-01-01,2026-03-31,,-729.00"


def account(code, party="业主0"):
    return Account.objects.with_balance().get(unit__code=code, party__name=party)


def test_what_is_owed_ages_from_its_due_date_on_no_bill():
    community = small_community()
    opening_balances(community, OWED)
    charge = Charge.objects.get()
    assert (charge.kind, charge.bill, charge.due_on) == ("opening", None, date(2025, 11, 15))
    assert charge.amount == account("1-1-101").owed == Decimal("705.00")
    assert not Bill.objects.exists()
    assert books.verify().breaks == []


def test_what_is_prepaid_pays_the_next_bill_by_itself():
    community = small_community()
    opening_balances(community, PREPAID)
    assert account("1-1-102", "业主1").credit == Decimal("729.00")
    issue(community)
    paid = account("1-1-102", "业主1")
    assert (paid.credit, paid.owed) == (0, 0)
    assert books.verify().breaks == []


def test_a_former_payer_gets_an_account_and_lives_nowhere():
    community = small_community()
    occupancies = Occupancy.objects.count()
    opening_balances(community, OWED.replace("业主0,13900000000", "前业主,13700000000"))
    former = Party.objects.get(name="前业主", phone="13700000000")
    assert former.pinyin
    assert account("1-1-101", "前业主").owed == Decimal("705.00")
    assert Occupancy.objects.count() == occupancies


def test_a_payer_without_a_phone_is_whoever_of_the_name_is_at_the_unit():
    community = small_community()
    opening_balances(community, OWED.replace("13900000000", ""))
    assert Account.objects.get().party.phone == "13900000000"
    # Found again, though the file does not say the phone.
    opening_balances(community, OWED.replace("13900000000", ""))
    assert Charge.objects.count() == 1


def test_an_unknown_fee_item_comes_after_the_others():
    community = small_community()
    opening_balances(community, OWED.replace("物业服务费", "旧账"), new_items=["旧账"])
    item = FeeItem.objects.get(name="旧账")
    assert item.position > FeeItem.objects.get(name="物业服务费").position
    assert Charge.objects.get().fee_item == item


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("705.00", "705.01", "金额"),
        ("705.00", "-705.00", "金额"),
        ("2025-11-15", "2025-11-16", "到期日"),
    ],
)
def test_the_same_key_that_says_something_else_is_refused(old, new, column):
    community = small_community()
    opening_balances(community, OWED)
    with pytest.raises(TableRefused) as refused:
        opening_balances(community, PREPAID, OWED.replace(old, new))
    (problem,) = refused.value.problems
    assert (problem.row, problem.column) == (3, column)
    assert OpeningBalance.objects.count() == Charge.objects.count() == 1
    assert not CreditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_file_at_the_same_moment_is_taken_once():
    community = small_community()
    both = together(*[lambda: opening_balances(community, OWED, PREPAID)] * 2)
    assert errors_in(both) == []
    assert OpeningBalance.objects.count() == 2
    assert account("1-1-101").owed == Decimal("705.00")


KEYS = st.tuples(st.sampled_from([101, 102, 103]), st.sampled_from("甲乙丙"), st.integers(1, 9))
FEN = st.integers(-(10**9), 10**9).filter(bool)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.dictionaries(KEYS, FEN, min_size=1, max_size=30))
def test_the_books_say_what_the_file_says(rows):
    """Whatever rows come: the balance of each account is their sum, to the fen; twice as well."""
    community = small_community(units=3, code="random")
    written = [
        f"1,1,{room},{name},,费目,2025-0{month}-01,2025-0{month}-28,2025-0{month}-15,"
        f"{Decimal(fen) / 100:.2f}"
        for (room, name, month), fen in rows.items()
    ]
    for _time in range(2):
        opening_balances(community, *written, new_items=["费目"])
    for found in Account.objects.filter(community=community).with_balance():
        fen = sum(
            amount
            for (room, name, _month), amount in rows.items()
            if (f"1-1-{room}", name) == (found.unit.code, found.party.name)
        )
        assert found.balance == Decimal(fen) / 100
    assert OpeningBalance.objects.count() == len(rows)
    with pgtrigger.ignore():
        for model in (OpeningBalance, Charge, CreditEntry, Account):
            model.objects.all().delete()
