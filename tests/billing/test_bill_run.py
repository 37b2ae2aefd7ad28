"""The bill run: whole or not at all, once, and nothing silently wrong."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import override

from billing.models import Bill, BillingPeriod, BillRun, Charge, CreditEntry, RunException, Tariff
from billing.services.accounts.posting import post_credit
from billing.services.runs.bill_run import RunRefused
from billing.services.standards.shared_costs import import_shared_costs
from billing.services.standards.tariffs import import_tariffs
from billing.signals import bills_issued
from community.models import Occupancy, Party, Unit
from community.services.transfers import import_transfers
from community.services.vacancies import import_vacancies

from .small import Q2, TARIFFS, issue, preview, small_community, table

pytestmark = pytest.mark.django_db

VACANCIES = "楼栋,单元,房号,空置起,空置止"
TRANSFERS = "楼栋,单元,房号,过户日期,新业主姓名,手机号"


def lines():
    fields = ("account__party__name", "fee_item__name", "starts_on", "ends_on", "amount")
    found = Charge.objects.order_by("account__unit__sort_key", "id").values_list(*fields)
    return [(name, item, f"{a:%m%d}-{b:%m%d}", str(amount)) for name, item, a, b, amount in found]


def test_a_bill_for_each_payer_with_the_lines_of_his_days():
    community = small_community(units=1)
    import_transfers(source=table(TRANSFERS, "1,1,101,2026-02-01,新业主,"), community=community)
    assert issue(community).added == 2
    assert lines() == [
        ("业主0", "物业服务费", "0101-0131", "235.00"),
        ("业主0", "生活垃圾清运费", "0101-0131", "8.00"),
        ("新业主", "物业服务费", "0201-0331", "470.00"),
        ("新业主", "生活垃圾清运费", "0201-0331", "16.00"),
    ]
    assert [bill.amount for bill in Bill.objects.order_by("id")] == [243, 486]


def test_a_vacant_unit_has_lines_of_0_and_its_bill_is_settled_at_once():
    community = small_community(units=1)
    Tariff.objects.filter(method="area").delete()
    source = table(VACANCIES, "1,1,101,2025-01-01,2027-01-01")
    import_vacancies(source=source, community=community)
    issue(community)
    assert lines() == [("业主0", "生活垃圾清运费", "0101-0331", "0.00")]
    assert not Bill.objects.open().exists()


def test_preview_keeps_totals_and_replaces_its_exceptions():
    community = small_community(units=2)
    Unit.objects.filter(room="101").update(area=0)
    done = preview(community)
    assert done.run.state == BillRun.State.PREVIEWED
    assert done.run.summary["amount"] == "753.00"
    assert [e.unit.code for e in done.run.exceptions.all()] == ["1-1-101"]
    Unit.objects.filter(room="101").update(area=100)
    again = preview(community)
    assert again.run == done.run
    assert again.run.summary["amount"] == "1458.00"
    assert not again.run.exceptions.exists()
    assert not Charge.objects.exists()


def test_a_tariff_that_cannot_be_computed_names_the_unit_and_bills_no_0():
    community = small_community(units=2)
    Unit.objects.filter(room="102").update(area=0)
    done = issue(community)
    (exception,) = done.run.exceptions.all()
    assert (exception.unit.code, exception.fee_item.name) == ("1-1-102", "物业服务费")
    assert exception.reason == RunException.Reason.CANNOT_COMPUTE
    assert not Charge.objects.filter(amount=0).exists()


def test_a_unit_without_a_payer_is_an_exception():
    community = small_community(units=2)
    Occupancy.objects.filter(unit__room="101").delete()
    done = issue(community)
    assert done.added == 1
    reasons = done.run.exceptions.values_list("unit__code", "reason")
    assert set(reasons) == {("1-1-101", "no_payer")}


def test_a_shared_cost_with_nobody_in_scope_is_an_exception():
    community = small_community()
    tariff = "公共照明分摊,商铺,,公摊面积,,1,2020-01-01,,整期"
    import_tariffs(source=table(TARIFFS, tariff), community=community)
    cost = table("费目,楼栋,起,止,金额", "公共照明分摊,,2026-01-01,2026-03-31,100.00")
    import_shared_costs(source=cost, community=community)
    (exception,) = issue(community).run.exceptions.all()
    assert (exception.unit, exception.reason) == (None, "nobody_in_scope")


def test_before_handover_only_a_developer_on_the_register_pays():
    community = small_community(units=2)
    Unit.objects.update(handover_date=date(2026, 3, 1))
    _sold, unsold = Unit.objects.order_by("room")
    Occupancy.objects.filter(unit=unsold).update(starts_on=date(2026, 3, 1))
    developer = Party.objects.create(community=community, name="开发商")
    Occupancy.objects.create(
        unit=unsold, party=developer, role=Occupancy.Role.DEVELOPER, ends_on=date(2026, 2, 28)
    )
    issue(community)
    assert [line for line in lines() if line[1] == "物业服务费"] == [
        ("业主0", "物业服务费", "0301-0331", "235.00"),
        ("开发商", "物业服务费", "0101-0228", "470.00"),
        ("业主1", "物业服务费", "0301-0331", "235.00"),
    ]


def test_credit_is_used_at_issue():
    community = small_community()
    issue(community)
    bill = Bill.objects.order_by("id").first()
    post_credit(
        account=bill.account,
        kind=CreditEntry.Kind.OPENING,
        amount=Decimal("1000.00"),
        value_date=date(2026, 2, 1),
    )
    issue(community, **Q2)
    open_amounts = Bill.objects.with_open().filter(account=bill.account).order_by("id")
    assert [b.open_amount for b in open_amounts] == [0, Decimal("458.00")]


def test_a_due_date_once_issued_stays():
    community = small_community()
    issue(community)
    done = issue(community, due_on=date(2030, 1, 1))
    assert done.run.due_on == date(2026, 2, 15)


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [
        (date(2026, 3, 1), date(2026, 5, 31)),
        (date(2025, 12, 1), date(2026, 1, 31)),
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2025, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_that_overlaps_an_issued_one_is_refused(starts_on, ends_on):
    community = small_community()
    issue(community)
    for go in (issue, preview):
        with pytest.raises(RunRefused):
            go(community, starts_on=starts_on, ends_on=ends_on)
    assert BillingPeriod.objects.count() == 1


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [
        (date(2026, 1, 2), date(2026, 3, 31)),
        (date(2026, 1, 1), date(2026, 3, 30)),
        (date(2026, 4, 1), date(2026, 3, 31)),
    ],
)
def test_a_period_is_whole_months(starts_on, ends_on):
    with pytest.raises(RunRefused):
        issue(small_community(), starts_on=starts_on, ends_on=ends_on)


def test_a_period_without_anything_to_bill_is_not_issued():
    community = small_community()
    with pytest.raises(RunRefused):
        issue(community, starts_on=date(2019, 1, 1), ends_on=date(2019, 3, 31))
    assert not BillingPeriod.objects.exists()


def test_a_period_of_exceptions_only_points_to_the_preview_that_names_them():
    community = small_community()
    Occupancy.objects.all().delete()
    with pytest.raises(RunRefused, match="exceptions"), override("en"):
        issue(community)
    assert preview(community).run.exceptions.count() == 4


def test_issuing_is_told_inside_the_transaction_and_all_falls_with_a_receiver():
    community = small_community()

    def fail(run, **kwargs):
        assert run.bills.count() == 2
        raise RuntimeError("a receiver fails")

    bills_issued.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            issue(community)
    finally:
        bills_issued.disconnect(fail)
    assert not Bill.objects.exists()
    assert not BillRun.objects.filter(issued_at__isnull=False).exists()
    assert issue(community).added == 2


def test_many_chunks_come_to_the_same(monkeypatch):
    community = small_community(units=7)
    whole = preview(community).run.summary
    monkeypatch.setattr("billing.services.runs.bill_computing.FIRST_CHUNK", 1)
    monkeypatch.setattr("billing.services.runs.bill_computing.CHUNK", 2)
    assert issue(community).run.summary == whole
    assert Bill.objects.count() == 7


@pytest.mark.parametrize("state", [s for s in BillRun.State if s != "reversed"])
def test_what_issuing_does_in_each_state(state):
    community = small_community()
    run = issue(community).run if state in ("issued", "closed") else preview(community).run
    BillRun.objects.filter(pk=run.pk).update(state=state)
    expected = 0 if state in ("issued", "closed") else 2
    assert issue(community).added == expected
    assert preview(community).added == 0
    run.refresh_from_db()
    assert run.state == ("closed" if state == "closed" else "issued")


@pytest.mark.parametrize(
    "arguments",
    [
        {"--from": "2026-13"},
        {"--from": "2026-1"},
        {"--to": "0000-01"},
        {"--due": "2026-02-30"},
        {"--due": "soon"},
        {"--due": "20260215"},
        {"--due": "2025-12-31"},
        {"--to": "2029-01"},
        {"--community": "nowhere"},
        {"--from": "2026-04", "--to": "2026-03"},
    ],
)
def test_the_command_refuses_bad_arguments(arguments):
    small_community()
    good = {"--community": "small", "--from": "2026-01", "--to": "2026-03", "--due": "2026-02-15"}
    words = [word for pair in (good | arguments).items() for word in pair]
    with pytest.raises(CommandError) as refusal:
        call_command("run_billing", *words, "--json")
    assert refusal.value.returncode == 1
    assert not BillingPeriod.objects.exists()


def test_an_export_of_nothing_or_to_nowhere_is_refused(tmp_path):
    community = small_community()
    words = ["--community", "small", "--from", "2026-01", "--to", "2026-03", "--output"]
    with pytest.raises(CommandError):
        call_command("export_charges", *words, str(tmp_path / "out.csv"))
    issue(community)
    with pytest.raises(CommandError):
        call_command("export_charges", *words, str(tmp_path / "no" / "such" / "folder.csv"))
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_charges", *words, str(tmp_path / "no" / "such" / "folder.xlsx"))
    call_command("export_charges", *words, str(tmp_path / "out.xlsx"))
    assert (tmp_path / "out.xlsx").stat().st_size > 1000
