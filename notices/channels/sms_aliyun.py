"""SMS by Aliyun (dysmsapi 2017-05-25) with the official SDK.

The delivery's key travels as OutId: it comes back in QuerySendDetails and in the delivery report,
which is how a second try asks first whether the first one arrived.
"""

import datetime
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from alibabacloud_dysmsapi20170525 import models as sms
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ClientException
from alibabacloud_tea_openapi.models import Config
from darabonba.exceptions import UnretryableException
from darabonba.runtime import RuntimeOptions
from django.conf import settings
from django.utils import timezone
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import NewConnectionError

from notices.channels.base import (
    Accepted,
    Answer,
    Channel,
    Fate,
    Message,
    OutcomeUnknown,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECT_TIMEOUT_MS = 5_000
READ_TIMEOUT_MS = 10_000
# One number gets at most 50 messages of a template a day, so two pages would do.
PAGE_SIZE = 50
MOST_PAGES = 10

# Refusals that pass: too many for now, or something about the account that a person will mend.
# Every other refusal is about this number or this text, and would come again.
# https://help.aliyun.com/document_detail/101346.html
PASSING = frozenset(
    {
        "isv.ACCOUNT_ABNORMAL",
        "isv.ACCOUNT_NOT_EXISTS",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.BUSINESS_LIMIT_CONTROL",
        "isv.DAY_LIMIT_CONTROL",
        "isv.MONTH_LIMIT_CONTROL",
        "isv.OUT_OF_SERVICE",
        "isp.RAM_PERMISSION_DENY",
        "isp.SYSTEM_ERROR",
        "InvalidAccessKeyId.NotFound",
        "SignatureDoesNotMatch",
        "SignatureNonceUsed",
        "Forbidden.RAM",
        "Throttling.User",
        "ServiceUnavailable",
    }
)

# SendStatus of QuerySendDetails.
_FATES = {1: Fate.ACCEPTED, 2: Fate.FAILED, 3: Fate.DELIVERED}


class AliyunSms(Channel):
    can_be_asked = True

    def send(self, message: Message) -> Accepted:
        request = sms.SendSmsRequest(
            phone_numbers=message.address,
            sign_name=settings.ALIYUN_SMS_SIGN_NAME,
            template_code=self._template_code(message),
            template_param=json.dumps(dict(message.params), ensure_ascii=False),
            out_id=message.key,
        )
        body = self._call("send_sms_with_options", request).body
        if body.code != "OK":
            raise _refusal(body.code, body.message)
        return Accepted(provider_id=body.biz_id or "")

    def ask(self, message: Message, *, since: datetime.datetime) -> Answer:
        for detail in self._details(message.address, since=since):
            if detail.out_id == message.key:
                return Answer(
                    fate=_FATES.get(detail.send_status, Fate.ACCEPTED),
                    error=f"{detail.err_code}" if detail.send_status == 2 else "",
                )
        return Answer(Fate.NOT_FOUND)

    def missing_settings(self) -> list[str]:
        names = (
            "ALIYUN_SMS_ENDPOINT",
            "ALIYUN_SMS_ACCESS_KEY_ID",
            "ALIYUN_SMS_ACCESS_KEY_SECRET",
            "ALIYUN_SMS_SIGN_NAME",
        )
        return [f"{name} is not set" for name in names if not getattr(settings, name)]

    @cached_property
    def _client(self) -> Client:
        missing = self.missing_settings()
        if missing:
            raise TransportError("; ".join(missing), permanent=False)
        return Client(
            Config(
                access_key_id=settings.ALIYUN_SMS_ACCESS_KEY_ID,
                access_key_secret=settings.ALIYUN_SMS_ACCESS_KEY_SECRET,
                endpoint=settings.ALIYUN_SMS_ENDPOINT,
                protocol=settings.ALIYUN_SMS_PROTOCOL,
            )
        )

    @staticmethod
    def _template_code(message: Message) -> str:
        code = settings.SMS_TEMPLATES.get(message.template, "")
        if not code:
            raise TransportError(f"no SMS template for {message.template!r}", permanent=True)
        return str(code)

    def _details(self, phone: str, *, since: datetime.datetime) -> "Iterator[Any]":
        """What was sent to `phone` on the day of `since` (Asia/Shanghai) and the day after.

        The day after, because a call made just before midnight may be booked just after it.
        """
        first_day = timezone.localtime(since).date()
        for day in (first_day, first_day + datetime.timedelta(days=1)):
            if day > timezone.localdate():
                return
            for page in range(1, MOST_PAGES + 1):
                found = self._page(phone, day, page)
                yield from found
                if len(found) < PAGE_SIZE:
                    break

    def _page(self, phone: str, day: datetime.date, page: int) -> list[Any]:
        request = sms.QuerySendDetailsRequest(
            phone_number=phone,
            send_date=f"{day:%Y%m%d}",
            page_size=PAGE_SIZE,
            current_page=page,
        )
        try:
            body = self._call("query_send_details_with_options", request).body
        except OutcomeUnknown as error:
            # A question may be asked twice.
            raise TransportError(str(error), permanent=False) from None
        if body.code != "OK":
            raise TransportError(f"{body.code} {body.message}", permanent=False)
        return list(body.sms_send_detail_dtos.sms_send_detail_dto or [])

    def _call(self, method: str, request: object) -> Any:
        """Calls the SDK, never retrying inside it, and types what goes wrong.

        `from None` and no text of the SDK's: its connection errors quote the URL, and with it the
        parameters, among which a one-time code may be.
        """
        runtime = RuntimeOptions(
            autoretry=False, connect_timeout=CONNECT_TIMEOUT_MS, read_timeout=READ_TIMEOUT_MS
        )
        client = self._client
        try:
            return getattr(client, method)(request, runtime)
        except ClientException as error:
            raise _refusal(error.code, error.message) from None
        except AlibabaCloudException as error:
            # A 5xx says that something broke there, not whether before or after it was sent.
            raise OutcomeUnknown(f"the SMS provider failed: {error.code}") from None
        except UnretryableException as error:
            if _never_connected(error.inner_exception):
                raise TransportError(
                    "the SMS provider cannot be reached", permanent=False
                ) from None
            raise OutcomeUnknown("the SMS provider did not answer") from None


def _refusal(code: str | None, words: str | None) -> TransportError:
    return TransportError(f"{code}: {words}"[:300], permanent=code not in PASSING)


def _never_connected(error: BaseException | None) -> bool:
    """Whether the call failed before a connection stood, so that nothing can have been sent."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectTimeout | NewConnectionError):
            return True
        reason = getattr(seen, "reason", None)
        seen = reason if isinstance(reason, BaseException) else seen.__context__
    return False
