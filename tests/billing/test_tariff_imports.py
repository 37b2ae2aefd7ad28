"""What tariffs.csv may say beside its nine columns: one-off charges, texts for disclosure."""

from datetime import date
from decimal import Decimal

import pytest

from billing.models import FeeItem, Tariff
from billing.services.standards.tariff_versions import write_version
from billing.services.standards.tariffs import import_tariffs
from community.models import Unit
from core import tables
from tests.billing.office_files import GOOD, prepare, run
from tests.billing.small import TARIFFS, small_community, table
from tests.billing.test_tariff_versions import somebody, terms

pytestmark = pytest.mark.django_db
MORE = TARIFFS + ",服务标准,定价依据,定价形式"
WATER = "水费,住宅,,用量,1.05,1,2026-01-01,,整期"


def take(community, *rows, header=MORE):
    return import_tariffs(source=table(header, *rows), community=community)


def told(tariff: Tariff) -> tuple[str, str, str]:
    return tariff.service_standard, tariff.legal_basis, tariff.pricing_form


def test_a_charge_that_is_made_once() -> None:
    community = small_community()
    done = take(community, "装修垃圾清运费,住宅,,一次性,300,1,2026-03-01,,整期", header=TARIFFS)
    tariff = Tariff.objects.get(method=Tariff.Method.ONCE)
    assert (done.created, tariff.price, tariff.tiers) == (1, Decimal(300), "")
    assert told(tariff) == ("", "", "")


def test_texts_for_disclosure_come_along_and_may_be_given_later() -> None:
    community = small_community()
    assert take(community, WATER, header=TARIFFS).created == 1
    full = f"{WATER},二级,发改价格〔2026〕1号,政府指导价"
    assert (take(community, full).updated, take(community, full).unchanged) == (1, 1)
    water = Tariff.objects.get(fee_item__name="水费")
    assert told(water) == ("二级", "发改价格〔2026〕1号", "government_guided")
    # A file without them, or with blank cells, takes nothing away; one that says otherwise does.
    assert take(community, WATER, header=TARIFFS).unchanged == 1
    assert take(community, f"{WATER},,,").unchanged == 1
    assert take(community, f"{WATER},一级,,市场调节价").updated == 1
    water.refresh_from_db()
    assert told(water) == ("一级", "发改价格〔2026〕1号", "market")


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (f"{WATER},二级,,免费", "定价形式", "免费"),
        (f"{WATER},{'好' * 2001},,", "服务标准", "好" * 80),
        (f"{WATER},,{'法' * 501},", "定价依据", "法" * 80),
        (f"{WATER},a\x07b,,", "服务标准", "a\x07b"),
        ("装修费,住宅,,一次性,,1,2026-01-01,,整期,,,", "单价", ""),
        ("装修费,住宅,,一次性,15:3;:4,1,2026-01-01,,整期,,,", "单价", "15:3;:4"),
        ("装修费,住宅,,一次性,-1,1,2026-01-01,,整期,,,", "单价", "-1"),
    ],
)
def test_each_bad_cell_is_named_and_nothing_written(row: str, column: str, value: str) -> None:
    community = small_community()
    before = Tariff.objects.count()
    with pytest.raises(tables.TableRefused) as refused:
        take(community, f"{WATER},,,".replace("水费", "中水费"), row)
    (problem,) = refused.value.problems
    assert (problem.row, problem.column, problem.value) == (3, column, value)
    assert Tariff.objects.count() == before


def test_a_hand_picking_version_is_none_of_the_files_business() -> None:
    community = small_community()
    unit = Unit.objects.first()
    picked = write_version(
        community=community,
        terms=terms(item="水费", units=(unit,), price=Decimal("1.05"), method="usage"),
        by=somebody(),
    )
    assert take(community, WATER, header=TARIFFS).created == 1
    picked.refresh_from_db()
    assert picked.ends_on is None


def test_a_new_version_closes_the_old_one_and_edits_nothing(tmp_path):
    prepare(tmp_path, "readings")
    header = GOOD["tariffs"].splitlines()[0]
    old = "中水费,住宅,,用量,1.05,1,2020-01-01,{},整期"
    new = "中水费,住宅,,用量,1.10,1,2026-07-01,,整期"
    text = "\n".join([header, old.format(""), new])
    assert run("tariffs", text.encode(), tmp_path)[0] == 1
    text = "\n".join([header, old.format("2026-06-30"), new])
    code, answer = run("tariffs", text.encode(), tmp_path)
    assert (code, answer["created"], answer["updated"]) == (0, 1, 1)
    found = Tariff.objects.filter(fee_item__name="中水费").order_by("starts_on")
    assert list(found.values_list("price", "ends_on")) == [
        (Decimal("1.0500"), date(2026, 6, 30)),
        (Decimal("1.1000"), None),
    ]
    # Last year's file does not open the old version again.
    code, answer = run("tariffs", GOOD["tariffs"].encode(), tmp_path)
    assert (code, answer["unchanged"]) == (0, 7)


def test_fee_items_keep_the_order_of_the_files(tmp_path):
    prepare(tmp_path, "readings")
    text = GOOD["tariffs"].splitlines()[0] + "\n装修押金,住宅,,户,1,1,2020-01-01,,整期\n"
    run("tariffs", text.encode(), tmp_path)
    assert [item.name for item in FeeItem.objects.all()] == [
        "物业服务费", "车位管理费", "公共照明分摊", "自来水费", "中水费", "装修押金",
    ]  # fmt: skip
