"""Who moves out is never told that all is settled while his water is on no bill."""

from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.db import IntegrityError, transaction
from pypdf import PdfReader

from billing.models import Account, Charge, FeeItem, MeterReading, SharedCost
from billing.services.meters.meter_entries import EntryRefused, Odd
from billing.services.meters.readings import import_readings
from billing.services.standards.shared_costs import enter_cost
from billing.services.standards.tariffs import import_tariffs
from community.models import today
from community.services import moving
from core import books
from payments.documents import clearance_pdf
from payments.models import Clearance
from payments.services.giving_back import moving_out
from payments.services.giving_back.left_out import NothingLeftOut, accept, read_at_the_end
from tests.billing.small import Q2, TARIFFS, issue, small_community, table
from tests.factories.community import StaffUserFactory
from tests.payments.printed import text_of
from tests.payments.test_moving_out import pay

pytestmark = pytest.mark.django_db

DAY = date(2026, 4, 15)
READINGS = "楼栋,单元,房号,费目,抄表日期,读数"


@pytest.fixture
def by():
    return StaffUserFactory.create()


@pytest.fixture
def account():
    """Billed for the first quarter, water too: 20 m³ up to its last day, at 3 yuan."""
    community = small_community()
    water = "自来水费,住宅,,用量,3,1,2020-01-01,,整期"
    import_tariffs(source=table(TARIFFS, water), community=community)
    rows = (f"1,1,{n},自来水费,{day},{m3}" for n in (101, 102) for day, m3 in REGULAR)
    import_readings(source=table(READINGS, *rows), community=community)
    issue(community)
    account = Account.objects.get(unit__code="1-1-101")
    pay(account, "789.00")
    return account


REGULAR = (("2025-10-01", 80), ("2025-12-31", 100), ("2026-03-31", 120))


def water():
    return FeeItem.objects.get(name="自来水费")


def begun(account, by, day=DAY):
    clearance = moving_out.begin(
        account=account, day=day, by=by, successor=moving.Successor("李四")
    )
    pay_all(account)
    return clearance


def pay_all(account):
    if to_pay := moving_out.position(account).to_pay:
        pay(account, to_pay)


def named(clearance):
    clearance.refresh_from_db()
    return [
        (one.item.name, one.starts_on, one.ends_on, one.why.value)
        for one in moving_out.standing(clearance).left_out
    ]


def test_no_note_while_the_meter_is_not_read(account, by):
    clearance = begun(account, by)
    assert named(clearance) == [("自来水费", date(2026, 3, 31), DAY, "not_read")]
    with pytest.raises(moving_out.NotClear) as refused:
        moving_out.clear(clearance.pk, by=by)
    assert not refused.value.position.to_pay
    clearance.refresh_from_db()
    assert (clearance.state, clearance.snapshot) == ("open", {})


def test_what_is_read_is_billed_at_once_and_the_next_pays_the_rest(account, by):
    clearance = begun(account, by)
    taken = read_at_the_end(clearance.pk, item=water(), value=Decimal(124), by=by)
    assert taken.saved
    assert MeterReading.objects.filter(read_on=DAY + timedelta(days=1), value=124).count() == 1
    assert named(clearance) == []
    assert moving_out.position(account).to_pay == Decimal("12.00")
    pay_all(account)
    done = moving_out.clear(clearance.pk, by=by)
    assert (done.state, done.snapshot["left_out"]) == ("cleared", [])
    import_readings(
        source=table(
            READINGS, "1,1,101,自来水费,2026-06-30,130", "1,1,102,自来水费,2026-06-30,130"
        ),
        community=account.community,
    )
    issue(account.community, **Q2)
    used = Charge.objects.filter(fee_item=water(), starts_on__gte=date(2026, 4, 1))
    here = used.filter(account__unit=account.unit).order_by("pk")
    assert list(here.values_list("account__party__name", "quantity")) == [
        ("业主0", Decimal(4)),
        ("李四", Decimal(6)),
    ]
    assert moving_out.position(account).is_clear
    assert books.verify().breaks == []


def test_a_reading_of_the_meter_sheet_is_billed_before_the_note(account, by):
    clearance = begun(account, by)
    row = f"1,1,101,自来水费,{DAY + timedelta(days=1)},124"
    import_readings(source=table(READINGS, row), community=account.community)
    with pytest.raises(moving_out.NotClear) as refused:
        moving_out.clear(clearance.pk, by=by)
    assert refused.value.position.to_pay == Decimal("12.00")
    pay_all(account)
    assert moving_out.clear(clearance.pk, by=by).state == "cleared"


def test_an_odd_figure_is_asked_about_and_nothing_is_written(account, by):
    clearance = begun(account, by)
    readings = MeterReading.objects.count()
    for value, odd in ((110, Odd.BELOW_LAST), (900, Odd.HIGH)):
        taken = read_at_the_end(clearance.pk, item=water(), value=Decimal(value), by=by)
        assert [doubt.odd for doubt in taken.doubts] == [odd]
    assert MeterReading.objects.count() == readings
    assert read_at_the_end(clearance.pk, item=water(), value=Decimal(110), by=by, sure=True).saved
    # The figure is kept, and still nothing can be billed by it.
    assert [why for *_days, why in named(clearance)] == ["backward"]


def test_days_within_a_period_that_is_billed_ask_no_question_of_that(account, by):
    clearance = begun(account, by, day=date(2026, 2, 14))
    assert named(clearance) == [("自来水费", date(2025, 12, 31), date(2026, 2, 14), "not_read")]
    assert read_at_the_end(clearance.pk, item=water(), value=Decimal(110), by=by).saved
    # 20 m³ were billed to him, 10 are his; of the rest of the quarter nothing is.
    his = Decimal("364.50") + Decimal("30.00")
    assert moving_out.position(account).refundable == Decimal("789.00") - his


def test_at_a_periods_end_the_reading_of_its_last_day_is_his(account, by):
    clearance = begun(account, by, day=date(2026, 3, 31))
    assert named(clearance) == []
    clearance = begun(Account.objects.get(unit__code="1-1-102"), by, day=date(2026, 6, 30))
    assert named(clearance) == [("自来水费", date(2026, 3, 31), date(2026, 6, 30), "not_read")]
    read_at_the_end(clearance.pk, item=water(), value=Decimal(125), by=by)
    assert MeterReading.objects.filter(read_on=date(2026, 6, 30), value=125).exists()
    assert named(clearance) == []


def test_a_meter_read_on_the_morning_after_a_periods_end_is_his_too(account, by):
    clearance = begun(account, by, day=date(2026, 6, 30))
    row = "1,1,101,自来水费,2026-07-01,124"
    import_readings(source=table(READINGS, row), community=account.community)
    assert named(clearance) == []
    with pytest.raises(moving_out.NotClear) as refused:
        moving_out.clear(clearance.pk, by=by)
    assert refused.value.position.to_pay == Decimal("12.00")


def test_on_the_last_day_itself_it_can_be_read_and_before_it_not(account, by):
    clearance = begun(account, by, day=today())
    # Far from the last figure: whoever read it is sure.
    sure = {"item": water(), "value": Decimal(124), "by": by, "sure": True}
    assert read_at_the_end(clearance.pk, **sure).saved
    other = Account.objects.get(unit__code="1-1-102")
    clearance = moving_out.begin(account=other, day=today() + timedelta(days=2), by=by)
    with pytest.raises(EntryRefused):
        read_at_the_end(clearance.pk, **sure)


def test_somebody_accepts_with_a_reason_and_the_note_says_it(account, by):
    clearance = begun(account, by)
    for nothing in ("", "  "):
        with pytest.raises(NothingLeftOut):
            accept(clearance.pk, by=by, reason=nothing)
    accept(clearance.pk, by=by, reason="水表井被淹，无法抄表")
    done = moving_out.clear(clearance.pk, by=by)
    assert done.state == "cleared"
    assert done.snapshot["left_out"] == [
        {"item": "自来水费", "from": "2026-03-31", "to": "2026-04-15", "why": "not_read"}
    ]
    assert len(PdfReader(BytesIO(clearance_pdf(done))).pages) == 1
    text = "".join(text_of(clearance_pdf(done)).split())
    for word in ("自来水费", "2026-03-31–2026-04-15", "水表井被淹，无法抄表"):
        assert word in text
    assert books.verify().breaks == []


def test_what_was_accepted_is_no_leave_for_anything_else(account, by):
    clearance = begun(account, by)
    accept(clearance.pk, by=by, reason="无法抄表")
    gas = "燃气费,住宅,,用量,3,1,2020-01-01,,整期"
    import_tariffs(source=table(TARIFFS, gas), community=account.community)
    with pytest.raises(moving_out.NotClear):
        moving_out.clear(clearance.pk, by=by)


@pytest.mark.parametrize(
    "wrong", [{"accepted_reason": ""}, {"accepted_by": None}, {"accepted_at": None}]
)
def test_the_database_wants_a_reason_and_a_name(account, by, wrong):
    clearance = begun(account, by)
    accept(clearance.pk, by=by, reason="无法抄表")
    with pytest.raises(IntegrityError), transaction.atomic():
        Clearance.objects.update(**wrong)


RULE = "payments.a_note_leaves_out_what_was_accepted"


def test_the_books_know_a_note_that_left_out_what_nobody_accepted(account, by):
    clearance = begun(account, by)
    accept(clearance.pk, by=by, reason="无法抄表")
    moving_out.clear(clearance.pk, by=by)
    Clearance.objects.update(
        accepted=[{"item": "燃气费", "from": "2026-03-31", "to": "2026-04-15", "why": "not_read"}]
    )
    (broken,) = books.verify().breaks
    assert broken.rule == RULE


# --- shared costs --------------------------------------------------------------------------


def light(account, starts_on, ends_on):
    return enter_cost(
        item=FeeItem.objects.get(name="公共照明分摊"),
        building=None,
        starts_on=starts_on,
        ends_on=ends_on,
        amount=Decimal("300.00"),
        note="",
        by=StaffUserFactory.create(),
    )


@pytest.fixture
def sharing(account):
    pool = "公共照明分摊,住宅,,公摊户,,1,2020-01-01,,整期"
    import_tariffs(source=table(TARIFFS, pool), community=account.community)
    SharedCost.objects.create(
        fee_item=FeeItem.objects.get(name="公共照明分摊"),
        starts_on=date(2026, 3, 1),
        ends_on=date(2026, 3, 31),
        amount=Decimal("0.00"),
    )
    return account


def of_light(clearance):
    return [each[1:] for each in named(clearance) if each[0] == "公共照明分摊"]


def test_a_months_cost_that_is_not_recorded_is_his_and_a_running_months_is_not(sharing, by):
    clearance = begun(sharing, by, day=date(2026, 5, 14))
    read_at_the_end(clearance.pk, item=water(), value=Decimal(124), by=by)
    pay_all(sharing)
    assert of_light(clearance) == [(date(2026, 4, 1), date(2026, 5, 14), "no_cost")]
    with pytest.raises(moving_out.NotClear):
        moving_out.clear(clearance.pk, by=by)
    light(sharing, date(2026, 4, 1), date(2026, 4, 30))
    assert of_light(clearance) == [(date(2026, 5, 1), date(2026, 5, 14), "cost_to_come")]
    with pytest.raises(moving_out.NotClear) as refused:
        moving_out.clear(clearance.pk, by=by)
    # Half of it, between two units.
    assert refused.value.position.to_pay == Decimal("150.00")
    pay_all(sharing)
    # Whoever pays when May's cost ends bears it: the note says so, and nobody has to accept it.
    done = moving_out.clear(clearance.pk, by=by)
    assert [one["why"] for one in done.snapshot["left_out"]] == ["cost_to_come"]
    assert done.snapshot["left_out_reason"] == ""


def test_a_cost_that_ends_later_is_known_to_be_the_next_payers(sharing, by):
    light(sharing, date(2026, 4, 1), date(2026, 6, 30))
    assert of_light(begun(sharing, by)) == []
