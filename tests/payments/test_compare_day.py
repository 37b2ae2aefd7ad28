"""An accountant has a channel's day compared at once: a job, safe to ask for again."""

import datetime
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from billing.models import Bill
from community.models import Job, Role, User, today
from community.services import jobs
from payments import providers
from payments.models import Payment, Reconciliation, ReconciliationLine
from payments.providers.base import BillLine, BillNotReady, DailyBill, LineKind
from payments.services.channels import differences, reconciling
from payments.services.channels.catching_up import catch_up
from payments.services.channels.reconciling import newest_with_bill
from payments.services.channels.storing_days import ReconcileRefused
from tests.factories.billing import make_bill
from tests.factories.community import MembershipFactory
from tests.fixtures.simulators import WeChatPaySimulator

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
YESTERDAY = datetime.timedelta(days=1)
KIND = providers.all_providers()["wechatpay"]


@pytest.fixture(autouse=True)
def plainly(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No contract about fees; sentences are read here in the language of the source; it is late
    enough for yesterday's bill."""
    settings.PAYMENT_FEE_RATES = {}
    monkeypatch.setattr(reconciling, "READY_AT", datetime.time())
    with translation.override("en"):
        yield


@pytest.fixture
def accountant(client: Client, bill: Bill) -> User:
    user: User = MembershipFactory(community=bill.account.community, role=Role.ACCOUNTANT).user
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return user


def lists(monkeypatch: pytest.MonkeyPatch, *amounts: str, content: bytes | None = None) -> None:
    """The channel's bill of any day lists payments of strangers."""

    def download(_self: Any, day: datetime.date) -> DailyBill:
        moment = datetime.datetime.combine(day, datetime.time(12), timezone.get_current_timezone())
        lines = tuple(
            BillLine(LineKind.PAYMENT, f"X{i}", f"9{i}", Decimal(one), Decimal("0.00"), moment)
            for i, one in enumerate(amounts)
        )
        data = repr(lines).encode() if content is None else content
        return DailyBill(day, lines, data, f"{hash(data) % 16**64:064x}")

    monkeypatch.setattr(KIND, "download_bill", download)


def ask(client: Client, bill: Bill, **typed: str) -> Any:
    """What is answered to who asks for a day, yesterday unless said otherwise."""
    sent = {"channel": "wechatpay", "day": str(today() - YESTERDAY)} | typed
    address = reverse("payments:compare_day", args=[bill.account.community.code])
    return client.post(address, sent)


def done(client: Client, bill: Bill) -> Job:
    """The job, after a worker has done it."""
    answer = ask(client, bill)
    job = Job.objects.latest("pk")
    assert answer.url == reverse("community:job", args=[bill.account.community.code, job.pk])
    jobs.run_job(job_id=job.pk)
    job.refresh_from_db()
    return job


def test_a_day_is_fetched_compared_and_shown(
    merchant: WeChatPaySimulator, bill: Bill, client: Client, accountant: User, monkeypatch: Any
) -> None:
    lists(monkeypatch, "5.00", "6.00")
    job = done(client, bill)
    day = Reconciliation.objects.get()
    own = reverse("payments:reconciliation", args=[bill.account.community.code, day.pk])
    assert (job.state, job.result_url) == (Job.State.DONE, f"{own}?compared={job.pk}")
    assert "2 differences wait" in job.message
    assert job.message in client.get(job.result_url).content.decode()
    assert job.message not in client.get(own).content.decode()
    again = done(client, bill)
    assert "Nothing is new" in again.message
    assert ReconciliationLine.objects.count() == 2
    assert client.get(f"{own}?compared={'9' * 30}").status_code == 200


def test_pressed_twice_it_is_one_job(
    merchant: WeChatPaySimulator, bill: Bill, client: Client, accountant: User
) -> None:
    assert ask(client, bill).url == ask(client, bill).url
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"day": str(today())}, "Today is not over"),
        ({"day": str(today() + YESTERDAY)}, "not come yet"),
        ({"day": "yesterday"}, "valid date"),
        ({"channel": "alipay"}, "not one of the available choices"),
        ({"channel": ""}, "required"),
    ],
)
def test_a_day_without_a_bill_is_refused_on_the_page(
    merchant: WeChatPaySimulator,
    bill: Bill,
    client: Client,
    accountant: User,
    typed: dict[str, str],
    why: str,
) -> None:
    answer = ask(client, bill, **typed)
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Job.objects.exists()


def test_a_bill_that_is_not_ready_is_fetched_later_without_a_double(
    merchant: WeChatPaySimulator, bill: Bill, client: Client, accountant: User, monkeypatch: Any
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(reconciling, "READY_AT", datetime.time(23, 59, 59))
        lists(patch, content=b"")
        early = done(client, bill)
        # The client that speaks with the channel: what WeChat says while it makes the file.
        made = json.dumps({"code": "STATEMENT_CREATING", "message": "账单生成中"})
        patch.undo()
    monkeypatch.setattr("wechatpayv3.WeChatPay.trade_bill", lambda *a, **k: (400, made))
    with pytest.raises(BillNotReady):
        KIND().download_bill(today() - YESTERDAY)
    creating = done(client, bill)
    assert "before 10:00" in early.message
    assert "still making" in creating.message
    assert (early.state, creating.state) == (Job.State.REFUSED, Job.State.REFUSED)
    page = client.get(reverse("community:job", args=[bill.account.community.code, early.pk]))
    assert early.result_url in page.content.decode(), "there is a way on"
    assert not Reconciliation.objects.exists()
    lists(monkeypatch, "5.00")
    assert "1 difference waits" in done(client, bill).message
    assert ReconciliationLine.objects.count() == 1


def test_a_download_that_fails_says_so_in_plain_words(
    merchant: WeChatPaySimulator, bill: Bill, client: Client, accountant: User
) -> None:
    merchant.faults(fail_next=1, match="/v3/bill")
    job = done(client, bill)
    assert (job.state, "cannot be reached" in job.message) == (Job.State.REFUSED, True)
    assert not re.search("SYSTEM_ERROR|500", job.message)
    assert not Reconciliation.objects.exists()
    assert "neither side" in done(client, bill).message


def test_a_day_signed_off_is_not_compared_anew(
    merchant: WeChatPaySimulator, bill: Bill, client: Client, accountant: User, monkeypatch: Any
) -> None:
    lists(monkeypatch, "5.00")
    done(client, bill)
    differences.keep(ReconciliationLine.objects.get().pk, by=accountant)
    day = differences.sign_off(Reconciliation.objects.get().pk, by=accountant)
    same = done(client, bill)
    assert (same.state, "signed off" in same.message) == (Job.State.DONE, True)
    lists(monkeypatch, "6.00")
    other = done(client, bill)
    assert (other.state, "signed off" in other.message) == (Job.State.REFUSED, True)
    assert Payment.objects.count() == 1
    compared = reverse("payments:compare_day", args=[bill.account.community.code])
    own = reverse("payments:reconciliation", args=[bill.account.community.code, day.pk])
    assert compared not in client.get(own).content.decode()


def test_a_day_that_nobody_signed_opens_when_something_turns_up(
    merchant: WeChatPaySimulator, bill: Bill, monkeypatch: Any
) -> None:
    yesterday, community = today() - YESTERDAY, bill.account.community
    lists(monkeypatch, content=b"")
    reconciling.reconcile(channel="wechat", day=yesterday, community=community)
    assert Reconciliation.objects.get().state == Reconciliation.State.CLOSED
    lists(monkeypatch, "5.00")
    reconciling.reconcile(channel="wechat", day=yesterday, community=community)
    day = Reconciliation.objects.get()
    assert (day.state, day.closed_at, day.their_paid) == ("open", None, Decimal("5.00"))
    assert ReconciliationLine.objects.count() == 1


def test_the_morning_compares_for_those_whom_nobody_asked_for(
    merchant: WeChatPaySimulator, bill: Bill, monkeypatch: Any
) -> None:
    """Two communities share the account; one of them was asked for by hand."""
    other = make_bill("9.00").account.community
    lists(monkeypatch, "5.00")
    yesterday = today() - YESTERDAY
    reconciling.reconcile(channel="wechat", day=yesterday, community=other)
    assert catch_up(on=today(), days=1) == 1
    there = Reconciliation.objects.values_list("community_id", flat=True)
    assert set(there) == {bill.account.community_id, other.pk}
    assert ReconciliationLine.objects.get().reconciliation.community == bill.account.community
    assert catch_up(on=today(), days=1) == 0


def test_money_at_an_account_that_it_left_is_compared_too(
    merchant: WeChatPaySimulator, bill: Bill, settings: Any, monkeypatch: Any
) -> None:
    """A community whose day was compared at the account of all got its own meanwhile."""
    lists(monkeypatch, "5.00")
    community, yesterday = bill.account.community, today() - YESTERDAY
    reconciling.reconcile(channel="wechat", day=yesterday, community=community)
    settings.WECHATPAY = settings.WECHATPAY | {community.code: settings.WECHATPAY[""]}
    both = reconciling.reconcile(channel="wechat", day=yesterday, community=community)
    assert [one.reconciliation.merchant for one in both] == ["", community.code]
    with pytest.raises(ReconcileRefused, match="not come"):
        reconciling.reconcile(channel="wechat", day=today() + YESTERDAY, community=community)


def test_a_bill_that_is_gone_takes_nothing_away(
    merchant: WeChatPaySimulator, bill: Bill, client: Client, accountant: User, monkeypatch: Any
) -> None:
    lists(monkeypatch, "5.00")
    done(client, bill)
    lists(monkeypatch, content=b"")
    gone = done(client, bill)
    assert (gone.state, "any more" in gone.message) == (Job.State.REFUSED, True)
    assert Reconciliation.objects.get().their_paid == Decimal("5.00")


@pytest.mark.parametrize(("hour", "day"), [(9, 22), (10, 23)])
def test_a_day_is_proposed_whose_bill_is_there(
    monkeypatch: pytest.MonkeyPatch, hour: int, day: int
) -> None:
    monkeypatch.setattr(reconciling, "READY_AT", datetime.time(10))
    now = datetime.datetime(2026, 11, 24, hour, 0, tzinfo=timezone.get_current_timezone())
    assert newest_with_bill(now) == datetime.date(2026, 11, day)
