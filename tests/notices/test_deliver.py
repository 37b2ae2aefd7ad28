"""One delivery on its way: sent once, tried again, given up, in doubt."""

import datetime
from unittest.mock import patch

import pytest
from django.db import transaction
from django.utils import timezone

from notices.channels import get_channel
from notices.channels.base import Accepted, Message
from notices.models import Delivery
from notices.services import deliver as deliver_module
from notices.services import dispatch, states
from notices.services.deliver import BACKOFF, deliver
from notices.services.states import State
from tests.factories.notices import DeliveryFactory
from tests.fixtures.simulators import MailboxSimulator, SmsSimulator

pytestmark = pytest.mark.django_db


def again(delivery: Delivery) -> State | None:
    """The next try, as if its time had come."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now())
    state = deliver(delivery_id=delivery.pk)
    delivery.refresh_from_db()
    return state


def worker_died(delivery: Delivery) -> None:
    """The row as a worker leaves it that was killed, after its lease ended and it was put back."""
    Delivery.objects.filter(pk=delivery.pk).update(
        leased_until=timezone.now() - datetime.timedelta(seconds=1)
    )
    assert dispatch.put_back() == 1
    delivery.refresh_from_db()


class Killed(BaseException):
    """Stands for the end of the worker's process."""


def killed_before_recording(delivery: Delivery) -> None:
    with (
        patch.object(deliver_module, "_record", side_effect=Killed),
        pytest.raises(Killed),
    ):
        deliver(delivery_id=delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == State.SENDING
    worker_died(delivery)


def killed_before_sending(delivery: Delivery) -> None:
    with (
        patch.object(deliver_module, "_try", side_effect=Killed),
        pytest.raises(Killed),
    ):
        deliver(delivery_id=delivery.pk)
    worker_died(delivery)


def test_sms_is_sent_under_its_key(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    assert deliver(delivery_id=delivery.pk) == State.SENT
    delivery.refresh_from_db()
    [message] = sms.messages()
    assert message["out_id"] == str(delivery.key)
    assert message["phone"] == delivery.address
    assert delivery.provider_id == message["biz_id"]
    assert delivery.sent_at
    assert (delivery.attempts, delivery.leased_until, delivery.in_doubt_since) == (1, None, None)


def test_redelivered_bell_sends_nothing_more(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    deliver(delivery_id=delivery.pk)
    assert deliver(delivery_id=delivery.pk) is None
    assert len(sms.messages()) == 1


def test_not_before_it_is_due(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create(due_at=timezone.now() + datetime.timedelta(minutes=5))
    assert deliver(delivery_id=delivery.pk) is None
    assert sms.messages() == []


def test_door_notice_is_never_sent() -> None:
    from tests.factories.community import UnitFactory

    delivery = DeliveryFactory.create(channel="door", address="3-1-0101", unit=UnitFactory.create())
    assert deliver(delivery_id=delivery.pk) is None


def test_passing_refusal_is_tried_again_later(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    sms.faults(throttle_next=1)
    assert deliver(delivery_id=delivery.pk) == State.QUEUED
    delivery.refresh_from_db()
    wait = delivery.due_at - timezone.now()
    assert datetime.timedelta() < wait <= BACKOFF[0]
    assert "isv.BUSINESS_LIMIT_CONTROL" in delivery.error
    assert delivery.in_doubt_since is None
    assert again(delivery) == State.SENT
    assert delivery.error == ""


def test_waits_grow_and_end(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    sms.faults(throttle_next=100)
    for wait in BACKOFF:
        assert again(delivery) == State.QUEUED
        assert abs(delivery.due_at - timezone.now() - wait) < datetime.timedelta(seconds=5)
    assert again(delivery) == State.FAILED
    assert "isv.BUSINESS_LIMIT_CONTROL" in delivery.error
    assert sms.messages() == []


def test_permanent_refusal_fails_at_once(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create(address="057188880000")
    assert deliver(delivery_id=delivery.pk) == State.FAILED
    delivery.refresh_from_db()
    assert "isv.MOBILE_NUMBER_ILLEGAL" in delivery.error


def test_cut_line_is_asked_about_not_sent_again(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    sms.faults(cut_next=1)
    assert deliver(delivery_id=delivery.pk) == State.QUEUED
    delivery.refresh_from_db()
    assert delivery.in_doubt_since
    assert delivery.due_at - timezone.now() > datetime.timedelta(seconds=30)
    assert again(delivery) == State.DELIVERED
    assert len(sms.messages()) == 1


def test_killed_after_sending_asks_first(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    killed_before_recording(delivery)
    assert delivery.state == State.QUEUED
    assert again(delivery) == State.DELIVERED
    assert len(sms.messages()) == 1
    assert delivery.attempts == 2


def test_killed_before_sending_is_sent(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    killed_before_sending(delivery)
    assert again(delivery) == State.SENT
    assert len(sms.messages()) == 1


def test_in_doubt_and_provider_silent_stays_in_doubt(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    killed_before_recording(delivery)
    sms.faults(refuse_next=1)
    assert again(delivery) == State.QUEUED
    assert delivery.in_doubt_since
    assert again(delivery) == State.DELIVERED
    assert len(sms.messages()) == 1


def test_in_doubt_and_never_answered_becomes_unknown(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    killed_before_recording(delivery)
    sms.faults(refuse_next=1000)
    for _wait in BACKOFF[1:]:
        assert again(delivery) == State.QUEUED
    assert again(delivery) == State.UNKNOWN
    assert len(sms.messages()) == 1


def test_asking_learns_that_it_failed(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    killed_before_recording(delivery)
    report = {"out_id": str(delivery.key), "success": False}
    sms.raw("POST", "/control/reports", report)  # noted there; nobody is told
    assert again(delivery) == State.FAILED
    assert "MOBILE_NOT_ON_SERVICE" in delivery.error


def test_email_is_sent(mailbox: MailboxSimulator) -> None:
    delivery = DeliveryFactory.create(channel="email")
    assert deliver(delivery_id=delivery.pk) == State.SENT
    [mail] = mailbox.messages()
    assert delivery.address in mail["recipients"]


def test_email_killed_after_sending_is_never_sent_blindly(mailbox: MailboxSimulator) -> None:
    delivery = DeliveryFactory.create(channel="email")
    killed_before_recording(delivery)
    assert again(delivery) == State.UNKNOWN
    assert again(delivery) is None
    assert len(mailbox.messages()) == 1


def test_email_with_a_cut_line_is_unknown(mailbox: MailboxSimulator) -> None:
    delivery = DeliveryFactory.create(channel="email")
    mailbox.faults(cut_next=1)
    assert deliver(delivery_id=delivery.pk) == State.UNKNOWN
    assert len(mailbox.messages()) == 1


def test_provider_is_called_outside_transactions(sms: SmsSimulator) -> None:
    delivery = DeliveryFactory.create()
    outside = len(transaction.get_connection().savepoint_ids)

    def look(message: Message) -> Accepted:
        assert len(transaction.get_connection().savepoint_ids) == outside
        return send(message)

    channel = get_channel("sms")
    send = channel.send
    with patch.object(channel, "send", side_effect=look):
        assert deliver(delivery_id=delivery.pk) == State.SENT


def test_late_worker_does_not_overwrite(sms: SmsSimulator) -> None:
    """A's lease ended, B sent and recorded; what A says then is too late."""
    delivery = DeliveryFactory.create()
    attempt = deliver_module._begin(delivery.pk)
    assert attempt
    worker_died(delivery)
    assert again(delivery) == State.SENT
    late = deliver_module.Outcome(State.FAILED, reason="too late")
    assert deliver_module._record(attempt, late) == State.SENT
    delivery.refresh_from_db()
    assert delivery.state == State.SENT


@pytest.mark.parametrize("start", State.values)
@pytest.mark.parametrize("end", State.values)
def test_transitions(start: str, end: str) -> None:
    """Every pair: the listed ones are made, the others refused and nothing is written."""
    delivery = DeliveryFactory.create(state=start)
    if end in Delivery.TRANSITIONS[start]:
        states.move(delivery, end)
        expected = end
    else:
        with pytest.raises(states.IllegalTransition):
            states.move(delivery, end)
        expected = start
    delivery.refresh_from_db()
    assert delivery.state == expected
