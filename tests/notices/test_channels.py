"""Each channel against its simulator, and the registry."""

import datetime
import socket
import subprocess
import sys
import uuid
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone, translation
from pytest_django.fixtures import Settings

from notices.channels import explain_error, get_channel, sms_aliyun
from notices.channels.base import Fate, Message, TransportError
from notices.channels.email import Email
from notices.channels.sms_aliyun import AliyunSms
from notices.system_checks import check_channels
from tests.fixtures.simulators import MailboxSimulator, SmsSimulator
from tests.notices.channel_contract import ChannelContract


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


class TestAliyunSms(ChannelContract):
    @pytest.fixture(autouse=True)
    def provider(self, sms: SmsSimulator, settings: Settings) -> None:
        self.sms, self.settings = sms, settings

    @pytest.fixture
    def channel(self, provider: None) -> AliyunSms:
        return AliyunSms()

    @pytest.fixture
    def message(self) -> Message:
        return Message(
            key=str(uuid.uuid4()),
            address="13900000001",
            template="sign_in_code",
            params={"code": self.SECRET, "minutes": "5"},
        )

    def sent_keys(self) -> Sequence[str]:
        return [message["out_id"] for message in self.sms.messages()]

    def given_nobody_listens(self) -> None:
        self.settings.ALIYUN_SMS_ENDPOINT = f"127.0.0.1:{closed_port()}"

    def given_the_address_is_refused(self, message: Message) -> None:
        self.sms.faults(illegal_prefix=message.address)

    def given_too_many_for_now(self, message: Message) -> None:
        self.sms.faults(throttle_next=1)

    def given_the_line_is_cut_after_taking(self) -> None:
        self.sms.faults(cut_next=1)

    def test_template_and_params_arrive(self, channel: AliyunSms, message: Message) -> None:
        channel.send(message)
        [sent] = self.sms.messages()
        assert sent["phone"] == "13900000001"
        assert self.SECRET in sent["text"]

    def test_unknown_template(self, channel: AliyunSms) -> None:
        with pytest.raises(TransportError) as caught:
            channel.send(Message(key="k", address="13900000001", template="no such"))
        assert caught.value.permanent

    def test_wrong_secret_may_be_mended(self, channel: AliyunSms, message: Message) -> None:
        self.settings.ALIYUN_SMS_ACCESS_KEY_SECRET = "wrong"
        with pytest.raises(TransportError) as caught:
            channel.send(message)
        assert not caught.value.permanent
        assert self.sent_keys() == []

    def test_not_configured(self, message: Message) -> None:
        self.settings.ALIYUN_SMS_ACCESS_KEY_SECRET = ""
        channel = AliyunSms()
        assert channel.missing_settings() == ["ALIYUN_SMS_ACCESS_KEY_SECRET is not set"]
        with pytest.raises(TransportError) as caught:
            channel.send(message)
        assert not caught.value.permanent


class TestEmail(ChannelContract):
    @pytest.fixture(autouse=True)
    def provider(self, mailbox: MailboxSimulator, settings: Settings) -> None:
        self.mailbox, self.settings = mailbox, settings

    @pytest.fixture
    def channel(self, provider: None) -> Email:
        return Email()

    @pytest.fixture
    def message(self) -> Message:
        return Message(
            key=str(uuid.uuid4()),
            address="owner@example.com",
            subject="缴费通知",
            text=f"您好 {self.SECRET}",
            html=f"<p>您好 {self.SECRET}</p>",
            params={"code": self.SECRET},
        )

    def sent_keys(self) -> Sequence[str]:
        return [
            headers["Message-ID"].strip("<>").partition("@")[0]
            for headers in (_headers(mail) for mail in self.mailbox.messages())
        ]

    def given_nobody_listens(self) -> None:
        self.settings.EMAIL_PORT = closed_port()

    def given_the_address_is_refused(self, message: Message) -> None:
        self.mailbox.faults(refuse=[message.address])

    def given_too_many_for_now(self, message: Message) -> None:
        self.mailbox.faults(defer=[message.address])

    def given_the_line_is_cut_after_taking(self) -> None:
        self.mailbox.faults(cut_next=1)

    def test_text_and_html_arrive(self, channel: Email, message: Message) -> None:
        channel.send(message)
        [mail] = self.mailbox.messages()
        assert mail["subject"] == "缴费通知"
        assert message.text in mail["text"]
        assert message.html in mail["html"]
        assert _headers(mail)["Message-ID"] == Email.message_id(message.key)

    @pytest.mark.parametrize("subject", ["a\nBcc: all@example.com", "a\r\nb"])
    def test_header_injection_is_refused(self, channel: Email, subject: str) -> None:
        with pytest.raises(TransportError) as caught:
            channel.send(Message(key="k", address="owner@example.com", subject=subject))
        assert caught.value.permanent
        assert self.mailbox.messages() == []


def _headers(mail: dict[str, Any]) -> dict[str, str]:
    headers = mail["headers"]
    return dict(headers.items() if isinstance(headers, dict) else headers)


@pytest.mark.parametrize(
    ("channel", "error", "words"),
    [
        ("sms", "isv.MOBILE_NUMBER_ILLEGAL: 1invalid mobile number", "phone number is not valid"),
        ("sms", "MOBILE_NOT_ON_SERVICE 手机号停机", "out of service"),
        ("sms", "isv.BUSINESS_LIMIT_CONTROL: 触发号码天级流控", "Too many"),
        ("sms", "MOBILE_IN_BLACK", "blocks our messages"),
        ("sms", "isv.AMOUNT_NOT_ENOUGH: 余额不足", "Our account"),
        ("sms", "SignatureDoesNotMatch: x", "Our account"),
        ("sms", "isv.SMS_SIGNATURE_ILLEGAL: x", "text of our message"),
        ("sms", "isv.SOMETHING_NEW: x", "refused it"),
        ("sms", "the operator reports a failure", "refused it"),
        ("sms", "a try was cut off and cannot be asked about", "may have arrived"),
        ("email", "550 no such mailbox", "mailbox does not exist"),
        ("email", "refused by the mail server: 550 5.1.1 no such user", "mailbox does not exist"),
        ("email", "refused by the mail server: 550 Mailbox not found", "mailbox does not exist"),
        ("email", "refused by the mail server: 550 5.7.1 SPF check failed", "blocks our messages"),
        ("email", "refused by the mail server: 552 5.2.2 over quota", "mailbox is full"),
        ("email", "refused by the mail server: 452 insufficient storage", "mailbox is full"),
        ("email", "refused by the mail server: 451 try later", "fault of its own"),
        ("email", "refused by the mail server: 521 whatever", "refused it"),
        ("email", "the mail server hung up", "may have arrived"),
        ("email", "expired before it could be sent", "no longer valid"),
        ("pigeon", "lost", "refused it"),
    ],
)
def test_reasons_are_told_in_plain_words(channel: str, error: str, words: str) -> None:
    with translation.override("en"):
        assert words in str(explain_error(channel, error))


def test_registered_channels_are_channels() -> None:
    assert check_channels() == []
    assert isinstance(get_channel("sms"), AliyunSms)
    assert isinstance(get_channel("email"), Email)


@pytest.mark.parametrize(
    ("registered", "problem"),
    [
        ({"pigeon": "notices.channels.email.Email"}, "notices.E001"),
        ({"door": "notices.channels.email.Email"}, "notices.E001"),
        ({"email": "notices.channels.nowhere.Email"}, "notices.E002"),
        ({"email": "notices.channels.base.Message"}, "notices.E003"),
        ({}, "notices.E004"),
    ],
)
def test_check_names_what_is_wrong(
    registered: dict[str, str], problem: str, settings: Settings
) -> None:
    settings.NOTICE_CHANNELS = registered
    assert problem in {message.id for message in check_channels()}


def test_production_wants_its_settings(settings: Settings) -> None:
    settings.PRODUCTION = True
    settings.ALIYUN_SMS_ACCESS_KEY_ID = ""
    settings.ALIYUN_SMS_ACCESS_KEY_SECRET = "there"
    assert [message.msg for message in check_channels()] == [
        "Channel 'sms': ALIYUN_SMS_ACCESS_KEY_ID is not set."
    ]


def test_asking_goes_on_to_the_next_page(sms: SmsSimulator) -> None:
    """A number that got much today: the message asked about is the oldest of them."""
    channel = AliyunSms()
    messages = [
        Message(
            key=str(uuid.uuid4()),
            address="13900000001",
            template="ticket_reply",
            params={"ticket": str(number)},
        )
        for number in range(4)
    ]
    since = timezone.now()
    for message in messages:
        channel.send(message)
    with patch.object(sms_aliyun, "PAGE_SIZE", 2):
        fates = [channel.ask(message, since=since).fate for message in messages]
    assert Fate.NOT_FOUND not in fates


def test_asking_covers_every_day_since_the_try(sms: SmsSimulator) -> None:
    channel = AliyunSms()
    message = Message(
        key=str(uuid.uuid4()),
        address="13900000001",
        template="ticket_reply",
        params={"ticket": "1"},
    )
    channel.send(message)
    since = timezone.now() - datetime.timedelta(days=2)
    assert channel.ask(message, since=since).fate is not Fate.NOT_FOUND


def test_starting_up_does_not_import_the_sdk() -> None:
    """It takes a second of CPU, and every command and web process would pay for it."""
    code = (
        "import django, sys; django.setup(); from django.core.management import call_command;"
        "call_command('check'); sys.exit('alibabacloud_dysmsapi20170525' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
