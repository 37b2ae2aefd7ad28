"""Real workers killed with SIGKILL. The simulators' ledgers are the oracle: 0 lost, 0 doubled."""

import datetime
from collections import Counter

import pytest
from django.utils import timezone

from billing.signals import bills_issued
from notices.models import Campaign, Delivery, Notice
from notices.services import dispatch
from notices.services.campaign import fan_out_campaign
from notices.services.deliver import deliver
from notices.services.states import State
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import CommunityFactory
from tests.factories.notices import DeliveryFactory, make_fee_notice
from tests.fixtures.simulators import MailboxSimulator, SmsSimulator
from tests.notices.conftest import mailbox, sms  # noqa: F401 - fixtures
from tests.reliability import processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.reliability]

DOOMED = "tests.reliability.doomed"
KILLED = -9


def time_passes() -> None:
    """Every lease has ended and everything is due."""
    past = timezone.now() - datetime.timedelta(seconds=1)
    Delivery.objects.filter(leased_until__isnull=False).update(leased_until=past)
    Campaign.objects.filter(leased_until__isnull=False).update(leased_until=past)
    dispatch.put_back()
    Delivery.objects.filter(state=State.QUEUED).update(due_at=past)


def work_off() -> None:
    """What a healthy worker does with what the dead one left behind."""
    time_passes()
    for delivery in Delivery.objects.outgoing().filter(state=State.QUEUED):
        deliver(delivery_id=delivery.pk)


@pytest.mark.parametrize(
    "point",
    [
        "before begin commits",
        "before send",
        "between send and record",
        "before record commits",
        "after record",
    ],
)
def test_sms_worker_killed(point: str, sms: SmsSimulator) -> None:  # noqa: F811
    delivery = DeliveryFactory.create()
    env = processes.environment(**sms.account)
    assert processes.run_until_it_dies(DOOMED, "deliver", point, delivery.pk, env=env) == KILLED
    work_off()
    delivery.refresh_from_db()
    assert delivery.state in {State.SENT, State.DELIVERED}
    assert [message["out_id"] for message in sms.messages()] == [str(delivery.key)]


@pytest.mark.parametrize(
    ("point", "sent"),
    [("before begin commits", 1), ("before send", 0), ("between send and record", 1)],
)
def test_email_worker_killed(point: str, sent: int, mailbox: MailboxSimulator) -> None:  # noqa: F811
    """A mail server cannot be asked: what is in doubt is left to a person, never sent twice."""
    delivery = DeliveryFactory.create(channel="email")
    env = processes.environment(EMAIL_URL=f"smtp://127.0.0.1:{mailbox.smtp_port}")
    assert processes.run_until_it_dies(DOOMED, "deliver", point, delivery.pk, env=env) == KILLED
    work_off()
    delivery.refresh_from_db()
    certain = point == "before begin commits"
    assert delivery.state == (State.SENT if certain else State.UNKNOWN)
    assert len(mailbox.messages()) == sent


def test_celery_workers_killed_again_and_again(sms: SmsSimulator) -> None:  # noqa: F811
    """The real thing: bells through the broker, prefork workers, kill -9 in full flight."""
    notice = make_fee_notice()
    Delivery.objects.bulk_create(
        Delivery(notice=notice, channel="sms", address=f"139{n:08d}") for n in range(30)
    )
    sms.faults(slow_next=1000, slow_seconds=0.1)  # so that a kill hits calls under way
    env = processes.environment(**sms.account)
    seen, in_full_flight = 0, 0
    for _round in range(2):
        time_passes()
        assert dispatch.dispatch() > 0
        worker = processes.start(
            "celery", "-A", "config", "worker", "--concurrency=2", "--loglevel=ERROR", env=env
        )
        try:
            for _message in range(5):
                seen = sms.wait(after=seen, timeout=30)["id"]
        finally:
            processes.kill(worker)
        in_full_flight += Delivery.objects.filter(state=State.SENDING).count()
        seen = max(message["id"] for message in sms.messages())
    assert in_full_flight, "no kill hit a call under way: this proved nothing"
    sms.faults(slow_next=0)
    work_off()
    sent = Counter(message["out_id"] for message in sms.messages())
    assert sent == Counter(str(key) for key in Delivery.objects.values_list("key", flat=True))
    assert set(Delivery.objects.values_list("state", flat=True)) <= {State.SENT, State.DELIVERED}


@pytest.mark.parametrize("point", ["between notices and commit", "after commit"])
def test_fan_out_killed_and_resumed(point: str) -> None:
    community = CommunityFactory.create()
    bills = [make_bill(account=AccountFactory.create(community=community)) for _payer in range(7)]
    run = bills[0].run
    bills_issued.send(sender=type(run), run=run)
    campaign = Campaign.objects.get()
    env = processes.environment()
    assert processes.run_until_it_dies(DOOMED, "fan-out", point, campaign.pk, env=env) == KILLED
    done = Notice.objects.count()
    assert done == (2 if point == "between notices and commit" else 4)
    assert fan_out_campaign(campaign_id=campaign.pk), "the dead one's lease still runs"
    assert Notice.objects.count() == done
    time_passes()
    assert dispatch.waiting_campaigns() == [campaign.pk]
    assert fan_out_campaign(campaign_id=campaign.pk)
    assert Counter(Notice.objects.values_list("bills", flat=True)) == Counter(
        bill.pk for bill in bills
    )
    assert Delivery.objects.filter(channel="sms").count() == 7
    assert Delivery.objects.filter(channel="door").count() == 7
