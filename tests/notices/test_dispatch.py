"""The dispatcher: what is due is rung for once; a broker that is down loses nothing."""

import datetime
import threading
import time
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from celery import Celery
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

import core.doorbell
from notices import doorbell
from notices.models import Delivery, Notice
from notices.services import dispatch
from notices.services.deliver import deliver
from notices.services.notify import notify
from tests.factories.community import PartyFactory
from tests.factories.notices import DeliveryFactory
from tests.fixtures.simulators import SmsSimulator
from tests.notices.test_channels import closed_port
from tests.races import errors_in, together


@pytest.fixture
def bells() -> Iterator[list[int]]:
    """The deliveries that were rung for, in order."""
    rung: list[int] = []
    with patch.object(
        doorbell,
        "ring_delivery",
        side_effect=lambda delivery_id, urgent=False: rung.append(delivery_id),
    ):
        yield rung


def make_deliveries(number: int, **fields: object) -> list[int]:
    first = DeliveryFactory.create(**fields)
    rows = [
        Delivery(notice=first.notice, channel="sms", address=f"139{n:08d}", **fields)
        for n in range(1, number)
    ]
    return [first.pk, *(row.pk for row in Delivery.objects.bulk_create(rows))]


@pytest.mark.django_db
def test_rings_once_while_the_bell_is_on_its_way(bells: list[int]) -> None:
    ids = make_deliveries(3)
    assert dispatch.dispatch() == 3
    assert dispatch.dispatch() == 0
    assert bells == ids


@pytest.mark.django_db
def test_rings_again_when_a_bell_was_lost(bells: list[int]) -> None:
    [row] = make_deliveries(1)
    dispatch.dispatch()
    Delivery.objects.update(leased_until=timezone.now() - datetime.timedelta(seconds=1))
    dispatch.dispatch()
    assert bells == [row, row]


@pytest.mark.django_db
def test_leaves_what_is_not_due_done_or_for_the_door(bells: list[int]) -> None:
    from tests.factories.community import UnitFactory

    later = timezone.now() + datetime.timedelta(minutes=1)
    DeliveryFactory.create(due_at=later)
    DeliveryFactory.create(state="sent")
    DeliveryFactory.create(channel="door", address="3-1-0101", unit=UnitFactory.create())
    assert dispatch.dispatch() == 0


@pytest.mark.django_db
def test_somebody_who_waits_comes_first(bells: list[int]) -> None:
    make_deliveries(3)
    code = DeliveryFactory.create(priority=Delivery.URGENT)
    dispatch.dispatch()
    assert bells[0] == code.pk


@pytest.mark.django_db
def test_broker_is_not_flooded(bells: list[int]) -> None:
    make_deliveries(7)
    with patch.object(dispatch, "MOST_IN_FLIGHT", 5):
        assert dispatch.dispatch() == 5
        assert dispatch.dispatch() == 0
        Delivery.objects.filter(pk=bells[0]).update(state="sent", leased_until=None)
        assert dispatch.dispatch() == 1


@pytest.mark.django_db
def test_broker_down_in_the_middle(bells: list[int]) -> None:
    ids = make_deliveries(3)

    def dies_at_the_second(delivery_id: int, *, urgent: bool = False) -> None:
        if bells:
            raise OperationalError("down")
        bells.append(delivery_id)

    with (
        patch.object(doorbell, "ring_delivery", side_effect=dies_at_the_second),
        pytest.raises(OperationalError),
    ):
        dispatch.dispatch()
    assert dispatch.dispatch() == 2
    assert bells == ids


@pytest.mark.django_db(transaction=True)
def test_two_beats_ring_each_once(bells: list[int]) -> None:
    ids = make_deliveries(60)
    outcomes = together(*[dispatch.dispatch] * 4)
    assert errors_in(outcomes) == []
    assert sorted(bells) == ids


@pytest.mark.django_db(transaction=True)
def test_two_workers_without_the_lock_send_twice(sms: SmsSimulator) -> None:
    """The race that the row's lock in `deliver` is for."""
    [row] = make_deliveries(1)
    both_have_looked = threading.Barrier(2)

    def naive() -> None:
        from notices.channels import get_channel
        from notices.content import message_of

        delivery = Delivery.objects.select_related("notice").get(pk=row)
        assert delivery.state == "queued"
        both_have_looked.wait(20)
        get_channel("sms").send(message_of(delivery))
        Delivery.objects.filter(pk=row).update(state="sent")

    assert errors_in(together(naive, naive)) == []
    assert len(sms.messages()) == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_delivery_send_once(sms: SmsSimulator) -> None:
    ids = make_deliveries(5)
    for row in ids:
        outcomes = together(*[lambda row=row: deliver(delivery_id=row)] * 4)
        assert errors_in(outcomes) == []
    assert sorted(message["out_id"] for message in sms.messages()) == sorted(
        str(key) for key in Delivery.objects.values_list("key", flat=True)
    )


@pytest.mark.django_db(transaction=True)
def test_broker_down_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The bell after the commit fails at once; the row is there and the next beat finds it."""
    party = PartyFactory.create()
    nowhere = Celery(broker=f"redis://127.0.0.1:{closed_port()}/0", set_as_current=False)
    nowhere.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with patch.object(core.doorbell, "current_app", nowhere):
        began = time.monotonic()
        with transaction.atomic():
            notify(
                kind=Notice.Kind.FEE,
                community=party.community,
                party=party,
                phone=party.phone,
                event_key="once",
            )
        assert time.monotonic() - began < 5, "somebody waits for this page"
    assert "Error calling" in caplog.text
    rung: list[int] = []
    with patch.object(
        doorbell, "ring_delivery", side_effect=lambda pk, urgent=False: rung.append(pk)
    ):
        assert dispatch.dispatch() == 1
    assert rung == [Delivery.objects.get().pk]
