"""The pages of adjustments and vacancies: asking, deciding, wrong input, pressed twice."""

import datetime
import re
import uuid
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from billing.models import Adjustment, Bill, Charge
from community.models import Role, StoredFile, Vacancy, VacancyRequest, today
from tests.factories.billing import AccountFactory, FeeItemFactory, LateFeePolicyFactory, make_bill
from tests.factories.community import (
    BindingFactory,
    MembershipFactory,
    OccupancyFactory,
    PartyFactory,
    UnitFactory,
)

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


@pytest.fixture
def bill():
    bill = make_bill("100.00", "40.00")
    OccupancyFactory(unit=bill.account.unit, party=bill.account.party)
    return bill


@pytest.fixture
def community(bill):
    return bill.account.community


@pytest.fixture
def clerk(client, community):
    user = MembershipFactory(community=community).user
    client.force_login(user)
    return user


@pytest.fixture
def manager(community):
    return MembershipFactory(community=community, role=Role.MANAGER).user


def photo(content=PNG, name="证明.png"):
    return SimpleUploadedFile(name, content, content_type="text/html")


def wanted(bill, **changed):
    form = {
        "form_token": str(uuid.uuid4()),
        "line": str(bill.charges.get(fee_item__position=1).pk),
        "kind": "waiver",
        "amount": "30.00",
        "reason": "电梯停运",
        "evidence_note": "电梯维保单，档案 2026-14",
    }
    return form | changed


def adjust_url(bill):
    return reverse("billing:adjust", args=[bill.account.community.code, bill.pk])


def test_from_the_desk_to_the_managers_approval(client, clerk, manager, bill, community):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    form = wanted(bill)
    for _ in range(2):
        client.post(adjust_url(bill), form | {"evidence": photo()})
    asked = Adjustment.objects.get()
    queue = reverse("billing:adjustments", args=[community.code])
    assert "another person" in client.get(queue).content.decode()
    decide = reverse("billing:decide_adjustment", args=[community.code, asked.pk])
    assert client.post(decide, {"do": "approve"}).status_code == 403, "a clerk does not decide"
    client.force_login(manager)
    home = client.get(reverse("portal:manager", args=[community.code]))
    assert home.context["waiting"]["adjustments"] == 1
    for _ in range(2):
        client.post(decide, {"do": "approve"})
    assert Bill.objects.with_open().get(pk=bill.pk).open_amount == Decimal("110.00")
    client.force_login(BindingFactory(party=bill.account.party).user)
    page = client.get(reverse("billing:bill", args=[bill.pk])).content.decode()
    assert f'data-adjustment="{asked.pk}"' in page


def test_who_asked_is_told_that_it_takes_another_person(client, manager, bill, community):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    client.force_login(manager)
    client.post(adjust_url(bill), wanted(bill))
    asked = Adjustment.objects.get()
    decide = reverse("billing:decide_adjustment", args=[community.code, asked.pk])
    page = client.post(decide, {"do": "approve"}, follow=True)
    assert "another person" in page.content.decode()
    asked.refresh_from_db()
    assert asked.state == Adjustment.State.REQUESTED
    client.post(reverse("billing:withdraw_adjustment", args=[community.code, asked.pk]))
    asked.refresh_from_db()
    assert asked.state == Adjustment.State.WITHDRAWN


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "100.01"},
        {"amount": "0"},
        {"amount": "-5"},
        {"amount": "1.999"},
        {"amount": "viel"},
        {"line": "999999999"},
        {"line": ""},
        {"kind": "extra"},
        {"reason": "   "},
        {"evidence_note": "   "},
        {"form_token": "x"},
        {"line": "late"},
    ],
    ids=str,
)
def test_wrong_input_asks_for_nothing_and_keeps_what_was_typed(client, clerk, bill, wrong):
    response = client.post(adjust_url(bill), wanted(bill, **wrong))
    assert response.status_code == 422
    assert not Adjustment.objects.exists()
    assert "error-summary" in response.content.decode()


@pytest.mark.parametrize("content", [b"<script>alert(1)</script>", b"MZ\x90", b"%PDX"])
def test_only_pictures_and_pdfs_are_evidence(client, clerk, bill, content):
    response = client.post(
        adjust_url(bill), wanted(bill) | {"evidence": photo(content, "bild.png")}
    )
    assert response.status_code == 422
    assert not StoredFile.objects.exists()


def test_evidence_is_known_by_its_bytes_and_shown_as_what_it_is(client, clerk, bill, community):
    client.post(adjust_url(bill), wanted(bill) | {"evidence": photo()})
    asked = Adjustment.objects.get()
    url = reverse("billing:adjustment_evidence", args=[community.code, asked.pk])
    response = client.get(url)
    assert response.content == PNG
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_late_fee_of_today_can_be_waived(client, clerk, bill, community):
    LateFeePolicyFactory(community=community)
    assert (
        client.post(
            adjust_url(bill), wanted(bill, line="late", kind="discount", amount="1.00")
        ).status_code
        == 422
    )
    client.post(adjust_url(bill), wanted(bill, line="late", amount="1.00"))
    assert Adjustment.objects.get().lessens.kind == Charge.Kind.LATE_FEE


def test_an_extra_charge_for_a_payer_without_an_account(client, clerk, manager, community):
    unit = OccupancyFactory.create(community=community).unit
    url = reverse("billing:extra_charge", args=[community.code, unit.pk])
    item = FeeItemFactory(community=community, name="门禁卡补办")
    form = {
        "form_token": str(uuid.uuid4()),
        "party": unit.occupancies.get().party_id,
        "fee_item": item.pk,
        "amount": "25.00",
        "due_on": "2026-12-01",
        "reason": "补办",
        "evidence_note": "领用登记表",
    }
    for wrong in ({"amount": ""}, {"evidence_note": ""}):
        assert client.post(url, form | wrong).status_code == 422
    assert not unit.accounts.exists()
    for _ in range(2):
        client.post(url, form)
    asked = Adjustment.objects.get()
    client.force_login(manager)
    decide = reverse("billing:decide_adjustment", args=[community.code, asked.pk])
    client.post(decide, {"do": "approve"})
    assert unit.accounts.get().charges.get().amount == Decimal("25.00")


def test_payers_are_masked_and_told_apart_by_the_end_of_their_phones(client, clerk, community):
    unit = UnitFactory(community=community)
    for name, phone in (("王小明", "13812345678"), ("王大明", "13987654321"), ("张三", "")):
        party = PartyFactory(community=community, name=name, phone=phone)
        OccupancyFactory(unit=unit, party=party, is_payer=not phone)
        AccountFactory(community=community, unit=unit, party=party)
    for address in ("billing:extra_charge", "payments:take_deposit"):
        page = client.get(reverse(address, args=[community.code, unit.pk])).content.decode()
        shown = re.findall(r"<option[^>]*>([^<]+)</option>", page)
        assert {"王*明 138****5678", "王*明 139****4321", "张*"} <= set(shown), address
        assert "王小明" not in page


def test_a_resident_asks_and_the_days_that_are_billed_lead_to_the_correction(
    client, manager, bill, community
):
    unit = bill.account.unit
    resident = BindingFactory(party=bill.account.party).user
    client.force_login(resident)
    url = reverse("billing:my_vacancy", args=[unit.pk])
    form = {
        "form_token": str(uuid.uuid4()),
        "starts_on": "2026-02-01",
        "ends_on": "2026-02-28",
        "reason": "出国",
    }
    assert client.post(url, form).status_code == 422, "without proof"
    assert (
        client.post(url, form | {"ends_on": "2026-01-01", "evidence": photo()}).status_code == 422
    )
    for _ in range(2):
        client.post(url, form | {"evidence": photo()})
    asked = VacancyRequest.objects.get()
    client.force_login(manager)
    page = client.get(reverse("billing:vacancies", args=[community.code])).content.decode()
    assert reverse("billing:corrections", args=[community.code, bill.run_id]) in page
    decide = reverse("billing:decide_vacancy", args=[community.code, asked.pk])
    for _ in range(2):
        client.post(decide, {"do": "approve"})
    assert Vacancy.objects.get().unit == unit
    client.force_login(resident)
    again = {"form_token": str(uuid.uuid4()), "evidence": photo()}
    assert client.post(url, form | again).status_code == 422, "the days are on record"


def test_a_resident_takes_his_request_back(client, bill):
    resident = BindingFactory(party=bill.account.party).user
    client.force_login(resident)
    url = reverse("billing:my_vacancy", args=[bill.account.unit_id])
    form = {
        "form_token": str(uuid.uuid4()),
        "starts_on": str(today()),
        "ends_on": str(today() + datetime.timedelta(days=3)),
        "reason": "出国",
        "evidence": photo(),
    }
    client.post(url, form)
    asked = VacancyRequest.objects.get()
    client.post(url, {"do": "withdraw", "request": asked.pk})
    asked.refresh_from_db()
    assert asked.state == VacancyRequest.State.WITHDRAWN


def test_queries_do_not_grow_with_the_requests(
    client, clerk, bill, community, django_assert_max_num_queries
):
    for yuan in range(1, 7):
        client.post(adjust_url(bill), wanted(bill, amount=f"{yuan}.00"))
    assert Adjustment.objects.count() == 6
    with django_assert_max_num_queries(14):
        client.get(reverse("billing:adjustments", args=[community.code]))
    with django_assert_max_num_queries(18):
        client.get(adjust_url(bill))


def test_an_equal_request_is_pointed_out_before_it_is_sent(client, clerk, bill, community):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    client.post(adjust_url(bill), wanted(bill))
    asked = Adjustment.objects.get()
    assert f'data-waiting="{asked.pk}"' in client.get(adjust_url(bill)).content.decode()
    answer = client.post(adjust_url(bill), wanted(bill))
    assert answer.status_code == 422
    assert 'name="again"' in answer.content.decode()
    assert str(clerk) in str(answer.context["form"].errors["again"])
    assert Adjustment.objects.count() == 1
    # Something else is wrong as well: the box stays, and is still of no force without a tick.
    assert client.post(adjust_url(bill), wanted(bill, again="on", amount="")).status_code == 422
    form = wanted(bill, again="on")
    for _ in range(2):
        assert client.post(adjust_url(bill), form).status_code == 302
    assert Adjustment.objects.count() == 2


def test_an_equal_extra_charge_is_pointed_out_too(client, clerk, community):
    unit = OccupancyFactory.create(community=community).unit
    url = reverse("billing:extra_charge", args=[community.code, unit.pk])
    form = {
        "party": unit.occupancies.get().party_id,
        "fee_item": FeeItemFactory(community=community, name="门禁卡补办").pk,
        "amount": "25.00",
        "due_on": "2026-12-01",
        "reason": "补办",
        "evidence_note": "领用登记表",
    }
    answers = [client.post(url, form | {"form_token": str(uuid.uuid4())}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 422]
    asked = Adjustment.objects.get()
    assert f'data-waiting="{asked.pk}"' in client.get(url).content.decode()
    client.post(url, form | {"form_token": str(uuid.uuid4()), "again": "on"})
    assert Adjustment.objects.count() == 2


def test_paper_is_named_where_it_is_decided(client, clerk, bill, community):
    client.post(adjust_url(bill), wanted(bill))
    page = client.get(reverse("billing:adjustments", args=[community.code])).content.decode()
    assert "电梯维保单，档案 2026-14" in page
