"""The accountant's way from the bank's statement to the month signed off."""

import datetime
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from community.models import Role, today
from payments.models import BankLine, BankStatement, SettlementEntry, SettlementMonth
from payments.reconciliation.payouts import working_days_after
from payments.reconciliation.settlement import next_month
from payments.services.channels import settling
from tests.factories.community import CommunityFactory, MembershipFactory
from tests.factories.settlement import ALIPAY, TENPAY, make_day, statement, take_over

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)
MONTH = next_month(next_month(today(), back=True), back=True)
FIFTH = MONTH + 4 * DAY


@pytest.fixture
def community():
    return CommunityFactory()


@pytest.fixture
def url(client, community, settings):
    """Addresses of the community's pages; the client is its accountant, and reads English."""
    client.force_login(MembershipFactory(community=community, role=Role.ACCOUNTANT).user)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return lambda name, *args: reverse(f"payments:{name}", args=[community.code, *args])


def month_of(day):
    return {"month": f"{day:%Y-%m}"}


def upload(client, url, content):
    file = SimpleUploadedFile("statement.csv", content)
    return client.post(url("bank_statements"), {"file": file}, follow=True)


def test_from_the_statement_to_the_signature(client, url, community):
    first, short = make_day(community, FIFTH, "100.00"), make_day(community, FIFTH + DAY, "50.00")
    lines = [
        (FIFTH + DAY, "100.00", TENPAY),
        (FIFTH + 2 * DAY, "49.00", TENPAY),
        (FIFTH + 3 * DAY, "7.00", ALIPAY),
    ]
    page = upload(client, url, statement(*lines)).content.decode()
    assert "statement.csv" in page
    assert "Every line" in upload(client, url, statement(*lines)).content.decode()
    assert first.entries.get().amount == 100
    payout, strange = community.bank_lines.waiting().order_by("pk")
    month = client.get(url("settlements"), month_of(FIFTH)).content.decode()
    assert url("bank_line", payout.pk) in month
    assert url("close_settlement_month") not in month

    assert 'value="match"' in client.get(url("bank_line", payout.pk)).content.decode()
    settle = url("settle_bank_line", payout.pk)
    assert client.post(settle, {"way": "match"}).status_code == 422
    assert client.post(settle, {"way": "match", "days": [first.pk]}).status_code == 422
    assert client.post(settle, {"way": "match", "days": [short.pk]}).status_code == 302
    assert client.post(settle, {"way": "aside"}).url == url("bank_line", payout.pk)
    client.post(url("settle_bank_line", strange.pk), {"way": "aside"})
    assert BankLine.objects.get(pk=strange.pk).decided_by is not None
    client.post(url("settle_bank_line", strange.pk), {"way": "payout"})
    assert strange in community.bank_lines.waiting()
    client.post(url("settle_bank_line", strange.pk), {"way": "aside"})

    client.post(url("explain_settlement", short.pk), {"words": " "})
    assert not short.entries.filter(line=None).exists()
    client.post(url("close_settlement_month"), month_of(FIFTH))
    assert not SettlementMonth.objects.exists()
    client.post(url("explain_settlement", short.pk), {"words": "渠道少付"})
    assert "渠道少付" in client.get(url("reconciliation", short.pk)).content.decode()
    month = client.get(url("settlements"), month_of(FIFTH)).content.decode()
    assert url("close_settlement_month") in month
    undo = url("undo_settlement", first.entries.get().pk)
    assert undo in client.get(url("reconciliation", first.pk)).content.decode()
    client.post(url("close_settlement_month"), month_of(FIFTH))
    assert SettlementMonth.objects.get().explained == 1
    assert undo not in client.get(url("reconciliation", first.pk)).content.decode()
    client.post(undo)
    assert not SettlementEntry.objects.exclude(undone_at=None).exists()


def test_taken_back_by_a_button(client, url, community):
    day = make_day(community, FIFTH, "100.00")
    take_over(community, (FIFTH + DAY, "100.00", TENPAY))
    settling.match_payouts(community)
    client.post(url("undo_settlement", day.entries.get().pk))
    assert community.bank_lines.waiting().count() == 1


def test_a_bad_file_is_refused_with_every_reason(client, url):
    bad = statement((FIFTH, "1.00", "柴倩"), (FIFTH, "1.234", "柴倩"), (FIFTH, "x", "柴倩"))
    answer = upload(client, url, bad)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "row 3" in text
    assert "row 4" in text
    assert upload(client, url, b"").status_code == 422
    assert not BankStatement.objects.exists()


def test_a_line_of_a_payer_is_nobodys_business_here(client, url, community):
    payer, foreign = (
        take_over(community, (FIFTH, "9.00", "柴倩")),
        take_over(CommunityFactory(), (FIFTH, "9.00", TENPAY)),
    )
    assert client.get(url("bank_line", payer[0].pk)).status_code == 404
    assert client.get(url("bank_line", foreign[0].pk)).status_code == 404


def test_late_money_and_another_fee_are_seen(client, url, community):
    day = working_days_after(today(), 0) - 7 * DAY
    make_day(community, day, "10.00", fees=Decimal("1.00"), fees_due=Decimal("0.90"))
    page = client.get(url("settlements"), month_of(day)).content.decode()
    assert "tag-over" in page
    assert "¥0.90 by contract" in page
    assert "¥0.10 beyond the contract" in page
    assert "to be signed off" not in page
    make_day(community, day, "5.00", closed=False, provider="alipay")
    assert "to be signed off" in client.get(url("settlements"), month_of(day)).content.decode()


@pytest.mark.parametrize("asked", ["2026", "2026-13", "x", "9999-99"])
def test_a_month_that_is_none(client, url, asked):
    assert client.get(url("settlements"), {"month": asked}).status_code == 404


def test_pages_ask_the_database_a_fixed_number_of_times(
    client, url, community, django_assert_max_num_queries
):
    days = [make_day(community, MONTH + DAY * at, f"{at + 1}.00") for at in range(25)]
    lines = take_over(community, *[(d.day + DAY, f"{d.settlement}", TENPAY) for d in days[:20]])
    settling.match_payouts(community)
    odd = take_over(community, *[(FIFTH, f"0.{at + 10}", TENPAY) for at in range(20)])
    for number in range(20):
        take_over(community, (FIFTH, f"0.{number + 40}", "柴倩"))
    with django_assert_max_num_queries(16):
        client.get(url("settlements"), month_of(MONTH))
    with django_assert_max_num_queries(12):
        client.get(url("bank_line", odd[0].pk))
    with django_assert_max_num_queries(12):
        client.get(url("bank_line", lines[0].pk))
    with django_assert_max_num_queries(12):
        client.get(url("bank_statements"))
    with django_assert_max_num_queries(13):
        client.get(url("reconciliation", days[0].pk))
