"""The official Aliyun SDK against the running simulator."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import QuerySendDetailsRequest, SendSmsRequest
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.exceptions import DaraException, UnretryableException

from tests.fixtures.simulators import ControlError, SmsSimulator
from tests.simulators.conftest import Merchant

PHONE = "13800138000"
Send = Callable[..., Any]


def make_client(simulator: SmsSimulator, **changed: Any) -> Client:
    account = simulator.account
    arguments = {
        "access_key_id": account["ALIYUN_SMS_ACCESS_KEY_ID"],
        "access_key_secret": account["ALIYUN_SMS_ACCESS_KEY_SECRET"],
        "endpoint": account["ALIYUN_SMS_ENDPOINT"],
        "protocol": account["ALIYUN_SMS_PROTOCOL"],
        "read_timeout": 5000,
        "connect_timeout": 5000,
    }
    return Client(Config(**(arguments | changed)))


@pytest.fixture
def send(sms_simulator: SmsSimulator) -> Send:
    """Sends a sign-in code unless told otherwise; the body of the answer."""

    def send(client: Client | None = None, **changed: Any) -> Any:
        asked = {
            "phone_numbers": PHONE,
            "sign_name": sms_simulator.account["ALIYUN_SMS_SIGN_NAME"],
            "template_code": "SMS_300000001",
            "template_param": json.dumps({"code": "123456", "minutes": 5}),
            "out_id": "delivery-1",
        }
        request = SendSmsRequest(**(asked | changed))
        return (client or make_client(sms_simulator)).send_sms(request).body

    return send


def details(simulator: SmsSimulator, phone: str = PHONE, **more: Any) -> Any:
    today = time.strftime("%Y%m%d", time.gmtime(time.time() + 8 * 3600))
    asked = {"phone_number": phone, "send_date": today, "page_size": 10, "current_page": 1}
    return make_client(simulator).query_send_details(QuerySendDetailsRequest(**(asked | more))).body


def test_message_arrives_rendered(sms_simulator: SmsSimulator, send: Send) -> None:
    answer = send()
    assert (answer.code, answer.message) == ("OK", "OK")
    message = sms_simulator.wait(phone=PHONE)
    assert message["text"].startswith("【物业缴费】")
    assert "123456" in message["text"]
    assert (message["out_id"], message["biz_id"]) == ("delivery-1", answer.biz_id)


def test_signature_covers_odd_characters(sms_simulator: SmsSimulator, send: Send) -> None:
    assert send(out_id="a b~*+/=&%汉").code == "OK"
    assert sms_simulator.messages()[0]["out_id"] == "a b~*+/=&%汉"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"access_key_secret": "wrong"}, "SignatureDoesNotMatch"),
        ({"access_key_id": "LTAI5tStranger"}, "InvalidAccessKeyId.NotFound"),
    ],
)
def test_strangers_are_refused(
    sms_simulator: SmsSimulator, send: Send, changed: dict[str, str], code: str
) -> None:
    with pytest.raises(DaraException) as refusal:
        send(make_client(sms_simulator, **changed))
    assert refusal.value.code == code
    assert sms_simulator.messages() == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"phone_numbers": "12345"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"phone_numbers": f"{PHONE},x"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"sign_name": "别家物业"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"template_code": "SMS_1"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"template_param": "{}"}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"template_param": "code=1"}, "isv.INVALID_JSON_PARAM"),
        ({"template_param": '{"code": "%s", "minutes": 5}' % ("1" * 36)}, "isv.PARAM_LENGTH_LIMIT"),
    ],
)
def test_what_the_vendor_refuses(
    sms_simulator: SmsSimulator, send: Send, changed: dict[str, str], code: str
) -> None:
    assert send(**changed).code == code
    assert sms_simulator.messages() == []


@pytest.mark.parametrize("written", ["+8613800138000", "8613800138000", "008613800138000"])
def test_country_code_is_dropped(sms_simulator: SmsSimulator, send: Send, written: str) -> None:
    send(phone_numbers=written)
    assert [message["phone"] for message in sms_simulator.messages()] == [PHONE]


def test_query_finds_the_message_by_number_and_shows_the_out_id(
    sms_simulator: SmsSimulator, send: Send
) -> None:
    answer = send()
    send(phone_numbers="13900139000")
    found = details(sms_simulator, biz_id=answer.biz_id)
    [line] = found.sms_send_detail_dtos.sms_send_detail_dto
    assert (line.out_id, line.send_status, line.err_code) == ("delivery-1", 3, "DELIVERED")
    assert found.total_count == "1"
    assert details(sms_simulator, send_date="20200101").total_count == "0"


def test_report_comes_by_itself(
    sms_simulator: SmsSimulator, merchant: Merchant, send: Send
) -> None:
    sms_simulator.post("/control/settings", report_url=merchant.url, auto_report=True)
    answer = send()
    [line] = json.loads(merchant.next().body)
    assert (line["phone_number"], line["success"], line["err_code"]) == (PHONE, True, "DELIVERED")
    assert (line["biz_id"], line["out_id"]) == (answer.biz_id, "delivery-1")


def test_failure_is_reported_when_told_to(
    sms_simulator: SmsSimulator, merchant: Merchant, send: Send
) -> None:
    sms_simulator.post("/control/settings", report_url=merchant.url, auto_report=False)
    send()
    assert details(sms_simulator).sms_send_detail_dtos.sms_send_detail_dto[0].send_status == 1
    assert sms_simulator.report(out_id="delivery-1", success=False)["status"] == 200
    [line] = json.loads(merchant.next().body)
    assert (line["success"], line["err_code"]) == (False, "MOBILE_NOT_ON_SERVICE")
    assert details(sms_simulator).sms_send_detail_dtos.sms_send_detail_dto[0].send_status == 2
    with pytest.raises(ControlError):
        sms_simulator.report(out_id="another")


def test_throttled_once(sms_simulator: SmsSimulator, send: Send) -> None:
    sms_simulator.faults(throttle_next=1)
    assert send().code == "isv.BUSINESS_LIMIT_CONTROL"
    assert send().code == "OK"


def test_numbers_with_a_prefix_are_refused(sms_simulator: SmsSimulator, send: Send) -> None:
    sms_simulator.faults(illegal_prefix="199")
    assert send(phone_numbers="19900000000").code == "isv.MOBILE_NUMBER_ILLEGAL"
    assert send().code == "OK"


def test_server_error_sends_nothing(sms_simulator: SmsSimulator, send: Send) -> None:
    sms_simulator.faults(fail_next=1)
    with pytest.raises(DaraException) as refusal:
        send()
    assert refusal.value.code == "ServiceUnavailable"
    assert sms_simulator.messages() == []


def test_connection_cut_after_accepting_leaves_the_message(
    sms_simulator: SmsSimulator, send: Send
) -> None:
    sms_simulator.faults(cut_next=1)
    with pytest.raises(UnretryableException):
        send()
    [line] = details(sms_simulator).sms_send_detail_dtos.sms_send_detail_dto
    assert line.out_id == "delivery-1"


def test_templates_can_be_added(sms_simulator: SmsSimulator, send: Send) -> None:
    sms_simulator.post("/control/templates", SMS_900001="您好${name}")
    assert send(template_code="SMS_900001", template_param='{"name": "王"}').code == "OK"
    assert sms_simulator.messages()[0]["text"] == "【物业缴费】您好王"
    sms_simulator.reset()
    assert send(template_code="SMS_900001").code == "isv.SMS_TEMPLATE_ILLEGAL"


def test_page_lists_messages_of_one_number(sms_simulator: SmsSimulator, send: Send) -> None:
    send()
    send(phone_numbers="13900139000", template_param='{"code": "<b>", "minutes": 5}')
    status, page = sms_simulator.raw("GET", "/?phone=13900139000")
    assert status == 200
    assert "&lt;b&gt;" in page
    assert PHONE not in page
    assert 'http-equiv="refresh"' in page
    assert 'http-equiv="refresh"' not in sms_simulator.raw("GET", "/?still=1")[1]
