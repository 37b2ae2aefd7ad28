"""The official Aliyun SDK behind our types: calls made once, errors told apart, nothing quoted.

Import it where something is sent, not at start-up: the SDK takes a second of CPU and 40 MB, and
only the workers need it.
"""

import datetime
import json
from collections.abc import Mapping
from typing import Any

from alibabacloud_dysmsapi20170525 import models as sms
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ClientException
from alibabacloud_tea_openapi.models import Config
from darabonba.exceptions import UnretryableException
from darabonba.runtime import RuntimeOptions
from django.conf import settings
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import NewConnectionError

from notices.channels.base import OutcomeUnknown, TransportError

CONNECT_TIMEOUT_MS = 5_000
READ_TIMEOUT_MS = 10_000

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


class AliyunClient:
    """SendSms and QuerySendDetails of one account, as settings name it."""

    def __init__(self) -> None:
        self._client = Client(
            Config(
                access_key_id=settings.ALIYUN_SMS_ACCESS_KEY_ID,
                access_key_secret=settings.ALIYUN_SMS_ACCESS_KEY_SECRET,
                endpoint=settings.ALIYUN_SMS_ENDPOINT,
                protocol=settings.ALIYUN_SMS_PROTOCOL,
            )
        )

    def send(
        self, *, phone: str, template_code: str, params: Mapping[str, str], out_id: str
    ) -> str:
        """Sends one SMS; returns the provider's BizId. Raises TransportError, OutcomeUnknown."""
        request = sms.SendSmsRequest(
            phone_numbers=phone,
            sign_name=settings.ALIYUN_SMS_SIGN_NAME,
            template_code=template_code,
            template_param=json.dumps(dict(params), ensure_ascii=False),
            out_id=out_id,
        )
        body = self._call("send_sms_with_options", request).body
        if body.code != "OK":
            raise _refusal(body.code, body.message)
        return body.biz_id or ""

    def details(self, *, phone: str, day: datetime.date, page: int, size: int) -> list[Any]:
        """A page of what was sent to `phone` on `day`, newest first. Raises TransportError."""
        request = sms.QuerySendDetailsRequest(
            phone_number=phone, send_date=f"{day:%Y%m%d}", page_size=size, current_page=page
        )
        try:
            body = self._call("query_send_details_with_options", request).body
        except OutcomeUnknown as error:
            # A question may be asked twice.
            raise TransportError(str(error), permanent=False) from None
        if body.code != "OK":
            raise TransportError(f"{body.code}: {body.message}", permanent=False)
        return list(body.sms_send_detail_dtos.sms_send_detail_dto or [])

    def _call(self, method: str, request: object) -> Any:
        """Calls the SDK, never retrying inside it, and types what goes wrong.

        `from None` and no text of the SDK's: its connection errors quote the URL, and with it the
        parameters, among which a one-time code may be.
        """
        runtime = RuntimeOptions(
            autoretry=False, connect_timeout=CONNECT_TIMEOUT_MS, read_timeout=READ_TIMEOUT_MS
        )
        try:
            return getattr(self._client, method)(request, runtime)
        except ClientException as error:
            raise _refusal(error.code, error.message) from None
        except AlibabaCloudException as error:
            # A 5xx says that something broke there, not whether before or after it was sent.
            raise OutcomeUnknown(f"the SMS provider failed: {error.code}") from None
        except UnretryableException as error:
            if _never_connected(error.inner_exception):
                reason = "the SMS provider cannot be reached"
                raise TransportError(reason, permanent=False) from None
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
