"""A provider is answered within a second, whatever the database and the broker are at."""

import socket
import time
from queue import Queue
from threading import Event, Thread

import psycopg2
import pytest
from celery import Celery
from django.db import connection
from django.test import Client

from config.celery import app
from core import doorbell
from payments.models import ProviderEvent
from payments.services.online import events
from tests.payments.online import start

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def message(merchant, bill, catcher, settings):
    """A genuine callback of a paid order: headers as the test client wants them, and body."""
    settings.SITE_URL = catcher.url.partition("/callbacks")[0]
    order = start(bill)
    merchant.pay(order.out_trade_no, callback=False)
    merchant.notify(order.out_trade_no)
    return catcher.last


def delivered(message):
    """The status that the provider hears, and after how many seconds."""
    headers, body = message
    client = Client(raise_request_exception=False)
    began = time.monotonic()
    answer = client.post(
        "/callbacks/wechatpay/", body, content_type="application/json", headers=headers
    )
    return answer, time.monotonic() - began


def test_a_slow_database_is_not_waited_for_and_the_message_is_taken_later(message):
    mine = connection.settings_dict
    other = psycopg2.connect(
        dbname=mine["NAME"], host=mine["HOST"], user=mine["USER"], port=mine["PORT"] or None,
        password=mine["PASSWORD"] or None,
    )  # fmt: skip
    try:
        other.cursor().execute("LOCK TABLE payments_providerevent IN EXCLUSIVE MODE")
        answer, seconds = delivered(message)
        assert answer.status_code == 503
        assert b"FAIL" in answer.content
        assert seconds < 1
    finally:
        other.close()
    assert delivered(message)[0].status_code == 204
    assert ProviderEvent.objects.count() == 1


def test_a_callback_is_one_question_to_the_database(
    message, monkeypatch, django_assert_num_queries
):
    """They come in crowds; and what is told again is neither stored nor rung for again."""
    rung: list[int] = []
    monkeypatch.setattr(events, "ring_aside", lambda task, row: rung.append(row))
    for _time in range(2):
        with django_assert_num_queries(1):
            assert delivered(message)[0].status_code == 204
    assert rung == [ProviderEvent.objects.get().pk]


@pytest.fixture
def silent_broker(monkeypatch):
    """Takes every connection and never says a word; the bells ring as in production."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        celery = Celery("silent", broker=url, set_as_current=False)
        rung = []

        def send_task(name, **options):
            rung.append(name)
            return celery.send_task(name, **options)

        monkeypatch.setattr(app, "send_task", send_task)
        monkeypatch.setattr(events, "ring_aside", doorbell.ring_aside)
        yield rung


def test_a_broker_that_says_nothing_is_not_waited_for(message, silent_broker):
    answer, seconds = delivered(message)
    assert (answer.status_code, ProviderEvent.objects.count()) == (204, 1)
    assert seconds < 1


def test_bells_beyond_measure_are_left_to_the_sweep(monkeypatch):
    """A hung broker holds up one thread, and never fills the memory."""
    monkeypatch.setattr(doorbell, "MOST_WAITING", 2)
    monkeypatch.setattr(doorbell, "Thread", type("Idle", (), {
        "__init__": lambda self, **options: None, "start": lambda self: None,
    }))  # fmt: skip
    doorbell._waiting.cache_clear()
    try:
        for number in range(5):
            doorbell.ring_aside("payments.tasks.process_events", number)
    finally:
        doorbell._waiting.cache_clear()


def test_one_bell_that_fails_does_not_silence_the_others(monkeypatch):
    rung: list[tuple[str, ...]] = []
    heard = Event()

    def ring(task, *rows):
        rung.append((task, *rows))
        if task == "broken":
            raise ConnectionError(task)
        heard.set()

    monkeypatch.setattr(doorbell, "ring", ring)
    waiting: Queue[tuple[str, int]] = Queue()
    for bell in (("broken", 1), ("whole", 2), ("whole", 3)):
        waiting.put(bell)
    Thread(target=doorbell._ring_all, args=(waiting,), daemon=True).start()
    assert heard.wait(5)
    assert rung == [("broken", 1), ("whole", 2, 3)]
