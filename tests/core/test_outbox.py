"""Claim and lease, on real rows and real connections (deliveries serve as the rows)."""

import datetime
import threading

import pytest
from django.db import transaction
from django.utils import timezone

from core import outbox
from notices.models import Delivery
from tests.factories.notices import DeliveryFactory
from tests.races import PATIENCE, errors_in, together

LEASE = datetime.timedelta(seconds=60)
PAST = timezone.now() - datetime.timedelta(seconds=1)


def make_rows(number: int) -> list[int]:
    first = DeliveryFactory.create()
    rows = [
        Delivery(notice=first.notice, channel="sms", address=f"139{n:08d}")
        for n in range(1, number)
    ]
    return [first.pk, *(row.pk for row in Delivery.objects.bulk_create(rows))]


def in_order() -> "outbox.models.QuerySet[Delivery]":
    return Delivery.objects.order_by("priority", "pk")


@pytest.mark.django_db
def test_claims_in_order_up_to_the_limit() -> None:
    ids = make_rows(5)
    Delivery.objects.filter(pk=ids[-1]).update(priority=0)
    assert outbox.claim(in_order(), limit=3, lease=LEASE) == [ids[-1], ids[0], ids[1]]
    assert outbox.claim(in_order(), limit=3, lease=LEASE) == [ids[2], ids[3]]
    assert outbox.claim(in_order(), limit=3, lease=LEASE) == []


@pytest.mark.django_db
def test_a_limit_of_nothing_claims_nothing() -> None:
    make_rows(2)
    assert outbox.claim(in_order(), limit=0, lease=LEASE) == []


@pytest.mark.django_db
def test_lease_runs_by_the_databases_clock() -> None:
    [row] = make_rows(1)
    outbox.claim(in_order(), limit=1, lease=LEASE)
    until = Delivery.objects.get(pk=row).leased_until
    assert until
    assert abs(until - timezone.now() - LEASE) < datetime.timedelta(seconds=10)


@pytest.mark.django_db
def test_lapsed_and_released_leases_are_free() -> None:
    ids = make_rows(3)
    outbox.claim(in_order(), limit=3, lease=LEASE)
    Delivery.objects.filter(pk=ids[0]).update(leased_until=PAST)
    assert outbox.release(Delivery.objects.filter(pk=ids[1])) == 1
    assert outbox.claim(in_order(), limit=3, lease=LEASE) == ids[:2]


@pytest.mark.django_db
def test_reconcile_puts_back_only_what_lapsed() -> None:
    ids = make_rows(3)
    Delivery.objects.update(state="sending")
    outbox.claim(in_order(), limit=2, lease=LEASE)
    Delivery.objects.filter(pk=ids[0]).update(leased_until=PAST)
    assert outbox.reconcile(Delivery.objects.filter(state="sending"), state="queued") == 1
    assert outbox.reconcile(Delivery.objects.filter(state="sending"), state="queued") == 0
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert states == {ids[0]: "queued", ids[1]: "sending", ids[2]: "sending"}


@pytest.mark.django_db(transaction=True)
def test_without_a_claim_two_workers_take_the_same_rows() -> None:
    """The race that the claim is for: both look before either has marked what it took."""
    ids = make_rows(10)
    both_have_looked = threading.Barrier(2)

    def naive() -> list[int]:
        taken = list(Delivery.objects.filter(leased_until=None).values_list("pk", flat=True))
        both_have_looked.wait(PATIENCE)
        Delivery.objects.filter(pk__in=taken).update(leased_until=timezone.now() + LEASE)
        return sorted(taken)

    assert together(naive, naive) == [ids, ids]


@pytest.mark.django_db(transaction=True)
def test_claims_at_one_moment_share_the_rows() -> None:
    ids = make_rows(40)

    def take() -> list[int]:
        taken: list[int] = []
        while claimed := outbox.claim(in_order(), limit=3, lease=LEASE):
            taken += claimed
        return taken

    outcomes = together(take, take, take, take)
    assert errors_in(outcomes) == []
    assert sorted(row for taken in outcomes for row in taken) == ids


@pytest.mark.django_db(transaction=True)
def test_a_claim_does_not_wait_for_a_locked_row() -> None:
    ids = make_rows(3)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Delivery.objects.select_for_update().get(pk=ids[0])
            locked.set()
            assert done.wait(PATIENCE)

    def take() -> list[int]:
        assert locked.wait(PATIENCE)
        claimed = outbox.claim(in_order(), limit=3, lease=LEASE)
        done.set()
        return claimed

    assert together(hold, take)[1] == ids[1:]
