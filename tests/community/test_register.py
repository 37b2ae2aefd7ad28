"""What a register corrects, and who pays after a transfer."""

from datetime import date
from decimal import Decimal

import pytest

from community.models import Occupancy, Party, Unit
from tests.billing.office_files import GOOD, everything, prepare, run

pytestmark = pytest.mark.django_db


def register(tmp_path, *changes: tuple[str, str]):
    text = GOOD["register"]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return run("register", text.encode(), tmp_path)


def test_same_name_and_phone_are_one_party_and_a_phone_may_be_empty(tmp_path):
    register(tmp_path)
    assert Party.objects.count() == 3
    assert Party.objects.get(name="赵骉").occupancies.count() == 2
    assert Party.objects.get(name="孙堃").pinyin == "sun kun"
    assert Unit.objects.get(code="1-1-102").handover_date is None
    assert list(Unit.objects.values_list("code", flat=True)) == [
        "1-1-101", "1-1-102", "B1-A-023", "B1-C-9", "S-01",
    ]  # fmt: skip


def test_a_corrected_area_or_date_updates_the_unit(tmp_path):
    register(tmp_path)
    code, answer = register(tmp_path, ("89.37,2020-05-01", "90.12,2020-06-01"))
    assert (code, answer["updated"], answer["unchanged"]) == (0, 1, 4)
    unit = Unit.objects.get(code="1-1-101")
    assert (unit.area, unit.handover_date) == (Decimal("90.12"), date(2020, 6, 1))


def test_a_corrected_phone_or_name_stays_the_same_person(tmp_path):
    register(tmp_path)
    pk = Party.objects.get(name="赵骉").pk
    _code, answer = register(tmp_path, ("赵骉,13900000001", "赵骉,13900000002"))
    assert answer["updated"] == 2
    assert Party.objects.get(name="赵骉").pk == pk
    assert Party.objects.get(pk=pk).phone == "13900000002"
    register(tmp_path, ("赵骉,13900000001", "赵彪,13900000002"))
    party = Party.objects.get(pk=pk)
    assert (party.name, party.pinyin_initials) == ("赵彪", "zb")
    assert Party.objects.count() == 3


def test_a_phone_in_another_spelling_is_the_same(tmp_path):
    register(tmp_path)
    assert register(tmp_path, ("赵骉,13900000001", "赵骉,0086 139-0000-0001"))[1]["unchanged"] == 5


def test_a_person_corrected_at_one_unit_only_becomes_two(tmp_path):
    register(tmp_path)
    old = "S,,01,商铺,239.97,2020-01-18,赵骉,13900000001"
    code, answer = register(tmp_path, (old, old.replace("13900000001", "13900000002")))
    assert (code, answer["updated"]) == (0, 1)
    assert Party.objects.filter(name="赵骉").count() == 2
    assert Occupancy.objects.get(unit__code="S-01").party.phone == "13900000002"
    assert Occupancy.objects.get(unit__code="1-1-101").party.phone == "13900000001"


def test_a_new_email_is_taken_over_and_a_blank_one_is_not(tmp_path):
    register(tmp_path)
    register(tmp_path, ("zhao@example.com", "new@example.com"))
    assert Party.objects.get(name="赵骉").email == "new@example.com"
    register(tmp_path, ("zhao@example.com", ""))
    assert Party.objects.get(name="赵骉").email == "new@example.com"


def test_of_two_emails_of_one_person_the_first_counts_each_time(tmp_path):
    old = "S,,01,商铺,239.97,2020-01-18,赵骉,13900000001,"
    two_emails = (old, old + "shop@example.com")
    register(tmp_path, two_emails)
    assert register(tmp_path, two_emails)[1]["unchanged"] == 5
    assert Party.objects.get(name="赵骉").email == "zhao@example.com"


def test_another_owner_is_a_transfer_and_refused(tmp_path):
    register(tmp_path)
    code, answer = register(tmp_path, ("钱䶮,", "郑王,"))
    assert (code, [p["row"] for p in answer["problems"]]) == (1, [3])


def test_the_register_of_last_year_may_be_read_again_after_transfers(tmp_path):
    prepare(tmp_path, "vacancies")
    before = everything()
    assert register(tmp_path)[1]["unchanged"] == 5
    new_owner = (
        "89.37,2020-05-01,赵骉,13900000001,zhao@example.com",
        "89.37,2020-05-01,李四,13900000009,",
    )
    assert register(tmp_path, new_owner)[1]["unchanged"] == 5
    assert everything() == before


def test_a_transfer_ends_the_old_payer_the_day_before(tmp_path):
    prepare(tmp_path, "vacancies")
    fields = ("party__name", "starts_on", "ends_on", "is_payer")
    found = Occupancy.objects.filter(unit__code="1-1-101").order_by("starts_on")
    assert list(found.values_list(*fields)) == [
        ("赵骉", Occupancy.BEGINNING, date(2026, 2, 9), True),
        ("李四", date(2026, 2, 10), None, True),
    ]


def test_two_transfers_of_a_unit_in_one_file(tmp_path):
    prepare(tmp_path, "transfers")
    text = GOOD["transfers"] + "1,1,101,2026-03-01,王五,\n"
    code, answer = run("transfers", text.encode(), tmp_path)
    assert (code, answer["created"]) == (0, 3)
    found = Occupancy.objects.filter(unit__code="1-1-101").order_by("starts_on")
    assert list(found.values_list("party__name", "ends_on")) == [
        ("赵骉", date(2026, 2, 9)),
        ("李四", date(2026, 2, 28)),
        ("王五", None),
    ]


def test_a_transfer_leaves_the_tenant_and_ends_the_family(tmp_path):
    prepare(tmp_path, "transfers")
    unit = Unit.objects.get(code="1-1-101")
    for role in ("tenant", "family"):
        party = Party.objects.create(community=unit.community, name=role)
        Occupancy.objects.create(unit=unit, party=party, role=role, is_payer=False)
    run("transfers", GOOD["transfers"].encode(), tmp_path)
    assert Occupancy.objects.get(role="tenant").ends_on is None
    assert Occupancy.objects.get(role="family").ends_on == date(2026, 2, 9)


def test_a_double_unit_is_named_although_its_first_row_is_bad(tmp_path) -> None:
    header, *rows = GOOD["register"].splitlines()
    bad = rows[0].split(",")
    place = header.split(",").index("建筑面积")
    bad[place] = "x"
    content = "\n".join([header, ",".join(bad), rows[0]]).encode()
    code, answer = run("register", content, tmp_path)
    assert code == 1
    assert [(problem["row"], problem["column"]) for problem in answer["problems"]] == [
        (2, "建筑面积"),
        (3, "房号"),
    ]
