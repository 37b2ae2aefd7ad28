"""A shared cost that nobody recorded is an exception of the run: a forgotten electricity bill."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils.translation import gettext

from billing.models import BillRun, FeeItem, RunException, SharedCost
from billing.services.runs.corrections import bill_unit_until, preview_correction
from billing.services.runs.run_approval import accept_exceptions, issue_previewed
from billing.services.runs.run_states import RunRefused
from billing.services.standards.tariffs import import_tariffs
from billing.views.mending import mend_urls
from community.models import Building, Community, Role, Unit
from community.services.register import import_register
from tests.factories.community import MembershipFactory, StaffUserFactory

from .small import Q2, REGISTER, TARIFFS, issue, preview, small_community, table

pytestmark = pytest.mark.django_db

POOL = "公共照明分摊"
FOREVER = "2020-01-01,"


def with_pool(dates: str = FOREVER, method: str = "公摊户", price: str = "") -> Community:
    community = small_community()
    row = f"{POOL},住宅,,{method},{price},1,{dates},整期"
    import_tariffs(source=table(TARIFFS, row), community=community)
    return community


def cost(starts_on: date, ends_on: date, building: str = "") -> SharedCost:
    return SharedCost.objects.create(
        fee_item=FeeItem.objects.get(name=POOL),
        building=Building.objects.get(code=building) if building else None,
        starts_on=starts_on,
        ends_on=ends_on,
        amount=Decimal("90.00"),
    )


def missing(community: Community, **period: object) -> list[str]:
    run = preview(community, **period).run
    found = run.exceptions.filter(reason="no_cost", unit=None, fee_item__name=POOL)
    assert found.count() == run.exceptions.count()
    return list(found.values_list("detail", flat=True))


def test_it_has_to_be_entered_or_accepted() -> None:
    community = with_pool()
    by = StaffUserFactory.create()
    run = preview(community).run
    (exception,) = run.exceptions.all()
    assert (exception.unit, exception.fee_item.name, exception.reason, exception.detail) == (
        *(None, POOL, "no_cost"),
        "2026-01 – 2026-03",
    )
    assert "shared-costs" in mend_urls(community, [exception])[exception.pk]
    with pytest.raises(RunRefused):
        issue_previewed(run=run, by=by)
    cost(date(2026, 1, 1), date(2026, 3, 31))
    assert missing(community) == []
    issue_previewed(run=run, by=by)
    run = preview(community, **Q2).run
    assert accept_exceptions(run=run, by=by, reason="no_cost", note="停用") == 1
    issue_previewed(run=run, by=by)


@pytest.mark.parametrize(
    ("days", "named"),
    [
        ([], ["2026-01 – 2026-03"]),
        ([(date(2026, 1, 1), date(2026, 1, 31))], ["2026-02 – 2026-03"]),
        ([(date(2026, 2, 1), date(2026, 2, 28))], ["2026-01, 2026-03"]),
        # From meter to meter: each month has one that touches it.
        ([(date(2025, 12, 15), date(2026, 2, 14)), (date(2026, 2, 15), date(2026, 3, 14))], []),
        # Known, though due later.
        ([(date(2026, 1, 1), date(2026, 6, 30))], []),
    ],
)
def test_the_months_that_lack_one_are_named(
    days: list[tuple[date, date]], named: list[str]
) -> None:
    community = with_pool()
    for starts_on, ends_on in days:
        cost(starts_on, ends_on)
    assert missing(community) == named


@pytest.mark.parametrize(
    ("dates", "named"),
    [
        ("2020-01-01,2025-12-31", []),
        ("2026-04-01,", []),
        ("2020-01-01,2026-01-15", ["2026-01"]),
        ("2026-03-31,", ["2026-03"]),
    ],
)
def test_only_days_on_which_the_standard_is_in_force_count(dates: str, named: list[str]) -> None:
    assert missing(with_pool(dates)) == named


def test_a_cost_of_days_on_which_it_was_not_shared_is_not_that_months() -> None:
    community = with_pool("2026-03-16,")
    cost(date(2026, 3, 1), date(2026, 3, 10))
    found = RunException.objects.filter(run=preview(community).run)
    assert "2026-03" in list(found.values_list("detail", flat=True))


def of_three_buildings() -> Community:
    """Dwellings in buildings 1 and 2, a shop that shares nothing in building 3."""
    community = with_pool()
    rows = (
        "2,1,201,住宅,80,2020-01-01,业主二,,",
        "3,,S1,商铺,80,2020-01-01,业主三,,",
    )
    import_register(source=table(REGISTER, *rows), community_code=community.code)
    return community


def told(run: BillRun) -> list[tuple[str | None, str]]:
    """For which buildings a cost is missing, and of which months."""
    found = run.exceptions.filter(reason="no_cost").order_by("building__code")
    return list(found.values_list("building__code", "detail"))


QUARTER = date(2026, 1, 1), date(2026, 3, 31)


@pytest.mark.parametrize(
    ("costs", "named"),
    [
        ([], [(None, "2026-01 – 2026-03")]),
        ([(*QUARTER, "1")], [("2", "2026-01 – 2026-03")]),
        ([(*QUARTER, "1"), (*QUARTER, "2")], []),
        ([(*QUARTER, "1"), (*QUARTER, "")], []),
        (
            [(*QUARTER, "1"), (date(2026, 1, 1), date(2026, 2, 28), "2")],
            [("2", "2026-03")],
        ),
        (
            [
                (date(2026, 1, 1), date(2026, 1, 31), "1"),
                (date(2026, 2, 1), date(2026, 2, 28), "2"),
            ],
            [("1", "2026-02 – 2026-03"), ("2", "2026-01, 2026-03")],
        ),
        ([(*QUARTER, "3")], [(None, "2026-01 – 2026-03")]),
    ],
)
def test_a_cost_of_one_building_does_not_hide_that_anothers_is_missing(
    costs: list[tuple[date, date, str]], named: list[tuple[str | None, str]]
) -> None:
    community = of_three_buildings()
    for one in costs:
        cost(*one)
    assert told(preview(community).run) == named


def test_a_building_shares_from_its_first_handover_on() -> None:
    community = of_three_buildings()
    cost(*QUARTER, "1")
    Unit.objects.filter(room="201").update(handover_date=date(2026, 3, 31))
    assert told(preview(community).run) == [("2", "2026-03")]
    Unit.objects.filter(room="201").update(handover_date=date(2026, 4, 1))
    assert told(preview(community).run) == []


def test_what_is_accepted_of_one_building_is_not_accepted_of_another() -> None:
    community = of_three_buildings()
    run = preview(community).run
    by = StaffUserFactory.create()
    accept_exceptions(run=run, by=by, reason="no_cost", note="停用")
    known = cost(*QUARTER, "1")
    run = preview(community).run
    assert [each.accepted_at for each in run.exceptions.filter(reason="no_cost")] == [None]
    accept_exceptions(run=run, by=by, reason="no_cost", note="无电梯")
    run = preview(community).run
    assert [each.note for each in run.exceptions.filter(reason="no_cost")] == ["无电梯"]
    SharedCost.objects.filter(pk=known.pk).update(building=Building.objects.get(code="2"))
    run = preview(community).run
    assert told(run) == [("1", "2026-01 – 2026-03")]
    assert not run.exceptions.filter(accepted_at__isnull=False, reason="no_cost").exists()


def test_the_page_and_the_command_name_the_building(client: Client) -> None:
    community = of_three_buildings()
    cost(*QUARTER, "1")
    run = preview(community).run
    client.force_login(MembershipFactory.create(community=community, role=Role.MANAGER).user)
    page = client.get(reverse("billing:run", args=[community.code, run.pk])).content.decode()
    exception = run.exceptions.get(reason="no_cost")
    row = page.partition(f'data-exception="{exception.pk}"')[2].partition("</tr>")[0]
    named = gettext("Building %(building)s") % {"building": "2"}
    assert named in row
    out = StringIO()
    months = ("--from", "2026-01", "--to", "2026-03", "--due", "2026-02-15", "--preview")
    call_command("run_billing", "--community", community.code, *months, stdout=out)
    assert any(line.startswith(f"{named} {POOL}") for line in out.getvalue().splitlines())
    out = StringIO()
    call_command("run_billing", "--community", community.code, *months, "--json", stdout=out)
    told_of = [each["building"] for each in json.loads(out.getvalue())["exceptions"]]
    assert told_of.count("2") == 1


def test_what_is_charged_once_or_by_days_lacks_no_cost() -> None:
    assert missing(with_pool(method="一次性", price="20", dates="2026-02-01,")) == []


def test_an_item_in_arrears_is_asked_for_the_months_before() -> None:
    community = with_pool()
    FeeItem.objects.filter(name=POOL).update(in_arrears=True)
    assert missing(community) == ["2025-10 – 2025-12"]
    cost(date(2025, 10, 1), date(2025, 12, 31))
    assert missing(community) == []


def test_corrections_and_final_bills_are_about_what_is_known() -> None:
    community = with_pool()
    run = issue(community).run
    assert run.exceptions.count() == 1
    unit = Unit.objects.get(code="1-1-101")
    by = StaffUserFactory.create()
    runs = bill_unit_until(unit=unit, day=date(2026, 4, 15), by=by)
    assert [final.exceptions.count() for final in runs] == [0]
    Unit.objects.filter(code="1-1-102").update(area=110)
    correction = preview_correction(run=run)
    assert correction is not None
    assert correction.exceptions.count() == 0
