"""Arrears on the pages and in the tables that are taken away."""

import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook

from billing.arrears import (
    AGES,
    accounts_in_arrears,
    ageing,
    limit_of,
    limit_of_account,
)
from billing.arrears.workbooks import accounts_xlsx, buildings_xlsx
from billing.models import Account, Bill
from billing.views import arrears as pages
from community.models import Community, Job, Role, today
from community.services.jobs import run_job
from tests.billing.arrears import ON, account_in, days, owes, pays
from tests.factories.community import (
    CommunityFactory,
    MembershipFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    made: Community = CommunityFactory.create()
    return made


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
