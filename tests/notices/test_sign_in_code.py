"""The one-time code: at once, never readable at rest, gone when sent or expired."""

import datetime
import json
import logging

import pytest
from django.core import serializers
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from community.signals import sign_in_code_requested
from core.encryption import decrypt
from notices.models import Delivery, Notice
from notices.services import dispatch
from notices.services.deliver import deliver
from notices.services.states import State
from tests.factories.community import UserFactory
from tests.factories.notices import DeliveryFactory
from tests.fixtures.simulators import SmsSimulator

pytestmark = pytest.mark.django_db

CODE = "481516"
PHONE = "13900000001"


def request_code(**told: object) -> Delivery:
    sign_in_code_requested.send(sender=None, phone=PHONE, code=CODE, **told)
    return Delivery.objects.get(notice__kind=Notice.Kind.SIGN_IN_CODE)


def everything_stored() -> str:
    """All rows of the room, as they lie in the database."""
    rows = [*Notice.objects.all(), *Delivery.objects.all()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(d)::text FROM notices_delivery d")
        raw = [row[0] for row in cursor.fetchall()]
    return serializers.serialize("json", rows) + json.dumps(raw)


def test_arrives(sms: SmsSimulator) -> None:
    user = UserFactory.create(phone=PHONE)
    delivery = request_code(user=user)
    assert delivery.priority == Delivery.URGENT
    assert deliver(delivery_id=delivery.pk) == State.SENT
    [message] = sms.messages()
    assert message["phone"] == PHONE
    assert CODE in message["text"]
    assert json.loads(message["params"])["minutes"] == "5"


def test_somebody_not_yet_known(sms: SmsSimulator) -> None:
    delivery = request_code(user=None)
    assert deliver(delivery_id=delivery.pk) == State.SENT


def test_never_stored_readable(sms: SmsSimulator) -> None:
    delivery = request_code()
    assert CODE not in everything_stored()
    assert decrypt(delivery.secret) == CODE
    deliver(delivery_id=delivery.pk)
    delivery.refresh_from_db()
    assert delivery.secret == ""
    assert CODE not in everything_stored()


@pytest.mark.parametrize("fault", ["", "cut_next", "refuse_next", "fail_next", "throttle_next"])
def test_never_logged(fault: str, sms: SmsSimulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.INFO)  # as settings.LOGGING does
    if fault:
        sms.faults(**{fault: 1})
    delivery = request_code()
    deliver(delivery_id=delivery.pk)
    delivery.refresh_from_db()
    assert CODE not in caplog.text
    assert CODE not in delivery.error
    assert CODE not in everything_stored()


def test_expired_is_never_sent(sms: SmsSimulator) -> None:
    delivery = request_code(expires_at=timezone.now() - datetime.timedelta(seconds=1))
    assert deliver(delivery_id=delivery.pk) is None
    delivery.refresh_from_db()
    assert (delivery.state, delivery.secret) == (State.FAILED, "")
    assert "expired" in delivery.error
    assert sms.messages() == []


def test_expired_after_a_try_that_may_have_arrived_is_only_asked_about(sms: SmsSimulator) -> None:
    delivery = request_code()
    sms.faults(refuse_next=1)  # cut before the provider had it
    assert deliver(delivery_id=delivery.pk) == State.QUEUED
    Delivery.objects.update(due_at=timezone.now(), expires_at=timezone.now())
    assert deliver(delivery_id=delivery.pk) == State.FAILED
    assert sms.messages() == []
    delivery.refresh_from_db()
    assert delivery.secret == ""


def test_sweep_empties_what_expired_while_nobody_looked() -> None:
    delivery = request_code(expires_at=timezone.now() + datetime.timedelta(minutes=5))
    later = timezone.now() + datetime.timedelta(minutes=30)
    Delivery.objects.update(due_at=later)
    assert dispatch.drop_expired() == 0
    Delivery.objects.update(expires_at=timezone.now())
    assert dispatch.drop_expired() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.secret) == (State.FAILED, "")


@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED, State.FAILED, State.UNKNOWN])
def test_database_refuses_a_code_kept_after_it_is_done(state: State) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        DeliveryFactory.create(state=state, secret="left over")


def test_code_is_never_an_email() -> None:
    UserFactory.create(phone=PHONE, email="somebody@example.com")
    delivery = request_code()
    assert [delivery] == list(Delivery.objects.all())
    assert delivery.channel == Delivery.Channel.SMS
