"""A correction names what differs, and nothing else."""

from datetime import date

import pytest

from billing.models import BillRun, FeeItem, Meter, MeterReading, RunChange
from billing.services.runs.corrections import preview_correction
from billing.services.standards.shared_costs import import_shared_costs
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Unit
from community.services.transfers import import_transfers

from .small import TARIFFS, issue, small_community, table

pytestmark = pytest.mark.django_db

TRANSFERS = "楼栋,单元,房号,过户日期,新业主姓名,手机号"
LIGHT = "公共照明分摊"


def billed(method: str = "公摊面积") -> tuple[Community, BillRun]:
    """Two units with water by meter and a shared cost, billed for the first quarter."""
    community = small_community()
    rows = ("水费,住宅,,用量,3,1,2020-01-01,,整期", f"{LIGHT},住宅,,{method},,1,2020-01-01,,整期")
    import_tariffs(source=table(TARIFFS, *rows), community=community)
    cost = table("费目,楼栋,起,止,金额", f"{LIGHT},,2026-01-01,2026-03-31,100.00")
    import_shared_costs(source=cost, community=community)
    water = FeeItem.objects.get(name="水费")
    for unit in Unit.objects.all():
        meter = Meter.objects.create(unit=unit, fee_item=water)
        for day, value in ((date(2025, 12, 31), 0), (date(2026, 3, 31), 9)):
            MeterReading.objects.create(meter=meter, read_on=day, value=value)
    return community, issue(community).run


def causes(run: BillRun) -> dict[str, str]:
    """Why, by payer, as a correction of the run says it."""
    correction = preview_correction(run=run)
    assert correction is not None
    return {each.party.name: each.why for each in RunChange.objects.filter(run=correction)}


def test_a_late_transfer_is_another_payer_and_no_other_reading_or_share():
    community, run = billed()
    import_transfers(source=table(TRANSFERS, "1,1,101,2026-02-11,新业主,"), community=community)
    assert causes(run) == {"业主0": "payer,days", "新业主": "payer"}


def test_a_transfer_with_another_reading_is_both():
    community, run = billed()
    import_transfers(source=table(TRANSFERS, "1,1,101,2026-02-11,新业主,"), community=community)
    MeterReading.objects.filter(meter__unit__room="101", value=9).update(value=12)
    assert causes(run) == {"业主0": "payer,usage", "新业主": "payer,usage"}


def test_another_reading_is_that_alone():
    _community, run = billed()
    MeterReading.objects.filter(meter__unit__room="101", value=9).update(value=12)
    assert causes(run) == {"业主0": "usage"}


def test_a_neighbour_hears_that_the_area_in_all_changed():
    _community, run = billed()
    Unit.objects.filter(room="101").update(area=60)
    assert causes(run) == {"业主0": "area,share", "业主1": "pool_m2"}
    words = RunChange.objects.get(party__name="业主1").reasons
    assert words == [str(RunChange.Why.POOL_AREA.label)]


def test_a_neighbour_hears_that_the_number_of_units_changed():
    _community, run = billed("公摊户")
    Unit.objects.filter(room="101").update(handover_date=date(2026, 4, 1))
    assert causes(run)["业主1"] == "pool_n"


def test_every_cause_at_once_has_room():
    field = RunChange._meta.get_field("why")
    assert len(",".join(RunChange.Why.values)) <= (field.max_length or 0)
