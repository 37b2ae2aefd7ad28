"""Late facts and wrong runs: what was billed is put right, to the fen, and nothing else moves."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import transaction

from billing.models import (
    Account,
    Adjustment,
    Bill,
    BillingPeriod,
    BillRun,
    Charge,
    CreditEntry,
    FeeItem,
    RunChange,
    Tariff,
)
from billing.services.accounts.adjustment_requests import request_adjustment
from billing.services.accounts.adjustments import approve
from billing.services.accounts.posting import allocate, post_credit
from billing.services.runs.bill_run import RunRefused
from billing.services.runs.corrections import bill_unit_until, preview_correction
from billing.services.runs.periods import close_run
from billing.services.runs.reversal import reverse_run
from billing.services.runs.run_approval import issue_previewed
from billing.services.standards.shared_costs import import_shared_costs
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Unit, Vacancy
from community.services.transfers import import_transfers
from community.services.vacancies import import_vacancies
from core import books
from tests.factories.community import UserFactory

from .small import Q2, TARIFFS, issue, small_community, table

pytestmark = pytest.mark.django_db

VACANCIES = "楼栋,单元,房号,空置起,空置止"
TRANSFERS = "楼栋,单元,房号,过户日期,新业主姓名,手机号"


def standing(community: Community) -> list[tuple[str, str, str, str]]:
    """What stands: payer, item, days, amount."""
    fields = ("account__party__name", "fee_item__name", "starts_on", "ends_on", "amount")
    found = Charge.objects.filter(account__community=community).standing()
    return sorted(
        (name, item, f"{a:%m%d}-{b:%m%d}", str(amount))
        for name, item, a, b, amount in found.values_list(*fields)
    )


def correct(run: BillRun, **asked) -> BillRun | None:
    """Preview the correction of a run and issue it."""
    correction = preview_correction(run=run, **asked)
    if correction is None:
        return None
    correction.exceptions.update(accepted_at="2026-01-01T00:00Z", accepted_by=UserFactory.create())
    return issue_previewed(run=correction, by=UserFactory.create()).run


def pay(bill: Bill, amount: str) -> CreditEntry:
    with transaction.atomic():
        entry = post_credit(
            account=bill.account,
            kind=CreditEntry.Kind.OPENING,
            amount=Decimal(amount),
            value_date=bill.due_on,
        )
        allocate(credit_entry=entry, bill_ids=[bill.pk])
    return entry


def balances(community: Community) -> dict[str, tuple[Decimal, Decimal]]:
    """What each payer owes, and his credit."""
    accounts = Account.objects.filter(community=community).with_balance()
    return {a.party.name: (a.owed, a.credit) for a in accounts.select_related("party")}


@pytest.fixture(autouse=True)
def _books_hold(db):
    yield
    assert books.verify().breaks == []


def test_a_late_transfer_moves_the_days_to_the_new_owner():
    community = small_community(units=2)
    run = issue(community).run
    old = Bill.objects.get(account__party__name="业主0")
    pay(old, "729.00")
    import_transfers(source=table(TRANSFERS, "1,1,101,2026-03-01,新业主,"), community=community)

    correction = correct(run)

    assert correction.period == run.period
    assert standing(community) == [
        ("业主0", "物业服务费", "0101-0228", "470.00"),
        ("业主0", "生活垃圾清运费", "0101-0228", "16.00"),
        ("业主1", "物业服务费", "0101-0331", "705.00"),
        ("业主1", "生活垃圾清运费", "0101-0331", "24.00"),
        ("新业主", "物业服务费", "0301-0331", "235.00"),
        ("新业主", "生活垃圾清运费", "0301-0331", "8.00"),
    ]
    assert balances(community) == {
        "业主0": (0, Decimal("243.00")),
        "业主1": (Decimal("729.00"), 0),
        "新业主": (Decimal("243.00"), 0),
    }
    changes = {c.party.name: (c.before, c.after, c.why) for c in RunChange.objects.all()}
    assert changes == {
        "业主0": (Decimal("729.00"), Decimal("486.00"), "payer,days"),
        "新业主": (0, Decimal("243.00"), "payer"),
    }
    assert correct(run) is None, "corrected once, nothing is left to correct"


def test_an_untouched_line_keeps_its_payment():
    community = small_community(units=1)
    run = issue(community).run
    pay(Bill.objects.get(), "705.00")
    source = table(VACANCIES, "1,1,101,2026-01-01,2026-03-31")
    import_vacancies(source=source, community=community)
    correct(run)
    assert standing(community) == [
        ("业主0", "物业服务费", "0101-0331", "493.50"),
        ("业主0", "生活垃圾清运费", "0101-0331", "0.00"),
    ]
    assert balances(community) == {"业主0": (0, Decimal("211.50"))}
    assert [c.why for c in RunChange.objects.all()] == ["vacancy"]


def test_a_line_of_0_is_taken_back_too():
    community = small_community(units=1)
    Tariff.objects.filter(method="area").delete()
    source = table(VACANCIES, "1,1,101,2026-01-01,2026-03-31")
    import_vacancies(source=source, community=community)
    run = issue(community).run
    Vacancy.objects.all().delete()
    correct(run)
    assert standing(community) == [("业主0", "生活垃圾清运费", "0101-0331", "24.00")]
    bill = Bill.objects.with_reversed().order_by("id").first()
    assert bill.is_reversed


def test_a_correction_of_some_units_leaves_the_others():
    community = small_community(units=3)
    run = issue(community).run
    Unit.objects.update(area=50)
    one = Unit.objects.get(room="102")
    correction = correct(run, unit_ids=[one.pk])
    assert [c.unit for c in correction.changes.all()] == [one]
    assert [c.why for c in correction.changes.all()] == ["area"]
    assert correction.summary["taken_back"] == {"lines": 1, "amount": "705.00"}
    assert correct(run).changes.count() == 2


def test_a_shared_cost_stays_shared_to_the_fen():
    community = small_community(units=3)
    tariff = "公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期"
    import_tariffs(source=table(TARIFFS, tariff), community=community)
    cost = table("费目,楼栋,起,止,金额", "公共照明分摊,,2026-01-01,2026-03-31,100.00")
    import_shared_costs(source=cost, community=community)
    run = issue(community).run
    one = Unit.objects.get(room="102")
    one.area = Decimal("77.77")
    one.save()
    correction = correct(run, unit_ids=[one.pk])
    shares = Charge.objects.standing().filter(fee_item__name="公共照明分摊")
    assert sum(share.amount for share in shares) == 100
    assert correction.changes.count() == 3
    assert Charge.objects.standing().filter(fee_item__name="物业服务费", amount=705).count() == 2


def test_a_tariff_that_ended_earlier_is_taken_back_from_there():
    community = small_community(units=1)
    run = issue(community).run
    Tariff.objects.filter(method="area").update(ends_on=date(2026, 1, 31))
    correct(run)
    assert standing(community)[0] == ("业主0", "物业服务费", "0101-0131", "235.00")


def test_what_cannot_be_computed_any_more_stays_and_is_named():
    community = small_community(units=1)
    run = issue(community).run
    Unit.objects.update(area=0)
    Tariff.objects.filter(method="household").update(ends_on=date(2026, 1, 31))
    correction = correct(run)
    assert [line[1:] for line in standing(community)] == [
        ("物业服务费", "0101-0331", "705.00"),
        ("生活垃圾清运费", "0101-0131", "8.00"),
    ]
    assert [each.reason for each in correction.exceptions.all()] == ["cannot_compute"]


def test_an_item_that_is_billed_afterwards_from_now_on_is_not_billed_twice():
    community = small_community(units=1)
    run = issue(community).run
    FeeItem.objects.filter(name="生活垃圾清运费").update(in_arrears=True)
    assert correct(run) is None, "the run is compared as it was computed"
    issue(community, **Q2)
    later = {"starts_on": date(2026, 7, 1), "ends_on": date(2026, 9, 30)}
    issue(community, **later, due_on=date(2026, 8, 15))
    lines = [line[2] for line in standing(community) if line[1] == "生活垃圾清运费"]
    assert lines == ["0101-0331", "0401-0630"]


def test_after_closing_a_correction_lands_in_the_open_period_and_points_back():
    community = small_community(units=1)
    run = issue(community).run
    later = issue(community, **Q2).run
    close_run(run=run)
    Unit.objects.update(area=50)
    correction = correct(run)
    assert (correction.period, correction.corrects) == (later.period, run)
    assert standing(community)[0][3] == "352.50"
    with pytest.raises(RunRefused):
        reverse_run(run=run, by=None, reason="wrong")
    run.refresh_from_db()
    assert run.state == BillRun.State.CLOSED


def test_a_correction_of_a_closed_period_finds_a_period_of_its_own():
    community = small_community(units=1)
    run = issue(community).run
    close_run(run=run)
    Unit.objects.update(area=50)
    correction = correct(run)
    assert correction.period.starts_on > run.period.ends_on
    assert not correction.period.issued_at
    assert issue(community, **Q2).added == 1


class TestReversal:
    def test_a_wrong_run_is_taken_back_and_billed_anew(self):
        community = small_community(units=2)
        run = issue(community).run
        paid = Bill.objects.get(account__party__name="业主0")
        pay(paid, "700.00")
        assert reverse_run(run=run, by=None, reason="price") == 4
        assert not standing(community)
        assert balances(community)["业主0"] == (0, Decimal("700.00"))
        assert reverse_run(run=run, by=None, reason="again") == 0
        assert all(Bill.objects.with_reversed().values_list("is_reversed", flat=True))

        Unit.objects.update(area=60)
        again = issue(community)
        assert again.added == 2
        assert again.run != run
        assert balances(community)["业主0"] == (0, Decimal("253.00"))
        assert balances(community)["业主1"] == (Decimal("447.00"), 0)

    def test_a_reversed_period_may_be_billed_in_other_months(self):
        community = small_community(units=1)
        reverse_run(run=issue(community).run, by=None, reason="should be monthly")
        january = {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 1, 31)}
        assert issue(community, **january).added == 1

    def test_its_corrections_fall_with_it(self):
        community = small_community(units=1)
        run = issue(community).run
        Unit.objects.update(area=50)
        correction = correct(run)
        reverse_run(run=run, by=None, reason="all wrong")
        correction.refresh_from_db()
        assert correction.state == BillRun.State.REVERSED
        assert not standing(community)

    def test_a_reason_is_asked_for(self):
        run = issue(small_community(units=1)).run
        with pytest.raises(RunRefused):
            reverse_run(run=run, by=None, reason=" ")

    def test_a_waiver_falls_with_its_line(self):
        community = small_community(units=1)
        run = issue(community).run
        charge = Charge.objects.first()
        asked = request_adjustment(
            kind=Adjustment.Kind.WAIVER,
            amount=Decimal("5.00"),
            charge=charge,
            reason="lift out of order",
            by=UserFactory.create(),
            form_token=uuid4(),
            evidence_note="log of the lift",
        )
        approve(adjustment=asked, by=UserFactory.create())
        entry = CreditEntry.objects.get(kind=CreditEntry.Kind.WAIVER)
        reverse_run(run=run, by=None, reason="wrong")
        assert balances(community) == {"业主0": (0, 0)}
        assert entry.reversed_by.amount == -5


def test_money_of_a_line_that_is_gone_settles_what_else_is_owed():
    community = small_community(units=1)
    run = issue(community).run
    pay(Bill.objects.get(), "729.00")
    issue(community, **Q2)
    Tariff.objects.filter(method="household").update(ends_on=date(2025, 12, 31))
    correct(run)
    # 24.00 of the first quarter, with nothing in its place: it is not left lying as credit.
    assert balances(community) == {"业主0": (Decimal("705.00"), 0)}


class TestMovingOut:
    DAY = date(2026, 2, 10)

    def leave(self, community: Community) -> list[BillRun]:
        unit = Unit.objects.get(community=community, room="101")
        return bill_unit_until(unit=unit, day=self.DAY, by=None)

    def test_an_issued_period_is_given_back_from_the_day_after(self):
        community = small_community(units=2)
        run = issue(community).run
        pay(Bill.objects.get(account__party__name="业主0"), "729.00")
        (final,) = self.leave(community)
        assert (final.kind, final.corrects) == (BillRun.Kind.CORRECTION, run)
        assert [line for line in standing(community) if line[0] == "业主0"] == [
            ("业主0", "物业服务费", "0101-0210", "318.93"),
            ("业主0", "生活垃圾清运费", "0101-0210", "10.86"),
        ]
        assert balances(community)["业主0"] == (0, Decimal("729.00") - Decimal("329.79"))
        assert self.leave(community) == []

    def test_a_period_to_come_is_billed_in_advance_and_left_out_later(self):
        community = small_community(units=2)
        (final,) = self.leave(community)
        assert final.kind == BillRun.Kind.FINAL
        assert self.leave(community) == []
        early = standing(community)
        assert [line[2] for line in early] == ["0101-0210", "0101-0210"]
        import_transfers(source=table(TRANSFERS, "1,1,101,2026-02-11,新业主,"), community=community)
        done = issue(community)
        assert done.added == 2, "the one who came, and the neighbour"
        assert BillingPeriod.objects.get().runs.count() == 2
        assert set(early) < set(standing(community))
        assert len(standing(community)) == 6

    def test_whoever_stays_after_all_is_billed_the_whole(self):
        community = small_community(units=1)
        self.leave(community)
        issue(community)
        assert [line[2:] for line in standing(community)] == [
            ("0101-0331", "705.00"),
            ("0101-0331", "24.00"),
        ]
        assert balances(community) == {"业主0": (Decimal("729.00"), 0)}
