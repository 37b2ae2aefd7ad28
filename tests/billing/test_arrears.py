"""Arrears by age against sums made one charge at a time."""

import datetime
import io
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from billing.arrears import (
    AGES,
    accounts_in_arrears,
    ageing,
    limit_of,
    limit_of_account,
    open_by_due_date,
    sum_of,
)
from billing.arrears.workbooks import accounts_xlsx, buildings_xlsx
from billing.models import Account, Allocation, Bill, Charge
from billing.views import arrears as pages
from community.models import Community, Job, Role, today
from community.services.jobs import run_job
from tests.factories.billing import (
    AccountFactory,
    ChargeFactory,
    CreditEntryFactory,
    make_bill,
)
from tests.factories.community import (
    BuildingFactory,
    CommunityFactory,
    MembershipFactory,
    UnitFactory,
)

pytestmark = pytest.mark.django_db

ON = datetime.date(2026, 11, 1)


def days(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=number)


@pytest.fixture
def community() -> Community:
    made: Community = CommunityFactory.create()
    return made


def account_in(community: Community, building: str) -> Account:
    house = BuildingFactory.create(community=community, code=building)
    made: Account = AccountFactory.create(unit=UnitFactory.create(building=house))
    return made


def owes(account: Account, amount: str, due_on: datetime.date, **more: Any) -> Charge:
    made: Charge = ChargeFactory.create(
        account=account,
        kind=Charge.Kind.OPENING,
        amount=Decimal(amount),
        starts_on=due_on - days(30),
        ends_on=due_on - days(1),
        due_on=due_on,
        **more,
    )
    return made


def pays(charge: Charge, amount: str, value_date: datetime.date, *, undone: bool = False) -> None:
    entry = CreditEntryFactory.create(
        account=charge.account, amount=Decimal(amount), value_date=value_date
    )
    made = Allocation.objects.create(credit_entry=entry, charge=charge, amount=Decimal(amount))
    if undone:
        Allocation.objects.create(
            credit_entry=entry, charge=charge, amount=-Decimal(amount), undoes=made
        )


def test_ages_have_neither_gap_nor_overlap() -> None:
    assert AGES[0].most == 0
    assert [age.least for age in AGES[1:]] == [(age.most or 0) + 1 for age in AGES[:-1]]
    assert AGES[-1].most is None


@pytest.mark.parametrize(
    ("late", "place"),
    [
        *((-5, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4)),
        *((180, 4), (181, 5), (365, 5), (366, 6), (5000, 6)),
    ],
)
def test_each_day_has_its_age(community: Community, late: int, place: int) -> None:
    owes(account_in(community, "1"), "10.00", ON - days(late))
    (building,) = ageing(community, ON)
    assert [n for n, amount in enumerate(building.aged.amounts) if amount] == [place]
    assert building.accounts == int(late > 0)
    (row,), count = accounts_in_arrears(community, ON, which=AGES[place].key)
    assert count == 1
    assert row.aged == building.aged


def test_by_building_in_natural_order_and_only_this_community(community: Community) -> None:
    for building, amount in (("10", "5.00"), ("2", "7.00"), ("2", "1.50")):
        owes(account_in(community, building), amount, ON - days(10))
    owes(AccountFactory.create(), "99.00", ON - days(10))
    found = ageing(community, ON)
    assert [(each.code, each.aged.total, each.accounts) for each in found] == [
        ("2", Decimal("8.50"), 2),
        ("10", Decimal("5.00"), 1),
    ]
    whole = sum_of(found)
    assert (whole.accounts, whole.aged.overdue) == (3, Decimal("13.50"))


def test_a_bill_its_late_fee_and_what_is_paid(community: Community) -> None:
    account = account_in(community, "1")
    bill = make_bill("100.00", "20.00", account=account, quarter=1)  # due 2026-02-15
    first = bill.charges.earliest("pk")
    late = ChargeFactory.create(
        account=account,
        bill=bill,
        kind=Charge.Kind.LATE_FEE,
        amount=Decimal("3.00"),
        ends_on=today(),
    )
    pays(first, "60.00", bill.due_on)
    pays(late, "1.00", bill.due_on)
    assert open_by_due_date(community) == {bill.due_on: Decimal("62.00")}
    (building,) = ageing(community)
    assert building.aged.total == Account.objects.with_balance().get(pk=account.pk).owed


def test_a_day_in_the_past_counts_what_stood_then(community: Community) -> None:
    account = account_in(community, "1")
    bill = make_bill("100.00", account=account, quarter=1)
    charge = bill.charges.get()
    pays(charge, "40.00", today() - days(5))
    assert ageing(community, today() - days(6)) == []  # the bill was issued today
    owes(account, "7.00", today() - days(20))
    (before,) = ageing(community, today() - days(6))
    assert before.aged.total == Decimal("7.00")
    (now,) = ageing(community)
    assert now.aged.total == Decimal("67.00")
    old = owes(account, "9.00", today() - days(400))
    pays(old, "9.00", today() - days(100))
    (before,) = ageing(community, today() - days(101))
    assert before.aged.amounts[5] == Decimal("9.00")
    (after,) = ageing(community, today() - days(20))
    assert after.aged.amounts[5] == 0


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("12"),
            st.integers(-50, 1500),
            st.integers(1, 999),
            st.lists(st.tuples(st.integers(1, 999), st.booleans()), max_size=3),
        ),
        max_size=8,
    )
)
@settings(max_examples=40, deadline=None)
def test_the_same_as_adding_up_charge_by_charge(
    rows: list[tuple[str, int, int, list[tuple[int, bool]]]],
) -> None:
    community = CommunityFactory.create()
    accounts = {code: account_in(community, code) for code in "12"}
    for code, late, fen, payments in rows:
        charge = owes(accounts[code], f"{fen / 100:.2f}", today() - days(late))
        for paid, undone in payments:
            if part := min(paid, fen):
                pays(charge, f"{part / 100:.2f}", today(), undone=undone)
                fen -= 0 if undone else part
    expected: dict[str, list[Decimal]] = {}
    past: dict[str, Decimal] = {}
    for charge in Charge.objects.filter(account__community=community).open():
        code = charge.account.unit.building.code
        assert charge.due_on
        late = (today() - charge.due_on).days
        place = next(n for n, age in enumerate(AGES) if age.most is None or late <= age.most)
        expected.setdefault(code, [Decimal(0)] * len(AGES))[place] += charge.open_amount
        if limit_of(charge.due_on) < today():
            past[code] = past.get(code, Decimal(0)) + charge.open_amount
    found = {each.code: each.aged for each in ageing(community)}
    assert {code: list(aged.amounts) for code, aged in found.items()} == expected
    assert {code: aged.past_limit for code, aged in found.items() if aged.past_limit} == past
    listed, count = accounts_in_arrears(community, which="open", sort="unit")
    assert count == len(expected)
    assert [row.aged for row in listed] == [found[code] for code in sorted(found)]
    owed = Account.objects.filter(community=community).with_balance()
    assert sum((row.aged.total for row in listed), Decimal(0)) == sum(a.owed for a in owed)


@pytest.mark.parametrize(
    ("due", "limit"),
    [("2023-02-15", "2026-02-15"), ("2024-02-29", "2027-02-28"), ("2021-02-28", "2024-02-28")],
)
def test_three_years_end_on_the_corresponding_day(due: str, limit: str) -> None:
    assert limit_of(datetime.date.fromisoformat(due)) == datetime.date.fromisoformat(limit)


def test_the_database_counts_three_years_in_the_same_way(community: Community) -> None:
    """Leap days included: the amount is past the limit from the day after."""
    for due in (datetime.date(2020, 2, 29), datetime.date(2021, 2, 28), datetime.date(2023, 7, 9)):
        charge = owes(account_in(CommunityFactory.create(), "1"), "1.00", due)
        for late, past in ((0, 0), (1, 1)):
            (found,) = ageing(charge.account.community, limit_of(due) + days(late))
            assert found.aged.past_limit == past


class TestPages:
    @pytest.fixture
    def visitor(self, client: Client, community: Community) -> Client:
        user = MembershipFactory.create(community=community, role=Role.ACCOUNTANT).user
        client.force_login(user)
        return client

    @pytest.fixture
    def debtors(self, community: Community) -> list[Account]:
        made = []
        for building, amount, late in (("1", "10.00", 5), ("1", "30.00", 40), ("2", "20.00", 1200)):
            account = account_in(community, building)
            owes(account, amount, today() - days(late))
            made.append(account)
        return made

    def listed(self, visitor: Client, community: Community, **query: Any) -> list[int]:
        answer = visitor.get(reverse("billing:arrears_accounts", args=[community.code]), query)
        assert answer.status_code == 200
        return [each.account_id for each in answer.context["accounts"]]

    def test_the_overview_leads_to_the_accounts(
        self,
        visitor: Client,
        community: Community,
        debtors: list[Account],
        django_assert_max_num_queries: Any,
    ) -> None:
        url = reverse("billing:arrears", args=[community.code])
        with django_assert_max_num_queries(10):
            page = visitor.get(url).content.decode()
        assert 'data-overdue="60.00"' in page
        assert page.count("data-building") == 2
        building = debtors[2].unit.building_id
        assert f"building={building}" in page
        assert self.listed(visitor, community, building=building) == [debtors[2].pk]

    def test_sorted_chosen_and_never_broken(
        self, visitor: Client, community: Community, debtors: list[Account]
    ) -> None:
        first, second, third = (account.pk for account in debtors)
        assert self.listed(visitor, community) == [second, third, first]
        assert self.listed(visitor, community, sort="oldest") == [third, second, first]
        assert self.listed(visitor, community, sort="unit") == [first, second, third]
        assert self.listed(visitor, community, which="31") == [second]
        assert self.listed(visitor, community, which="past") == [third]
        assert self.listed(visitor, community, which="0") == []
        assert self.listed(visitor, community, on=str(today() - days(100))) == [third]
        for nonsense in (
            {"page": "99"},
            {"page": "x"},
            {"on": "x"},
            {"on": "2999-01-01"},
            {"which": "1; DROP"},
            {"sort": "'"},
        ):
            assert self.listed(visitor, community, **nonsense) == [second, third, first]
        assert self.listed(visitor, community, building="999999999") == []

    def test_names_and_phones_are_masked(
        self, visitor: Client, community: Community, debtors: list[Account]
    ) -> None:
        url = reverse("billing:arrears_accounts", args=[community.code])
        page = visitor.get(url).content.decode()
        for account in debtors:
            assert account.party.phone not in page
            assert account.party.name not in page
            assert account.party.phone[-4:] in page
            assert reverse("portal:unit", args=[community.code, account.unit_id]) in page

    def test_pages_of_fifty(
        self, visitor: Client, community: Community, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pages, "PAGE", 2)
        accounts = [account_in(community, "1") for _ in range(5)]
        for number, account in enumerate(accounts):
            owes(account, f"{number + 1}.00", today() - days(9))
        wanted = [account.pk for account in reversed(accounts)]
        assert self.listed(visitor, community) == wanted[:2]
        assert self.listed(visitor, community, page="3") == wanted[4:]
        assert self.listed(visitor, community, page="4") == wanted[:2]

    def test_files(
        self,
        visitor: Client,
        community: Community,
        debtors: list[Account],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        overview = visitor.get(reverse("billing:arrears_xlsx", args=[community.code]))
        assert overview["Content-Disposition"].startswith("attachment")
        url = reverse("billing:arrears_accounts_xlsx", args=[community.code])
        assert visitor.post(url)["Content-Disposition"].startswith("attachment")
        monkeypatch.setattr(pages, "AT_ONCE", 1)
        answer = visitor.post(url, {"which": "overdue"})
        job = Job.objects.get()
        assert answer["Location"] == reverse("community:job", args=[community.code, job.pk])

    def test_nothing_open(self, visitor: Client, community: Community) -> None:
        page = visitor.get(reverse("billing:arrears", args=[community.code])).content.decode()
        assert "data-overdue" not in page
        assert self.listed(visitor, community) == []


def cells(content: bytes) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


def test_the_tables_hold_what_the_pages_show(community: Community) -> None:
    account = account_in(community, "1")
    owes(account, "10.00", ON - days(40))
    owes(account, "5.00", ON - days(1500))
    header, row, whole = cells(buildings_xlsx(ageing(community, ON)))
    assert len(header) == len(row) == 2 + len(AGES) + 2
    assert row[1:] == whole[1:] == [1, 0, 0, 10, 0, 0, 0, 5, 15, 5]
    found, _count = accounts_in_arrears(community, ON)
    header, row = cells(accounts_xlsx(found, ON))
    assert row[0] == account.unit.code
    assert row[5:] == [1500, 0, 0, 10, 0, 0, 0, 5, 15, 5]
    assert account.party.phone not in str(row)


@pytest.mark.django_db(transaction=True)
def test_the_job_makes_the_file(community: Community) -> None:
    owes(account_in(community, "1"), "10.00", today() - days(40))
    params = {"day": str(today()), "building_id": None, "which": "overdue", "sort": "amount"}
    user = MembershipFactory.create(community=community).user
    job = Job.objects.create(
        community=community, kind="billing.arrears", params=params, key="a", created_by=user
    )
    assert run_job(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE
    assert job.file.name.endswith(".xlsx")
    assert len(cells(bytes(job.file.content))) == 2
    assert Bill.objects.count() == 0


def test_the_limit_of_an_account_is_that_of_its_oldest_open_charge(
    community: Community, client: Client
) -> None:
    account = account_in(community, "1")

    def limit() -> Any:
        return limit_of_account(Account.objects.with_oldest_due().get(pk=account.pk))

    owes(account, "1.00", today() + days(3))
    assert limit() is None
    old = owes(account, "5.00", today() - days(1000))
    owes(account, "9.00", today() - days(10))
    assert limit().ends_on == limit_of(today() - days(1000))
    assert limit().is_near
    assert not limit().is_past
    client.force_login(MembershipFactory.create(community=community).user)
    for url in (
        reverse("payments:statement", args=[account.pk]),
        reverse("portal:unit", args=[community.code, account.unit_id]),
    ):
        assert f'data-limit="{limit().ends_on}"' in client.get(url).content.decode()
    pays(old, "5.00", today())
    assert limit().due_on == today() - days(10)
    assert not limit().is_near
    owes(account, "2.00", today() - days(1200))
    assert limit().is_past
