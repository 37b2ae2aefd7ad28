"""Days of channels that are compared by themselves: those not compared yet, and the late ones."""

import datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from community.models import today
from payments import providers
from payments.models import Reconciliation, ReconciliationLine
from payments.providers.base import BillLine, DailyBill, LineKind, TransientError
from payments.providers.bill_files import made, no_bill
from payments.services.channels import differences
from payments.services.channels.catching_up import catch_up, look_again
from tests.factories.community import CommunityFactory, StaffUserFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
DAY = datetime.timedelta(days=1)
EARLIER = today() - 2 * DAY  # its bill should be there at any hour of today


def late(day: datetime.date) -> DailyBill:
    """A bill with one payment that we do not know."""
    amount, moment = Decimal("5.00"), timezone.now() - 2 * DAY
    line = BillLine(LineKind.PAYMENT, "X1", "91", amount, Decimal("0.03"), moment)
    return made(day, [line], b"one line")


@pytest.fixture
def bills(merchant, bill, monkeypatch):
    """What the channel has of each day, and which days it was asked for."""
    known: dict[datetime.date, DailyBill] = {}
    asked: list[datetime.date] = []

    def download(provider, day):
        asked.append(day)
        if known.get(day) is TransientError:
            raise TransientError("silent")
        return known.get(day) or no_bill(day)

    kind = providers.all_providers()["wechatpay"]
    monkeypatch.setattr(kind, "download_bill", download)
    return known, asked


def states():
    return set(Reconciliation.objects.values_list("state", "closed_by"))


def test_every_morning_what_was_not_compared_yet_is(merchant, bill):
    assert catch_up(on=today() - DAY, days=3) == 3
    assert catch_up(on=today() - DAY, days=3) == 0
    # Nothing happened on either side: nobody has to sign.
    assert states() == {("closed", None)}


def test_after_an_outage_no_day_is_left_out(bills):
    _known, asked = bills
    catch_up(on=today() - 31 * DAY, days=1)
    assert catch_up(on=today(), days=7) in (30, 31)  # yesterday's is there from ten o'clock on
    assert asked[1] == today() - 31 * DAY
    assert not catch_up(on=today() - DAY)


def test_a_bill_that_comes_late_opens_the_day_that_was_empty(bills):
    known, asked = bills
    catch_up(on=EARLIER + DAY, days=1)
    assert states() == {("closed", None)}
    assert look_again(on=today()) == 1
    assert states() == {("closed", None)}
    known[EARLIER] = late(EARLIER)
    assert look_again(on=today()) == 1
    assert states() == {("open", None)}
    line = ReconciliationLine.objects.get()
    assert (line.kind, line.theirs) == (ReconciliationLine.Kind.NOT_HERE, Decimal("5.00"))
    # Once nothing is missing any more, the day is not asked about.
    differences.explain(line.pk, by=StaffUserFactory(), words="查过")
    before = len(asked)
    assert not look_again(on=today())
    assert len(asked) == before


def test_an_open_difference_is_compared_again_for_a_week_and_goes_by_itself(bills):
    known, asked = bills
    known[EARLIER] = late(EARLIER)
    catch_up(on=EARLIER + DAY, days=1)
    assert look_again(on=EARLIER + 7 * DAY) == 1
    before = len(asked)
    assert not look_again(on=EARLIER + 8 * DAY)
    assert len(asked) == before
    known[EARLIER] = made(EARLIER, [], b"corrected")
    look_again(on=today())
    assert ReconciliationLine.objects.get().state == ReconciliationLine.State.GONE


def test_what_a_person_signed_stays_and_the_others_of_the_account_go_on(bills):
    known, _asked = bills
    other = CommunityFactory()
    catch_up(on=EARLIER + DAY, days=1)
    mine = Reconciliation.objects.exclude(community=other).get()
    Reconciliation.objects.filter(pk=mine.pk).update(closed_by=StaffUserFactory())
    before = Reconciliation.objects.filter(pk=mine.pk).values().get()
    known[EARLIER] = late(EARLIER)
    assert look_again(on=today()) == 1
    assert Reconciliation.objects.filter(pk=mine.pk).values().get() == before
    Reconciliation.objects.filter(community=other).delete()
    assert not look_again(on=today())


def test_a_silent_provider_is_not_asked_for_every_day(bills):
    known, asked = bills
    known[today() - 5 * DAY] = TransientError
    assert catch_up(on=today() - DAY, days=6) == 2
    assert asked[-1] == today() - 5 * DAY
