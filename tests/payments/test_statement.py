"""The statement of account: every line, in order, and a balance that is the account's own."""

import datetime
import io
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from billing.models import Account, Adjustment, Allocation, Charge, CreditEntry
from community.models import Role, User
from payments.statement import Line, Statement, load_statement
from payments.statement.paper import FIRST, OTHERS, rows_below, sheets_of, statement_pdf
from payments.statement.workbook import statement_xlsx
from tests.factories.billing import (
    AccountFactory,
    ChargeFactory,
    CreditEntryFactory,
    make_bill,
)
from tests.factories.community import BindingFactory, MembershipFactory, OccupancyFactory
from tests.factories.payments import make_payment

pytestmark = pytest.mark.django_db

DAY = datetime.date(2026, 1, 10)


def day(number: int) -> datetime.date:
    return DAY + datetime.timedelta(days=number)


@pytest.fixture
def account() -> Account:
    return AccountFactory.create(unit=OccupancyFactory.create().unit)


@pytest.fixture
def resident(account: Account) -> User:
    user: User = BindingFactory.create(party=account.party).user
    return user


def balance_of(account: Account) -> Decimal:
    return Account.objects.with_balance().get(pk=account.pk).balance


def history(account: Account) -> None:
    """A bit of everything."""
    bill = make_bill("300.00", "24.00", account=account)
    make_payment(bill, amount="200.00", value_date=day(400))
    late = ChargeFactory.create(
        account=account,
        bill=bill,
        kind=Charge.Kind.LATE_FEE,
        amount="1.23",
        starts_on=day(40),
        ends_on=day(410),
    )
    ChargeFactory.create(account=account, kind=Charge.Kind.OPENING, amount="50.00", starts_on=DAY)
    user = MembershipFactory.create(community=account.community).user
    extra = ChargeFactory.create(
        account=account, kind=Charge.Kind.EXTRA, amount="15.00", starts_on=day(5), ends_on=day(5)
    )
    Adjustment.objects.create(
        community=account.community,
        account=account,
        kind="extra",
        amount=15,
        reason="补办门禁卡",
        fee_item=extra.fee_item,
        due_on=day(9),
        charge=extra,
        requested_by=user,
    )
    waived = Adjustment.objects.create(
        community=account.community,
        account=account,
        kind="waiver",
        lessens=late,
        amount=1,
        reason="系统故障",
        requested_by=user,
    )
    entry = CreditEntryFactory.create(
        account=account,
        kind="waiver",
        amount="1.00",
        value_date=day(420),
        charge=late,
        adjustment=waived,
    )
    Allocation.objects.create(credit_entry=entry, charge=late, amount="1.00")
    paid = CreditEntryFactory.create(account=account, amount="70.00", value_date=day(430))
    CreditEntryFactory.create(account=account, amount="-70.00", value_date=day(431), reverses=paid)
    CreditEntryFactory.create(account=account, kind="opening", amount="9.00", value_date=DAY)
    CreditEntryFactory.create(account=account, kind="refund", amount="-2.00", value_date=day(500))


def test_within_a_day_lines_stand_as_they_came(account: Account) -> None:
    """What somebody was shown before a bill of the same day came is still there after it."""
    make_payment(make_bill("50.00", account=account))
    before = [line.balance for line in load_statement(account).lines]
    make_bill("80.00", account=account, quarter=2)
    make_payment(account.bills.last(), amount="30.00")
    after = [line.balance for line in load_statement(account).lines]
    assert after[:-2] == before
    assert after[-2:] == [Decimal("80.00"), Decimal("50.00")]


def test_everything_is_there_in_order_with_a_running_balance(account: Account) -> None:
    history(account)
    statement = load_statement(account)
    assert statement.closing == balance_of(account)
    assert [line.day for line in statement.lines] == sorted(line.day for line in statement.lines)
    balance = Decimal(0)
    for line in statement.lines:
        balance += line.amount
        assert line.balance == balance
        assert line.title
    kinds = [line.kind for line in statement.lines]
    assert sorted(kinds) == [
        *("bill", "extra", "late_fee", "opening", "opening"),
        *("payment", "payment", "payment", "refund", "waiver"),
    ]
    by_kind = {line.kind: line for line in statement.lines}
    assert by_kind["extra"].detail == "补办门禁卡"
    assert by_kind["waiver"].detail.endswith("系统故障")
    assert [part.amount for part in by_kind["bill"].parts] == [300, 24]
    receipted = next(line for line in statement.lines if line.receipt)
    assert receipted.receipt is not None
    assert receipted.receipt.code in receipted.detail
    assert statement.charged - statement.credited == statement.closing


@given(
    rows=st.lists(st.tuples(st.integers(0, 9), st.integers(-999, 999)), max_size=30),
    span=st.tuples(st.none() | st.integers(-1, 10), st.none() | st.integers(-1, 10)),
)
def test_a_span_begins_where_the_days_before_ended(
    rows: list[tuple[int, int]], span: tuple[int | None, int | None]
) -> None:
    balance, lines = Decimal(0), []
    for number, amount in sorted(rows):
        balance += amount
        lines.append(Line(day(number), Decimal(amount), balance, entry=CreditEntry()))
    whole = Statement(lines=lines)
    since, until = (None if each is None else day(each) for each in span)
    part = whole.between(since, until)
    wanted = [
        (number, amount)
        for number, amount in sorted(rows)
        if (since is None or day(number) >= since) and (until is None or day(number) <= until)
    ]
    assert [(line.day, line.amount) for line in part.lines] == [(day(n), a) for n, a in wanted]
    earlier = sum(amount for number, amount in rows if since is not None and day(number) < since)
    assert part.opening == earlier
    assert part.closing == earlier + sum(amount for _number, amount in wanted)


def test_queries_do_not_grow_with_the_years(
    account: Account, resident: User, client: Client, django_assert_num_queries: Any
) -> None:
    client.force_login(resident)
    url = reverse("payments:statement", args=[account.pk])
    client.get(url)
    for year in range(2010, 2014):
        for quarter in range(1, 5):
            make_payment(make_bill("10.00", "3.00", account=account, year=year, quarter=quarter))
    with django_assert_num_queries(4):
        statement = load_statement(account)
    assert len(statement.lines) == 32
    assert statement.closing == 0
    with django_assert_num_queries(9):
        assert client.get(url).status_code == 200


class TestPage:
    def test_a_bill_opens_to_its_lines(
        self, account: Account, resident: User, client: Client
    ) -> None:
        history(account)
        client.force_login(resident)
        page = client.get(reverse("payments:statement", args=[account.pk])).content.decode()
        assert f'data-closing="{balance_of(account)}"' in page
        assert page.count("<details><summary") == 1
        assert "¥24.00" in page
        assert account.party.name in page
        assert page.count("data-line=") == 10

    def test_days_can_be_chosen_and_nonsense_is_told(
        self, account: Account, resident: User, client: Client
    ) -> None:
        history(account)
        client.force_login(resident)
        url = reverse("payments:statement", args=[account.pk])
        page = client.get(url, {"since": str(day(400)), "until": str(day(410))}).context
        assert [line.kind for line in page["statement"].lines] == ["payment", "late_fee"]
        assert page["statement"].opening
        backwards = {"since": str(day(2)), "until": str(day(1))}
        for wrong in (backwards, {"since": "x"}, {"until": "2026-02-30"}):
            page = client.get(url, wrong).context
            assert page["form"].errors
            assert len(page["statement"].lines) == 10

    def test_staff_see_masked_names_and_the_way_to_the_unit(
        self, account: Account, client: Client
    ) -> None:
        history(account)
        clerk = MembershipFactory.create(community=account.community, role=Role.ACCOUNTANT).user
        client.force_login(clerk)
        page = client.get(reverse("payments:statement", args=[account.pk])).content.decode()
        assert account.party.name not in page
        code = account.community.code
        assert reverse("portal:unit", args=[code, account.unit_id]) in page
        assert reverse("billing:desk_bill", args=[code, account.bills.get().pk]) in page

    def test_the_records_lead_to_it(self, account: Account, resident: User, client: Client) -> None:
        make_bill("1.00", account=account)
        client.force_login(resident)
        page = client.get(reverse("payments:records")).content.decode()
        assert reverse("payments:statement", args=[account.pk]) in page


def lines(count: int) -> Statement:
    """So many payments of one yuan."""
    made = [
        Line(day(n), Decimal(-1), Decimal(-n - 1), entry=CreditEntry(kind="payment"))
        for n in range(count)
    ]
    return Statement(lines=made)


@pytest.mark.parametrize("count", [0, 1, FIRST, FIRST + 1, FIRST + OTHERS, FIRST + OTHERS + 1])
def test_sheets_are_full_and_carry_the_balance(count: int) -> None:
    sheets = sheets_of(lines(count))
    assert sum(len(sheet.lines) for sheet in sheets) == count
    assert len(sheets) == (1 if count <= FIRST else 2 if count <= FIRST + OTHERS else 3)
    for before, after in pairwise(sheets):
        assert before.carried == after.brought == before.lines[-1].balance


def test_the_paper_has_as_many_pages_as_sheets(account: Account) -> None:
    for year in range(2005, 2015):
        for quarter in range(1, 5):
            make_bill("10.00", "3.00", "2.00", account=account, year=year, quarter=quarter)
    history_of = load_statement(account)
    pdf = PdfReader(io.BytesIO(statement_pdf(account, history_of)))
    sheets = sheets_of(history_of)
    assert len(pdf.pages) == len(sheets) > 2
    for sheet, page in zip(sheets, pdf.pages, strict=True):
        assert f"{sheet.carried}" in page.extract_text()
    assert account.unit.code in pdf.pages[0].extract_text()


def test_the_paper_has_a_long_reason_to_its_last_word(account: Account) -> None:
    reason = "上期抄表时把两户读数记反，多计 8 m³，" * 12 + "the last word"
    charge = ChargeFactory.create(account=account, amount="90.00")
    user = MembershipFactory.create(community=account.community).user
    waived = Adjustment.objects.create(
        community=account.community,
        account=account,
        kind="waiver",
        lessens=charge,
        amount=1,
        reason=reason,
        requested_by=user,
    )
    CreditEntryFactory.create(
        account=account, kind="waiver", amount="1.00", charge=charge, adjustment=waived
    )
    statement = load_statement(account)
    assert "".join(rows_below(statement.lines[-1])) == statement.lines[-1].detail
    [page] = PdfReader(io.BytesIO(statement_pdf(account, statement))).pages
    assert "the last word" in page.extract_text()
    # Room for it is taken from the sheet: many of them make more sheets, and none runs over.
    many = Statement(lines=[statement.lines[-1]] * 20)
    pdf = PdfReader(io.BytesIO(statement_pdf(account, many)))
    assert len(pdf.pages) == len(sheets_of(many)) > 2


def test_the_paper_says_what_late_fee_comes_on_top(account: Account) -> None:
    make_bill("90.00", account=account)
    statement = load_statement(account)
    assert "1.23" not in text_of(statement_pdf(account, statement))
    said = text_of(statement_pdf(account, statement, late_fee=Decimal("1.23")))
    assert "1.23" in said
    assert "91.23" in said


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_the_paper_and_the_table_open(account: Account, resident: User, client: Client) -> None:
    history(account)
    client.force_login(resident)
    pdf = client.get(reverse("payments:statement_pdf", args=[account.pk]))
    assert pdf.content.startswith(b"%PDF")
    assert pdf["Content-Disposition"].startswith("inline")
    xlsx = client.get(reverse("payments:statement_xlsx", args=[account.pk]))
    assert xlsx["Content-Disposition"].startswith("attachment")


def test_the_table_adds_up(account: Account) -> None:
    history(account)
    statement = load_statement(account)
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(statement_xlsx(statement)))
    header, *rows, last = workbook.get_sheet_by_index(0).to_python()
    assert len(header) == len(last) == 8
    assert len(rows) == 11  # the bill has two lines
    charged, credited = (sum(float(str(row[n] or 0)) for row in rows) for n in (5, 6))
    assert round(charged - credited, 2) == float(balance_of(account)) == last[7]
    assert rows[-1][7] == last[7]
