"""The page of who moves out: what is on no bill is named, read there, and asked about if odd."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from billing.models import Account, FeeItem, MeterReading, SharedCost
from billing.services.meters.readings import import_readings
from billing.services.standards.tariffs import import_tariffs
from community.models import Role
from payments.models import Clearance
from payments.services.giving_back import moving_out
from tests.billing.small import TARIFFS, issue, small_community, table
from tests.factories.community import MembershipFactory
from tests.payments.test_moving_out import pay

pytestmark = pytest.mark.django_db

DAY = date(2026, 4, 15)


@pytest.fixture
def clearance():
    """Somebody leaves in the middle of April and has paid; his meter was last read in March."""
    community = small_community(units=1)
    tariffs = (
        "自来水费,住宅,,用量,3,1,2020-01-01,,整期",
        "公摊水,住宅,,公摊户,,1,2020-01-01,,整期",
    )
    import_tariffs(source=table(TARIFFS, *tariffs), community=community)
    rows = (("2025-10-01", 80), ("2025-12-31", 100), ("2026-03-31", 120))
    import_readings(
        source=table(
            "楼栋,单元,房号,费目,抄表日期,读数",
            *(f"1,1,101,自来水费,{day},{m3}" for day, m3 in rows),
        ),
        community=community,
    )
    SharedCost.objects.create(
        fee_item=FeeItem.objects.get(name="公摊水"),
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 3, 31),
        amount=0,
    )
    issue(community)
    account = Account.objects.get()
    by = MembershipFactory(community=community, role=Role.CLERK).user
    pay(account, "789.00")
    found = moving_out.begin(account=account, day=DAY, by=by)
    pay(account, moving_out.position(account).to_pay)
    return found


@pytest.fixture
def clerk(client, clearance):
    client.force_login(clearance.opened_by)
    return client


def url(clearance, name, *args):
    return reverse(f"payments:{name}", args=[clearance.community.code, clearance.pk, *args])


def reading(clearance):
    return url(clearance, "read_at_the_end", FeeItem.objects.get(name="自来水费").pk)


def page_of(client, clearance):
    answer = client.get(url(clearance, "clearance"))
    assert answer.status_code == 200
    return answer


def test_it_is_named_with_the_last_figure_and_there_is_no_button_for_the_note(clerk, clearance):
    page = page_of(clerk, clearance)
    (row, cost) = page.context["left_out"]
    assert (row.left.item.name, row.last.shown.value, row.typed) == ("自来水费", 120, "")
    assert cost.left.item.name == "公摊水"
    shown = page.content.decode()
    assert 'data-left-out="not_read"' in shown
    assert 'data-left-out="cost_to_come"' in shown
    assert f'action="{reading(clearance)}' in shown
    assert f'action="{url(clearance, "clear")}"' not in shown
    clerk.post(url(clearance, "clear"))
    assert Clearance.objects.get().state == "open"


def test_an_odd_figure_comes_back_with_the_question_and_is_taken_when_sure(clerk, clearance):
    answer = clerk.post(reading(clearance), {"value": "110"})
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert 'data-doubt="below_last"' in shown
    assert 'value="110"' in shown
    assert not MeterReading.objects.filter(read_on__gt=DAY).exists()
    # Sure of another figure than the one that was asked about.
    assert clerk.post(reading(clearance), {"value": "109", "sure": "110"}).status_code == 422
    assert clerk.post(reading(clearance), {"value": "110", "sure": "110"}).status_code == 302


@pytest.mark.parametrize("wrong", ["", "zwölf", "-1", "1.2345", "9" * 20, "1" * 99])
def test_what_is_no_figure_is_said_and_stays_as_typed(clerk, clearance, wrong):
    answer = clerk.post(reading(clearance), {"value": wrong})
    assert answer.status_code == 422
    row = answer.context["left_out"][0]
    assert row.error
    assert row.typed == wrong[:30]


def test_read_and_paid_the_note_is_given_out(clerk, clearance):
    assert clerk.post(reading(clearance), {"value": "１２４"}).status_code == 302
    page = page_of(clerk, clearance)
    assert [row.left.why.value for row in page.context["left_out"]] == ["cost_to_come"]
    assert page.context["position"].to_pay == Decimal("12.00")
    pay(clearance.account, "12.00")
    clerk.post(url(clearance, "clear"))
    assert Clearance.objects.get().state == "cleared"
    assert clerk.post(reading(clearance), {"value": "125"}).status_code == 302
    assert MeterReading.objects.filter(value=124).exists()


def test_accepted_with_a_reason(clerk, clearance):
    clerk.post(url(clearance, "accept_left_out"), {"reason": " "})
    assert Clearance.objects.get().accepted == []
    clerk.post(url(clearance, "accept_left_out"), {"reason": "水表井被淹"})
    assert "水表井被淹" in page_of(clerk, clearance).content.decode()
    clerk.post(url(clearance, "clear"))
    assert Clearance.objects.get().snapshot["left_out_reason"] == "水表井被淹"
    assert clerk.post(url(clearance, "accept_left_out"), {"reason": "?"}).status_code == 302


def test_an_item_without_a_meter_takes_no_reading(clerk, clearance):
    item = FeeItem.objects.get(name="物业服务费")
    answer = clerk.post(url(clearance, "read_at_the_end", item.pk), {"value": "1"})
    assert answer.status_code == 404


def test_questions_to_the_database_do_not_grow(clerk, clearance, django_assert_max_num_queries):
    page_of(clerk, clearance)
    with django_assert_max_num_queries(50):
        page_of(clerk, clearance)
