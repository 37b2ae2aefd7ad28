"""The operator's report on messages: from the simulator's own format, and anything else."""

import json
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notices.models import Delivery
from notices.services.states import State
from tests.factories.notices import DeliveryFactory

pytestmark = pytest.mark.django_db


def post(body: Any, *, token: str | None = None, client: Client | None = None) -> Any:
    url = reverse("notices:sms_report", args=[token or settings.SMS_REPORT_TOKEN])
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return (client or Client()).post(url, text, content_type="application/json")


def line(delivery: Delivery, *, success: bool = True, **told: Any) -> dict[str, Any]:
    return {
        "phone_number": delivery.address,
        "send_time": "2026-01-05 10:00:00",
        "report_time": "2026-01-05 10:00:02",
        "success": success,
        "err_code": "DELIVERED" if success else "MOBILE_NOT_ON_SERVICE",
        "err_msg": "用户接收成功" if success else "手机号停机",
        "sms_size": "1",
        "biz_id": "932702304080415357^0",
        "out_id": str(delivery.key),
        **told,
    }


def state_of(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return delivery.state


def test_arrived() -> None:
    delivery = DeliveryFactory.create(state=State.SENT)
    answer = post([line(delivery)])
    assert (answer.status_code, json.loads(answer.content)) == (200, {"code": 0, "msg": "成功"})
    assert state_of(delivery) == State.DELIVERED
    assert delivery.delivered_at
    assert delivery.provider_id == "932702304080415357^0"


def test_did_not_arrive() -> None:
    delivery = DeliveryFactory.create(state=State.SENT)
    assert post([line(delivery, success=False)]).status_code == 200
    assert state_of(delivery) == State.FAILED
    assert delivery.error == "MOBILE_NOT_ON_SERVICE 手机号停机"


def test_told_twice_or_turned_round_changes_nothing() -> None:
    delivery = DeliveryFactory.create(state=State.SENT)
    post([line(delivery), line(delivery)])
    delivery.refresh_from_db()
    arrived_at = delivery.delivered_at
    assert post([line(delivery)]).status_code == 200
    assert post([line(delivery, success=False)]).status_code == 200
    assert state_of(delivery) == State.DELIVERED
    assert delivery.delivered_at == arrived_at


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN, State.QUEUED])
def test_report_that_overtakes_our_own_record(state: State) -> None:
    delivery = DeliveryFactory.create(state=state, in_doubt_since=timezone.now())
    post([line(delivery)])
    assert state_of(delivery) == State.DELIVERED
    assert delivery.in_doubt_since is None


def test_report_about_what_was_never_tried_is_not_believed() -> None:
    delivery = DeliveryFactory.create()
    post([line(delivery)])
    assert state_of(delivery) == State.QUEUED


def test_report_about_another_number_is_not_believed() -> None:
    delivery = DeliveryFactory.create(state=State.SENT)
    post([line(delivery, phone_number="13900009999")])
    assert state_of(delivery) == State.SENT


def test_strangers_and_rubbish_in_the_array_do_not_stop_the_rest() -> None:
    delivery = DeliveryFactory.create(state=State.SENT)
    rubbish: list[Any] = [
        None,
        7,
        "x",
        [],
        {},
        {"out_id": "order-7"},
        {"out_id": str(uuid.uuid4())},
    ]
    assert post([*rubbish, line(delivery, err_msg=None)]).status_code == 200
    assert state_of(delivery) == State.DELIVERED


@pytest.mark.parametrize("body", ["", "{}", "null", "7", "[", b"\xff\xfe", "[" * 100_000])
def test_what_is_no_report(body: str | bytes) -> None:
    assert post(body).status_code == 400


def test_too_long() -> None:
    assert post(" " * 1_000_001).status_code == 413


@pytest.mark.parametrize("token", ["wrong", "密"])
def test_unguessable_address(token: str) -> None:
    delivery = DeliveryFactory.create(state=State.SENT)
    assert post([line(delivery)], token=token).status_code == 404
    assert state_of(delivery) == State.SENT


def test_needs_no_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    delivery = DeliveryFactory.create(state=State.SENT)
    assert post([line(delivery)], client=client).status_code == 200


def test_only_post() -> None:
    url = reverse("notices:sms_report", args=[settings.SMS_REPORT_TOKEN])
    assert Client().get(url).status_code == 405
