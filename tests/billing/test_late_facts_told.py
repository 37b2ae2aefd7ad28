"""Corrections that are due are told where somebody sees them: pages of runs, meters and units."""

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from billing.models import BillRun, LateFact, Meter, MeterReading
from billing.services.runs.corrections import preview_correction
from billing.services.runs.periods import close_run
from community.models import Community, Role, Unit
from community.services.transfers import import_transfers
from tests.factories.community import MembershipFactory

from .small import Q2, issue, preview, small_community, table
from .test_late_facts import TRANSFERS, metered

pytestmark = pytest.mark.django_db


class Office:
    """A metered community whose first quarter is billed, and somebody who looks at its pages."""

    def __init__(self, client: Client, role: Role = Role.MANAGER) -> None:
        self.community: Community = metered(in_arrears=False)
        self.run: BillRun = issue(self.community).run
        self.client = client
        client.force_login(MembershipFactory.create(community=self.community, role=role).user)

    def transfer(self) -> None:
        row = "1,1,101,2026-02-01,新业主,"
        import_transfers(source=table(TRANSFERS, row), community=self.community)

    def get(self, name: str, *args: Any, **query: Any) -> str:
        answer = self.client.get(reverse(name, args=[self.community.code, *args]), query)
        assert answer.status_code == 200
        return answer.content.decode()


@pytest.fixture
def office(client: Client) -> Office:
    return Office(client)


def test_today_counts_the_units(office: Office) -> None:
    assert "data-corrections" not in office.get("portal:manager")
    office.transfer()
    assert "data-corrections" in office.get("portal:manager")


@pytest.mark.parametrize("closed", [False, True])
def test_the_run_and_the_list_of_runs_say_it(office: Office, closed: bool) -> None:
    if closed:
        close_run(run=office.run)
    mark = f'data-due="{office.run.pk}"'
    assert mark not in office.get("billing:run", office.run.pk)
    office.transfer()
    page = office.get("billing:run", office.run.pk)
    assert mark in page
    assert (
        reverse("portal:unit", args=[office.community.code, Unit.objects.get(room="101").pk])
        in page
    )
    assert "data-due" in office.get("billing:runs")
    assert mark in office.get("billing:corrections", office.run.pk)


def test_the_next_preview_says_it_before_it_is_issued(office: Office) -> None:
    later = preview(office.community, **Q2).run
    office.transfer()
    page = office.get("billing:run", later.pk)
    assert f'data-due="{office.run.pk}"' in page
    assert reverse("billing:corrections", args=[office.community.code, office.run.pk]) in page


def test_the_correction_itself_does_not(office: Office) -> None:
    office.transfer()
    correction = preview_correction(run=office.run)
    assert correction is not None
    assert "data-due" not in office.get("billing:run", correction.pk)


def test_another_issued_run_does_not(office: Office) -> None:
    later = issue(office.community, **Q2).run
    office.transfer()
    LateFact.objects.filter(run=later).delete()
    assert "data-due" not in office.get("billing:run", later.pk)


def test_the_unit_and_its_meter_say_it(client: Client) -> None:
    office = Office(client, Role.CLERK)
    unit = Unit.objects.get(room="101")
    meter = Meter.objects.get(unit=unit)
    assert "data-due" not in office.get("portal:unit", unit.pk)
    office.transfer()
    mark = f'data-due="{office.run.pk}"'
    assert mark in office.get("portal:unit", unit.pk)
    assert mark in office.get("billing:meter", meter.pk)
    sheet = office.get("billing:meter_sheet", meter.fee_item_id, on="2026-03-31")
    assert "data-due" not in sheet, "no figure is new"
    assert "data-due" not in office.get("portal:unit", Unit.objects.get(room="102").pk)


def test_the_meter_sheet_says_it_once_the_figure_is_saved(client: Client) -> None:
    office = Office(client, Role.CLERK)
    meter = Meter.objects.get(unit__room="101")
    sheet = reverse("billing:meter_sheet", args=[office.community.code, meter.fee_item_id])
    figure = {"row": meter.unit_id, f"value-{meter.unit_id}": "4", f"sure-{meter.unit_id}": "4"}
    answer = client.post(
        f"{sheet}?on=2026-02-01", figure, headers={"HX-Request": "true"}
    ).content.decode()
    assert MeterReading.objects.filter(meter=meter, read_on=date(2026, 2, 1)).exists()
    assert answer.count(f'data-due="{office.run.pk}"') == 1
    whole = office.get("billing:meter_sheet", meter.fee_item_id, on="2026-02-01")
    assert whole.count("data-due") == 1


IMPORTS = {
    "import_transfers": f"{TRANSFERS}\n1,1,101,2026-02-01,新业主,\n",
    "import_vacancies": "楼栋,单元,房号,空置起,空置止\n1,1,101,2026-02-01,2026-02-28\n",
    "import_readings": "楼栋,单元,房号,费目,抄表日期,读数\n1,1,101,水费,2026-02-01,4\n",
    "import_register": (
        "楼栋,单元,房号,类型,建筑面积,交付日期,业主姓名,手机号,邮箱\n"
        "1,1,101,住宅,90,2020-01-01,业主0,13900000000,\n"
    ),
}


@pytest.mark.parametrize("command", IMPORTS)
def test_an_import_says_it(tmp_path: Path, command: str) -> None:
    community = metered(in_arrears=False)
    run = issue(community).run
    file = tmp_path / "facts.csv"
    file.write_text(IMPORTS[command], encoding="utf-8")

    def said(*options: str) -> str:
        out = StringIO()
        call_command(command, str(file), "--community", community.code, *options, stdout=out)
        return out.getvalue()

    assert "correction" not in said("--dry-run")
    assert f"{run.period}" in said().splitlines()[-1]
    told = json.loads(said("--json"))
    assert len(told["notes"]) == 1
    LateFact.objects.all().delete()
    assert "notes" not in json.loads(said("--json"))


def test_the_pages_ask_as_often_for_many_units_as_for_few(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    community = small_community(units=40)
    run = issue(community).run
    client.force_login(MembershipFactory.create(community=community, role=Role.MANAGER).user)
    Unit.objects.update(area=50)
    with django_assert_max_num_queries(26):
        client.get(reverse("billing:run", args=[community.code, run.pk]))
    with django_assert_max_num_queries(16):
        client.get(reverse("billing:runs", args=[community.code]))


def test_run_billing_says_it_before_the_next_bills() -> None:
    community = metered(in_arrears=False)
    first = issue(community).run
    source = table(TRANSFERS, "1,1,101,2026-02-01,新业主,")
    import_transfers(source=source, community=community)

    def said(*options: str) -> str:
        out = StringIO()
        months = ("--from", "2026-04", "--to", "2026-06", "--due", "2026-05-15", "--preview")
        call_command("run_billing", "--community", community.code, *months, *options, stdout=out)
        return out.getvalue()

    assert f"{first.period}" in said().splitlines()[-1]
    assert len(json.loads(said("--json"))["notes"]) == 1
    LateFact.objects.all().delete()
    assert "notes" not in json.loads(said("--json"))
